"""``callboard patterns``."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import Parameter

from callboard.cli.as_of import NOW, Then
from callboard.cli.instant import instant
from callboard.cli.options import AT_LEAST_ONE, DEFAULTS, Options
from callboard.cli.output import Output
from callboard.cli.text import duration, moment
from callboard.client import Client
from callboard.events.subjects import QUERY
from callboard.pattern_replies import ActionPattern, Anomaly, IntentPattern, Patterns, UserPattern
from callboard.replies import read

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHOWN_ENTITIES: Final = 5
_RATES: Final = (">count", ">average", ">success")


async def patterns(
    *,
    user: Annotated[str | None, Parameter(name=("--user", "--user-id"))] = None,
    since: str | None = None,
    timezone: str | None = None,
    limit: Annotated[int | None, AT_LEAST_ONE] = None,
    then: Then = NOW,
    options: Options = DEFAULTS,
) -> int:
    """Print what users do most, how it goes, when, and who is far off their own past.

    Args:
        user: Only this user.
        since: Only from that UTC day on, such as 7d or 2026-01-31T09:00:00Z; with --as-of an age counts back from then.
        timezone: Where hours and days of the week count, such as Europe/Berlin; UTC by default.
        limit: How many entries of each kind, 20 by default.
        then: Which moment is asked about: the days that were over then; a sequence is one of the request log.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        day = None if since is None else instant(since, "since", await _now(board, then))
        asked = then.query(user_id=user, since=day, timezone=timezone, limit=limit)
        document = await board.ask(f"{QUERY}.patterns", asked)
    out = options.output()
    if out.json:
        out.document(document)
    else:
        print_patterns(out, read(document, Patterns))
    return 0


async def _now(board: Client, then: Then) -> datetime:
    """Return the time that ages count back from; for a line it is the end of the last day that was over."""
    if isinstance(then.as_of, int):
        return (await board.patterns(as_of=then.as_of, limit=1)).until or datetime.now(UTC)
    return then.as_of or datetime.now(UTC)


def print_patterns(out: Output, found: Patterns) -> None:
    """Print a table for each kind of pattern there is any of."""
    dropped = found.dropped
    facts = [
        ("requests", found.requests),
        ("until", None if found.until is None else moment(found.until)),
        ("malformed lines", found.malformed or None),
        ("actions counted as (other)", dropped.actions or None),
        ("intents counted as (other)", dropped.intents or None),
        ("values not counted", dropped.entities or None),
        ("as of", found.as_of_seq),
    ]
    out.facts(facts)
    out.section("actions", ("action", *_RATES, ">longest"), map(_action, found.actions))
    if found.user_id is None:
        out.section("users", ("user", *_RATES, "most common actions"), map(_user, found.users))
    out.section("intents", ("intent", *_RATES, "common entities"), map(_intent, found.intents))
    out.section(f"hours ({found.timezone})", ("", *(f">{hour}" for hour in range(24))), _week(found))
    columns = ("user", "what", "day", ">seen", ">expected", ">p")
    out.section("far off their own past", columns, map(_anomaly, found.anomalies))
    tasks = found.tasks
    among = f"tasks ({'all' if tasks.complete else 'the newest'} {tasks.counted})"
    out.section(among, ("action", *_RATES, ">longest"), map(_action, tasks.actions))
    out.section(f"intents of {among}", ("intent", *_RATES, "common entities"), map(_intent, tasks.intents))


def _action(one: ActionPattern) -> tuple[object, ...]:
    return (one.action, *_rates(one), duration(one.max_ms))


def _user(one: UserPattern) -> tuple[object, ...]:
    return (one.user_id, *_rates(one), ", ".join(f"{each.action} ({each.count})" for each in one.actions))


def _intent(one: IntentPattern) -> tuple[object, ...]:
    shown = one.entities[:_SHOWN_ENTITIES]
    values = [f"{each.name}={each.value} ({each.count})" for each in shown]
    return (one.intent, *_rates(one), ", ".join([*values, *([] if one.complete else ["and others"])]))


def _rates(one: ActionPattern | UserPattern | IntentPattern) -> tuple[object, ...]:
    return one.count, duration(one.avg_ms), "" if one.success_rate is None else f"{one.success_rate:.1%}"


def _week(found: Patterns) -> Iterable[tuple[object, ...]]:
    return (
        (day, *(count or "." for count in hours)) for day, hours in zip(_DAYS, found.week, strict=False) if any(hours)
    )


def _anomaly(one: Anomaly) -> tuple[object, ...]:
    return one.user_id, one.what, one.day, one.seen, f"{one.expected:.1f}", f"{one.p_value:.1g}"
