"""Telling people that a command waits for a server that went away."""

import asyncio
from typing import Final

from callboard.cli.output import remark
from callboard.events.connection import Connection

SILENT_SECONDS: Final = 1.0
"""A connection that is back by then is none of their business."""


class Absence:
    """Remarks on one connection: a line when its server stays away, and one when it is back."""

    def __init__(self, url: str) -> None:
        """``url`` is how the server is named, without credentials."""
        self._url = url
        self._connection: Connection | None = None
        self._told = False

    def watch(self, connection: Connection) -> None:
        """Look at ``connection`` from now on; :meth:`began` has to be its ``disconnected_cb``."""
        self._connection = connection
        connection.on_reconnect(self._ended)

    async def began(self) -> None:
        """Tell of a connection that broke, unless it is back soon."""
        asyncio.get_running_loop().call_later(SILENT_SECONDS, self._tell)

    def _tell(self) -> None:
        connection = self._connection
        if connection is not None and connection.is_reconnecting and not self._told:
            self._told = True
            remark(f"waiting for {self._url}")

    def _ended(self) -> None:
        if self._told:
            self._told = False
            remark("connected again")
