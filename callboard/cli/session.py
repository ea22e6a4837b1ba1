"""``callboard session``: list, show, name and close sessions."""

from collections.abc import Iterable
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.text import Text

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, WHOLE, Options
from callboard.cli.output import Output
from callboard.cli.text import compact, moment, safe
from callboard.events.subjects import QUERY
from callboard.replies import read
from callboard.session_replies import MessageInfo, RunInfo, SessionInfo, SessionPage, SessionReceipt

app = App(name="session", help="List, show, name and close sessions.")

STYLES = {"running": "cyan", "completed": "green", "interrupted": "yellow", "failed": "red"}
SHOWN = 200
"""Characters of a message in a table; --json has all of it."""


@app.command(name="ls")
async def list_(
    *,
    user_id: Annotated[str | None, Parameter(help="Only those of this user.")] = None,
    limit: Annotated[int, WHOLE, Parameter(help="How many at most.")] = 50,
    after: Annotated[int | None, Parameter(help="Go on after the page that ended with this sequence.")] = None,
    then: Then = NOW,
    options: Options = DEFAULTS,
) -> int:
    """List sessions, newest activity first.

    Args:
        user_id: Only those of this user.
        limit: How many at most.
        after: Go on after the page that ended with this sequence.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.sessions", then.query(user_id=user_id, limit=limit, after=after))
    out = options.output()
    if out.json:
        out.document(document)
        return 0
    page = read(document, SessionPage)
    rows = (
        (
            each.session_id,
            _state(active=each.active, closed=each.closed_at is not None),
            each.message_count,
            each.user_id,
            moment(each.active_at),
            safe(each.title, 80),
        )
        for each in page.sessions
    )
    out.table(("session", "state", ">messages", "user", "active at", "title"), rows)
    if page.next is not None:
        out.text(f"more: --after {page.next}")
    return 0


@app.command
async def show(
    session_id: str,
    /,
    *,
    limit: Annotated[int | None, WHOLE, Parameter(help="How many messages and runs at most, the newest.")] = None,
    before: Annotated[int | None, Parameter(help="Only what came before this sequence.")] = None,
    then: Then = NOW,
    options: Options = DEFAULTS,
) -> int:
    """Show one session: what was said, and the runs of its tasks.

    Args:
        session_id: The session's id.
        limit: How many messages and runs at most, the newest (default: all).
        before: Only what came before this sequence, as the line at the end of the part that came after it says.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.session", then.query(session_id=session_id, limit=limit, before=before))
    out = options.output()
    if out.json:
        out.document(document)
    else:
        _print(out, read(document, SessionInfo))
    return 0


@app.command
async def add(
    session_id: str,
    role: Literal["user", "assistant", "system", "tool"],
    content: str,
    /,
    *,
    options: Options = DEFAULTS,
) -> int:
    """Add a message to a session, which is opened if there is none.

    Args:
        session_id: The session's id.
        role: Who says it.
        content: What is said.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.add_message(session_id, role, content)
    return _done(options, receipt, "added to")


@app.command
async def title(session_id: str, text: str, /, *, options: Options = DEFAULTS) -> int:
    """Give a session a title.

    Args:
        session_id: The session's id.
        text: The title, of up to 80 characters.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.title_session(session_id, text)
    return _done(options, receipt, "titled")


@app.command
async def summarise(session_id: str, text: str, /, *, options: Options = DEFAULTS) -> int:
    """Note in short what a session is about.

    Args:
        session_id: The session's id.
        text: The summary.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.summarise_session(session_id, text)
    return _done(options, receipt, "summarised")


@app.command
async def close(session_id: str, /, *, options: Options = DEFAULTS) -> int:
    """Close a session; its next message opens it again.

    Args:
        session_id: The session's id.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.close_session(session_id)
    return _done(options, receipt, "closed")


def _done(options: Options, receipt: SessionReceipt, what: str) -> int:
    out = options.output()
    if out.json:
        out.document(receipt)
    else:
        out.text(f"{what} {receipt.session_id}")
    return 0


def _state(*, active: bool, closed: bool) -> str:
    return "active" if active else "closed" if closed else ""


def _print(out: Output, session: SessionInfo) -> None:
    out.facts(
        [
            ("session", session.session_id),
            ("title", session.title),
            ("state", _state(active=session.active, closed=session.closed_at is not None)),
            ("user", session.user_id),
            ("tenant", session.tenant_id),
            ("opened", moment(session.opened_at)),
            ("active at", moment(session.active_at)),
            ("closed", moment(session.closed_at)),
            ("summary", session.summary),
        ]
    )
    out.text("")
    out.table(("time", "role", "task", "message"), map(_message, session.messages))
    if session.runs:
        out.text("")
        out.table(("task", ">life", "run", "started", ">tokens", "why"), map(_run, session.runs))
    if session.next is not None:
        out.text(f"more: --before {session.next}")


def _message(each: MessageInfo) -> Iterable[object]:
    said = "(too large to be kept)" if each.omitted else compact(each.content)
    call = "" if each.name is None else f"{each.name}({compact(each.arguments) if each.arguments else ''}) → "
    return moment(each.at), each.role, each.task_id, safe(f"{call}{said}", SHOWN)


def _run(each: RunInfo) -> Iterable[object]:
    known = each.input_tokens is not None or each.output_tokens is not None
    tokens = f"{each.input_tokens or 0} + {each.output_tokens or 0}" if known else ""
    why = f"{each.error.type}: {each.error.message}" if each.error else each.reason
    status = Text(each.status, style=STYLES.get(each.status, ""))
    return each.task_id, each.life, status, moment(each.started_at), tokens, why
