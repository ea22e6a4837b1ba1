"""``callboard user``: what is known of a user."""

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output
from callboard.cli.session import state
from callboard.cli.text import compact, moment, safe
from callboard.events.subjects import QUERY
from callboard.replies import read
from callboard.rule_replies import RuleInfo
from callboard.session_replies import SessionSummary
from callboard.user_replies import OpenTaskInfo, UserInfo

SHOWN = 80
"""Characters of a title or an input in a table; --json has all that was told."""


async def user(user_id: str, /, *, then: Then = NOW, options: Options = DEFAULTS) -> int:
    """Print what is known of a user: accepted rules, newest sessions, tasks that are not over.

    Args:
        user_id: The user's id.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.user", then.query(user_id=user_id))
    out = options.output()
    if out.json:
        out.document(document)
    else:
        _print(out, read(document, UserInfo))
    return 0


def _print(out: Output, known: UserInfo) -> None:
    out.facts([("user", known.user_id), ("open tasks", known.open_tasks), ("as of event", known.as_of_seq)])
    out.section("accepted rules", ("rule", ">bound", "says"), map(_rule, known.rules))
    columns = ("session", "state", ">messages", "active at", "title")
    out.section("newest sessions", columns, map(_session, known.sessions))
    among = "open tasks" if known.open_tasks <= len(known.tasks) else f"the newest {len(known.tasks)} open tasks"
    out.section(among, ("task", "status", "agent", "kind", "submitted", "input"), map(_task, known.tasks))


def _rule(rule: RuleInfo) -> tuple[object, ...]:
    return rule.id, f"{rule.bound:.2f}", safe(rule.text, SHOWN)


def _session(each: SessionSummary) -> tuple[object, ...]:
    return each.session_id, state(each), each.message_count, moment(each.active_at), safe(each.title, SHOWN)


def _task(task: OpenTaskInfo) -> tuple[object, ...]:
    shown = "(too long)" if "input" in task.omitted else safe(compact(task.input), SHOWN)
    return task.id, task.status, task.agent, task.kind, moment(task.submitted_at), shown
