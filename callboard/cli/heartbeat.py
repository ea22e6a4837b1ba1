"""``callboard heartbeat``: tasks that are submitted time after time."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import remark
from callboard.cli.submit import parse
from callboard.cli.text import compact, moment, safe
from callboard.client_heartbeats import HeartbeatFields
from callboard.events.errors import InvalidValueError
from callboard.events.subjects import QUERY
from callboard.replies import HeartbeatInfo, HeartbeatList, Receipt, read

app = App(name="heartbeat", help="Set, list, pause and remove tasks that are submitted time after time.")


@Parameter(name="*")
@dataclass(frozen=True)
class Definition:
    """What is to be submitted, and when."""

    agent: Annotated[str, Parameter(help="The agent that is to do it.")]
    every_seconds: Annotated[
        float | None, Parameter(name="--every", metavar="SECONDS", help="Every so many seconds, 1 at least.")
    ] = None
    cron: Annotated[
        str | None, Parameter(metavar="EXPRESSION", help="When this is due: 5 fields, or 6 with the seconds first.")
    ] = None
    timezone: Annotated[
        str | None, Parameter(metavar="ZONE", help="The time zone of --cron, such as Europe/Berlin (default: UTC).")
    ] = None
    input: Annotated[
        str | None, Parameter(help="What is to be done: JSON, or else a text (default: the heartbeat's name).")
    ] = None
    overlap: Annotated[bool, Parameter(help="Submit a task also while the one before has not ended.")] = False
    disabled: Annotated[bool, Parameter(help="Set it, but do not let it fire yet.")] = False
    delivery: Annotated[
        tuple[str, ...],
        Parameter(metavar="JSON", help='Where results go, such as {"channel": "log"}; repeatable.'),
    ] = ()

    def fields(self) -> HeartbeatFields:
        """Return the fields as the client takes them.

        Raises:
            InvalidValueError: --delivery has something else than JSON, or the options do not go together.
        """
        if (self.every_seconds is None) == (self.cron is None):
            got = "neither" if self.cron is None else "both"
            raise InvalidValueError(f"expected one of --every and --cron, got {got} of them")
        if self.timezone is not None and self.cron is None:
            raise InvalidValueError("expected a timezone together with cron only: seconds have none", field="timezone")
        return {
            "every_seconds": self.every_seconds,
            "cron": self.cron,
            "timezone": self.timezone,
            "enabled": not self.disabled,
            "overlap": "allow" if self.overlap else "skip",
            "delivery": [parse(text, "--delivery", dict[str, Any]) for text in self.delivery],
        }


@app.command(name="set")
async def set_(name: str, /, *, definition: Definition, options: Options = DEFAULTS) -> int:
    """Set a heartbeat, or replace the one of that name.

    Args:
        name: The heartbeat's name.
        definition: What is to be submitted, and when.
        options: Where the server is, and how to print.
    """
    content = name if definition.input is None else _content(definition.input)
    fields = definition.fields()
    async with options.client() as board:
        receipt = await board.set_heartbeat(name, content, agent=definition.agent, **fields)
    return _done(options, receipt, "set")


@app.command(name="ls")
async def list_(*, then: Then = NOW, options: Options = DEFAULTS) -> int:
    """List heartbeats with their last and next fire, by name.

    Args:
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.heartbeats", then.query())
    out = options.output()
    if out.json:
        out.document(document)
        return 0
    rows = (
        (
            each.name,
            each.agent,
            _when(each),
            "active" if each.enabled else "paused",
            each.overlap,
            moment(each.last_fire),
            moment(each.next_fire),
            safe(compact(each.input), 60),
        )
        for each in read(document, HeartbeatList).heartbeats
    )
    out.table(("heartbeat", "agent", "when", "state", "overlap", "last", "next", "input"), rows)
    return 0


@app.command
async def pause(name: str, /, *, options: Options = DEFAULTS) -> int:
    """Switch a heartbeat off.

    Args:
        name: The heartbeat's name.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.pause_heartbeat(name)
    return _done(options, receipt, "paused")


@app.command
async def resume(name: str, /, *, options: Options = DEFAULTS) -> int:
    """Switch a heartbeat on again.

    Args:
        name: The heartbeat's name.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.resume_heartbeat(name)
    return _done(options, receipt, "resumed")


@app.command(name="rm")
async def remove(name: str, /, *, options: Options = DEFAULTS) -> int:
    """Remove a heartbeat; the tasks it has submitted stay.

    Args:
        name: The heartbeat's name.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.remove_heartbeat(name)
    return _done(options, receipt, "removed")


_QUEUED: Final = "nobody has taken it yet: the command is stored and will be taken when callboard runs"


def _done(options: Options, receipt: Receipt, what: str) -> int:
    out = options.output()
    if out.json:
        out.document(receipt)
    elif receipt.queued:
        remark(_QUEUED)
    else:
        out.text(f"{what} {receipt.id}")
    return 0


def _content(text: str) -> Any:
    """Return the JSON in ``text``, or the text itself when it is none."""
    try:
        return msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text


def _when(each: HeartbeatInfo) -> str:
    return f"every {each.every_seconds:g} s" if each.every_seconds is not None else f"{each.cron} {each.timezone}"
