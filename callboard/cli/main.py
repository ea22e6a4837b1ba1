"""The command ``callboard``: its subcommands, and how each outcome becomes an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final, TextIO

from cyclopts import App, CycloptsError, Parameter

from callboard.cli.origins import Origins
from callboard.cli.output import complain
from callboard.errors import NotRunningError, ServerNotFoundError
from callboard.events.errors import CallboardError, InvalidValueError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NO_SERVER: Final = 3
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

_COMMANDS: Final = (
    ("up", "callboard.cli.up:up", "Run callboard: server, actors, views, service."),
    ("demo", "callboard.cli.demo:demo", "Run the whole path once, on a server of its own, and show it."),
    ("submit", "callboard.cli.submit:submit", "Submit a task."),
    ("task", "callboard.cli.task:app", "Show, list, cancel and retry tasks."),
    ("heartbeat", "callboard.cli.heartbeat:app", "Set, list, pause and remove tasks submitted time after time."),
    ("session", "callboard.cli.session:app", "List, show, name and close sessions."),
    ("rules", "callboard.cli.rules:app", "List, show, accept and reject what was learned of a user."),
    ("stats", "callboard.cli.stats:stats", "Print how many tasks are in which state, and how long they take."),
    ("agents", "callboard.cli.agents:app", "Print what each agent does and did, or forget one that is gone."),
    ("patterns", "callboard.cli.patterns:patterns", "Print what users do most, how it goes, and what is unusual."),
    ("cleanup", "callboard.cli.cleanup:cleanup", "Take tasks that ended long ago out of the views."),
    ("log", "callboard.cli.log:app", "Follow the event log, read it again, copy it."),
    ("requests", "callboard.cli.requests:app", "List and follow the requests that web applications have logged."),
    ("dead", "callboard.cli.dead:app", "List, show and requeue commands that could not be taken."),
    ("backtest", "callboard.cli.backtest:backtest", "Route the submissions of the past again with other agents."),
    ("check", "callboard.cli.check:check", "Read the log from end to end and prove that all that must hold does."),
    ("projections", "callboard.cli.projections:app", "Rebuild the views from the event log."),
)


def build(origins: Origins | None = None) -> App:
    """Return the command with all its subcommands, each imported when it is used; ``origins`` sees its values."""
    app = App(
        name="callboard",
        help="A durable runtime for AI agents and background work on one NATS JetStream log.",
        config=origins,
        version=lambda: version("callboard"),
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative=(), show_default=False),
        help_epilogue="Exit codes: 0 ok, 1 failed or not found, 2 usage, 3 no server, 130 interrupted.",
    )
    for name, target, text in _COMMANDS:
        app.command(target, name=name, help=text)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` and return its exit code; errors are printed, never raised."""
    origins = Origins()
    try:
        code = build(origins)(arguments, exit_on_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _discard(sys.stdout)
        return BROKEN_PIPE
    except CallboardError as error:
        complain(origins.told(error))
        return exit_code(error)
    except OSError as error:  # a full disk, a file that may not be read
        _discard(sys.stdout)
        complain(str(error))
        return FAILED
    return code if isinstance(code, int) else OK


def exit_code(error: CallboardError) -> int:
    """Return the exit code that tells scripts what kind of ``error`` it was."""
    if isinstance(error, ServerNotFoundError | NotRunningError):
        return NO_SERVER
    return USAGE if isinstance(error, InvalidValueError) else FAILED


def main() -> None:
    """Run the command line of this process and exit."""
    # Whoever closed an output does not want it; its descriptor must not become that of a socket.
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal's encoding lacks must not be an error.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(sys.argv[1:]))


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _discard(stream: TextIO) -> None:
    """Have the interpreter's last flush of ``stream`` go nowhere, now that its reader is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
