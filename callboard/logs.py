"""How callboard logs: one line an event, to standard error, as JSON or for a terminal.

The names of the events are in ``docs/logs.md``.
"""

import contextlib
import logging
import re
import traceback
from datetime import datetime
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_TALKATIVE: Final = ("httpx", "httpcore")
"""At INFO they write URLs, and some services put their secret into the URL."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BEFORE: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class QuietStream:
    """A text stream that loses what cannot be written: a full disk or a closed pipe must not end an actor."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text``, or lose it; return its length."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what is buffered, or lose it."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def configure(stream: TextIO, level: str = "info", style: str = "auto", *, colors: bool = True) -> None:
    """Send all logs of this process, those of libraries included, to ``stream``.

    Args:
        stream: where they go, standard error as a rule.
        level: ``debug``, ``info``, ``warning`` or ``error``: the least that is written.
        style: ``json`` (one object a line), ``console`` (for people), or ``auto``: JSON unless ``stream`` is a
            terminal.
        colors: whether a terminal gets colours.
    """
    quiet = QuietStream(stream)
    terminal = stream.isatty()
    render = _renderers(style == "json" or (style == "auto" and not terminal), colors=colors and terminal)
    structlog.configure(
        processors=[*_BEFORE, *render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=quiet),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(quiet)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=[*_BEFORE, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=_LEVELS[level], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, _LEVELS[level]))


def one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters, so that no logged text can pass for a line of its own or steer a terminal."""
    return {name: _escaped(value) for name, value in event.items()}


def _renderers(json: bool, *, colors: bool) -> list[Processor]:  # noqa: FBT001 -- private, and read in one line
    if json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=_plain)]
    return [one_line, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_plain_traceback)]


def _plain(value: object) -> str:
    """Return what JSON has no form for as text: a time as elsewhere, anything else as Python shows it."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else repr(value)


def _plain_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback without the values of variables: they may be secrets."""
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    stream.write("\n" + "\n".join(map(str, map(_escaped, lines))))


def _escaped(value: object) -> object:
    if not isinstance(value, str):
        return value
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), value)
