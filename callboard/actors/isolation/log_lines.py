"""The log of a worker process: its lines go to callboard, which writes them among its own."""

import logging
from collections.abc import Callable, MutableMapping
from typing import Any, Final, NoReturn

import structlog

from callboard.actors.isolation.messages import Line

Send = Callable[[Line], None]
_LEVELS: Final = logging.getLevelNamesMapping()


def send_lines(send: Send, level: int, library_level: int) -> None:
    """Send what structlog and the standard library's logging would write from now on, from these levels up."""

    def forward(_logger: Any, method: str, line: MutableMapping[str, Any]) -> NoReturn:
        event = line.pop("event", "")
        send(Line(_LEVELS.get(method.upper(), logging.ERROR), str(event), {str(name): line[name] for name in line}))
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info, forward],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    logging.basicConfig(handlers=[_Handler(send)], level=library_level, force=True)


class _Handler(logging.Handler):
    """Sends the lines of the standard library's logging."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line."""
        fields = {"logger": record.name}
        if record.exc_info:
            fields["exception"] = self._formatter.formatException(record.exc_info)
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        self._send(Line(level, record.getMessage(), fields))
