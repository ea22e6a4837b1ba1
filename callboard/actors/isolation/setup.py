"""What a worker process has to know from the start."""

import logging
import os
import sys
from pathlib import Path

import structlog
from msgspec import Struct

from callboard.actors.agents import Agent


class Setup(Struct, frozen=True):
    """What a worker process is started with, in its arguments.

    ``reading`` and ``writing`` are the pipes it talks through, ``life`` one that ends when ``parent`` does. It loads
    ``agent`` from ``app`` with ``path`` as the import path. Lines below ``level`` (``library_level`` for those of the
    standard library's logging) are not worth sending.
    """

    agent: str
    app: str
    parent: int
    reading: int
    writing: int
    life: int
    path: list[str]
    level: int
    library_level: int

    @staticmethod
    def of(agent: Agent, pipes: tuple[int, int, int]) -> "Setup":
        """Return what a process of this one has to know for ``agent``; ``pipes`` are reading, writing, life."""
        reading, writing, life = pipes
        return Setup(
            agent=agent.name,
            app=agent.origin or "",
            parent=os.getpid(),
            reading=reading,
            writing=writing,
            life=life,
            path=[entry or str(Path.cwd()) for entry in sys.path],
            level=_level(),
            library_level=logging.getLogger().getEffectiveLevel(),
        )


def _level() -> int:
    """Return the least level that structlog writes here."""
    asked = getattr(structlog.get_logger().bind(), "get_effective_level", None)
    return asked() if asked else logging.NOTSET
