"""``callboard submit``."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter

from callboard.cli.options import DEFAULTS, NOT_NEGATIVE, WHOLE, Options
from callboard.cli.output import Output, remark
from callboard.cli.submit_file import submit_file
from callboard.cli.task import print_task
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.submission import MAX_DEPTH
from callboard.outgoing import SubmissionFields, prepare
from callboard.replies import Receipt

STDIN = "-"


@Parameter(name="*")
@dataclass(frozen=True)
class Fields:
    """What goes with the input."""

    agent: Annotated[str | None, Parameter(help="The agent that is to do it (default: the orchestrator chooses).")] = (
        None
    )
    id: Annotated[str | None, Parameter(help="The task's id; the same id again is the same task.")] = None
    kind: Annotated[str | None, Parameter(help="What kind of task it is, for routing.")] = None
    priority: Annotated[str | None, Parameter(help="critical, high, normal, low, background, or 1-10.")] = None
    delivery: Annotated[
        tuple[str, ...],
        Parameter(metavar="JSON", help='Where the result goes, such as {"channel": "log"}; repeatable.'),
    ] = ()
    metadata: Annotated[str | None, Parameter(metavar="JSON", help="A JSON object that is carried along.")] = None
    user_id: Annotated[str | None, Parameter(help="The user it is for.")] = None
    session_id: Annotated[str | None, Parameter(help="The session it belongs to.")] = None
    tenant_id: Annotated[str | None, Parameter(help="The tenant it belongs to.")] = None
    max_attempts: Annotated[int | None, WHOLE, Parameter(help="Attempts in all.")] = None
    timeout_seconds: Annotated[float | None, Parameter(help="Limit for one attempt.")] = None
    scheduled_for: Annotated[
        datetime | None, Parameter(help="When it is to be done, such as 2026-01-31T09:00:00Z (default: at once).")
    ] = None
    expires_at: Annotated[datetime | None, Parameter(help="When it is no longer worth doing.")] = None
    depends_on: Annotated[
        tuple[str, ...], Parameter(metavar="ID", help="A task that has to be completed before; repeatable.")
    ] = ()
    parent_id: Annotated[str | None, Parameter(help="The task it is a part of.")] = None

    def given(self) -> SubmissionFields:
        """Return the fields as the client takes them.

        Raises:
            InvalidValueError: an option that takes JSON has something else.
        """
        return {
            "agent": self.agent,
            "id": self.id,
            "kind": self.kind,
            "priority": _priority(self.priority),
            "delivery": [one for text in self.delivery for one in _deliveries(text)] or None,
            "metadata": None if self.metadata is None else parse(self.metadata, "--metadata", dict[str, Any]),
            "user_id": self.user_id,
            "session_id": self.session_id,
            "tenant_id": self.tenant_id,
            "max_attempts": self.max_attempts,
            "timeout_seconds": self.timeout_seconds,
            "scheduled_for": self.scheduled_for,
            "expires_at": self.expires_at,
            "depends_on": list(self.depends_on) or None,
            "parent_id": self.parent_id,
        }


NO_FIELDS: Final = Fields()


@Parameter(name="*")
@dataclass(frozen=True)
class FromFile:
    """Many submissions at once."""

    file: Annotated[
        str | None,
        Parameter(
            metavar="FILE",
            allow_leading_hyphen=True,
            help="Submit a file instead, a submission in JSON per line; `-` is standard input.",
        ),
    ] = None
    skip_bad: Annotated[
        bool, Parameter(help="With --file: leave lines out that are none, instead of sending none.")
    ] = False
    batch: Annotated[
        str,
        Parameter(
            metavar="NAME",
            help="With --file: lines without an id that were sent before are new tasks under another name.",
        ),
    ] = ""


NO_FILE: Final = FromFile()


def submit(
    text: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    fields: Fields = NO_FIELDS,
    many: FromFile = NO_FILE,
    json_input: bool = False,
    wait: bool = False,
    wait_seconds: Annotated[float | None, NOT_NEGATIVE] = None,
    options: Options = DEFAULTS,
) -> int:
    """Submit a task and print its id, or a file of tasks and print how many.

    The same file again adds nothing, so that one that was interrupted is simply sent once more.

    Args:
        text: What is to be done, as a text; `-` reads it from standard input.
        fields: What goes with the input.
        many: Many submissions at once.
        json_input: The input is a JSON value, not a text.
        wait: Wait until the task has ended and print it; exit code 1 unless it completed.
        wait_seconds: As --wait, but not longer than this.
        options: Where the server is, and how to print.
    """
    if many.file is not None:
        if text is not None or fields != NO_FIELDS or json_input or wait or wait_seconds is not None:
            raise InvalidValueError("expected --file to stand alone: what goes with a task stands in its line")
        return submit_file(many.file, options, skip_bad=many.skip_bad, batch=many.batch)
    if text is None or many != NO_FILE:
        raise InvalidValueError("expected TEXT, what is to be done, or --file with a file of submissions")
    content = read_input(text, as_json=json_input)  # outside of the event loop, which would swallow a Ctrl-C
    given = fields.given()
    prepare(content, given)  # a mistake is told before anybody is asked
    return asyncio.run(_submit(content, given, options, wait=wait or wait_seconds is not None, seconds=wait_seconds))


async def _submit(content: Any, given: SubmissionFields, options: Options, *, wait: bool, seconds: float | None) -> int:
    async with options.client() as board:
        receipt = await board.submit(content, **given)
        if not wait:
            _print_receipt(options.output(), receipt)
            return 0
        if receipt.queued:
            remark(f"nothing is running: task {receipt.id} is stored and will be taken when callboard starts")
        task = await board.wait(receipt.id, seconds)
    print_task(options.output(), task)
    return 0 if task.status == "completed" else 1


def _print_receipt(out: Output, receipt: Receipt) -> None:
    if out.json:
        out.document(receipt)
        return
    out.text(receipt.id)
    if receipt.queued:
        remark("nothing is running: the task is stored and will be taken when callboard starts")


def read_input(text: str, *, as_json: bool) -> Any:
    """Return the input that ``text`` stands for: itself, or standard input for ``-``; JSON stays the bytes it is.

    Raises:
        InvalidValueError: standard input is not UTF-8, or it is to be JSON and is not.
    """
    if text == STDIN:
        try:
            text = sys.stdin.buffer.read().decode().removesuffix("\n")
        except UnicodeDecodeError as error:
            raise InvalidValueError(f"expected UTF-8 on standard input: {error}") from error
    return parse(text, "the input", msgspec.Raw) if as_json else text


def parse(text: str, what: str, shape: Any) -> Any:
    """Return the JSON in ``text`` as a ``shape``.

    Raises:
        InvalidValueError: it is not JSON of that shape; ``what`` names it in the message.
    """
    try:
        return msgspec.json.decode(text, type=shape)
    except RecursionError as error:
        raise InvalidValueError(f"expected {what} to be JSON nested at most {MAX_DEPTH} deep", field=what) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidValueError(f"expected {what} to be JSON, got {shorten(text)}: {error}", field=what) from error


def _deliveries(text: str) -> list[dict[str, Any]]:
    found = parse(text, "--delivery", dict[str, Any] | list[dict[str, Any]])
    return found if isinstance(found, list) else [found]


def _priority(text: str | None) -> str | int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) <= 2 else text
