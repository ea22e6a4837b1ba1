"""``callboard log replay``: stored events again, to the terminal, as JSON lines, or onto a NATS subject."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from callboard.cli.options import AT_LEAST_ONE, DEFAULTS, Options
from callboard.cli.output import Output, remark
from callboard.cli.timeline import line
from callboard.client import Client
from callboard.cloud_event import cloud_event
from callboard.event_info import from_message
from callboard.events.errors import InvalidValueError
from callboard.events.log_times import event_time
from callboard.events.message import Message
from callboard.events.subjects import token
from callboard.events.ticket import sequence_of, stored_at
from callboard.log_place import parse_place
from callboard.pacing import Pacer, parse_speed
from callboard.replaying import Selection, check, replayed
from callboard.replies import UnreadableReplyError
from callboard.reprint import Reprint

Format = Literal["text", "jsonl", "cloudevents"]


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """Which events are meant."""

    since: Annotated[
        str | None,
        Parameter(
            name=("--since", "--since-seq"), help="Begin at this sequence, or time such as 2026-01-31T09:00:00Z."
        ),
    ] = None
    until: Annotated[str | None, Parameter(help="End with this sequence, or at this time.")] = None
    subject: Annotated[
        str | None,
        Parameter(help="Only those under this subject, with wildcards such as callboard.events.task.*.*.failed."),
    ] = None
    task: Annotated[str | None, Parameter(help="Only those of this task.")] = None
    agent: Annotated[
        str | None, Parameter(help="Only those of tasks that were routed to this agent, also in their sessions.")
    ] = None
    user: Annotated[
        str | None,
        Parameter(name=("--user", "--user-id"), help="Only those of this user, and of the user's tasks and sessions."),
    ] = None

    def selection(self) -> Selection:
        """Return what the options select.

        Raises:
            InvalidValueError: one of them is out of place.
        """
        if self.task is not None:
            token(self.task, "task")
        since = None if self.since is None else parse_place(self.since, "since")
        until = None if self.until is None else parse_place(self.until, "until")
        selection = Selection(
            since=since, until=until, subject=self.subject, task=self.task, agent=self.agent, user=self.user
        )
        check(selection)
        return selection


ALL: Final = Which()


async def replay(
    *,
    which: Which = ALL,
    speed: str = "max",
    form: Annotated[Format | None, Parameter(name="--format")] = None,
    target: Annotated[str | None, Parameter(name="--to", metavar="SUBJECT")] = None,
    limit: Annotated[int | None, AT_LEAST_ONE] = None,
    options: Options = DEFAULTS,
) -> int:
    """Give out stored events again, from the start of the log to its end; nothing needs to run but the server.

    Args:
        which: Which events are meant.
        speed: realtime, so many times as fast (10), or max.
        form: text, jsonl, or cloudevents (CloudEvents 1.0, one JSON object a line).
        target: Publish them on this NATS subject instead of printing them.
        limit: End after so many events.
        options: Where the server is, and how to print.
    """
    if target is not None and form is not None:
        raise InvalidValueError("expected form only for events that are printed, not published", field="form")
    selection, pacer = which.selection(), Pacer(parse_speed(speed))
    reprint = None if target is None else Reprint(target)
    async with options.client() as board, aclosing(_each(board, selection, pacer, limit)) as messages:
        if reprint is not None:
            await _publish(board, messages, reprint)
            return 0
        out = options.output()
        give = _printer(out, form or ("jsonl" if out.json else "text"))
        async for message in messages:
            give(message)
    return 0


async def _each(board: Client, selection: Selection, pacer: Pacer, limit: int | None) -> AsyncGenerator[Message, None]:
    """Yield the selected messages, each when it is due, ``limit`` at most."""
    count = 0
    async with aclosing(replayed(board.connection, board.url, selection)) as messages:
        async for message in messages:
            await pacer.wait_for(event_time(message.data) or stored_at(message.reply))
            yield message
            count += 1
            if count == limit:
                return


async def _publish(board: Client, messages: AsyncIterator[Message], reprint: Reprint) -> None:
    count = 0
    async for message in messages:
        await reprint.publish(board.connection, message)
        count += 1
    await board.connection.flush()
    remark(f"published {count} events on {reprint.subject}")


def _printer(out: Output, style: Format) -> Callable[[Message], None]:
    if style == "cloudevents":
        return lambda message: out.line(cloud_event(message))

    def give(message: Message) -> None:
        try:
            event = from_message(message.subject, message.data, sequence_of(message.reply))
        except UnreadableReplyError as error:
            remark(f"left out {sequence_of(message.reply)}: {error}")
            return
        if style == "jsonl":
            out.line(event)
        else:
            out.text(line(event))

    return give
