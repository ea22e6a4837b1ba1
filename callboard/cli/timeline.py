"""Events in words: what happened, to whom it happened, and how long after the event before."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec
from rich.text import Text

from callboard.cli.text import clock, compact, duration, escaped, moment, safe
from callboard.cli.writers import Writers
from callboard.event_info import EventInfo
from callboard.event_name import TASK
from callboard.events.rule import Rule

COLUMNS: Final = (">#", "time", ">gap", "event", "actor", "what")
STYLES: Final = {
    "completed": "green",
    "delivered": "green",
    "failed": "red",
    "attempt_failed": "yellow",
    "delivery_failed": "yellow",
    "cancelled": "magenta",
    "expired": "magenta",
}
_DETAIL: Final = 160
"""Characters of a detail; `--json` has all of it."""


def timeline(events: Iterable[EventInfo]) -> Iterator[tuple[Text, ...]]:
    """Yield a row of ``COLUMNS`` for each of one task's ``events``, oldest first."""
    before = None
    writers = Writers()
    for event in events:
        gap = "" if before is None else duration((event.at - before).total_seconds() * 1000)
        before = event.at
        yield (
            Text(str(event.version)),
            Text(clock(event.at)),
            Text(gap),
            safe(event.event, style=STYLES.get(event.event, "")),
            safe(writers.of(event), 40),
            safe(describe(event), _DETAIL),
        )


def line(event: EventInfo) -> Text:
    """Return ``event`` on one line: time, task (or what else, after its kind), version, name, details."""
    whose = event.id if event.kind == TASK else f"{event.kind} {event.id}"
    text = Text.assemble((clock(event.at), "dim"), "  ", safe(whose), f" {event.version:>3} ")
    text.append(f"{escaped(event.event):<15} ", style=STYLES.get(event.event, ""))
    return text.append_text(safe(describe(event), _DETAIL)) if describe(event) else text


def describe(event: EventInfo) -> str:
    """Return what ``event`` says beyond its name, as a person would put it."""
    wording = _WORDING.get(event.event)
    return "" if wording is None else wording(event.body)


def _routed(body: dict[str, Any]) -> str:
    confidence = body.get("confidence")
    share = f" {confidence:.0%}" if isinstance(confidence, int | float) else ""
    return f"to {body.get('agent')} ({body.get('method')}{share}): {body.get('reason')}"


def _scheduled(body: dict[str, Any]) -> str:
    due = str(body.get("due"))
    with suppress(ValueError, OverflowError):
        due = moment(datetime.fromisoformat(due))
    return f"due {due}, {body.get('why')}"


def _on(body: dict[str, Any]) -> str:
    on = body.get("on")
    return ", ".join(map(str, on)) if isinstance(on, list) else ""


def _assigned(body: dict[str, Any]) -> str:
    return f"{body.get('agent')}, {body.get('priority')}, attempt {body.get('attempt')}"


def _progressed(body: dict[str, Any]) -> str:
    fraction = body.get("fraction")
    share = f"{fraction:.0%} " if isinstance(fraction, int | float) else ""
    return f"{share}{body.get('note') or ''}".strip()


def _error(body: dict[str, Any]) -> str:
    error = body.get("error")
    return f"{error.get('type')}: {error.get('message')}" if isinstance(error, dict) else ""


def _attempt_failed(body: dict[str, Any]) -> str:
    return f"attempt {body.get('attempt')}: {_error(body)}"


def _completed(body: dict[str, Any]) -> str:
    spent = body.get("duration_ms")
    return f"in {duration(spent) if isinstance(spent, int | float) else '?'}: {compact(body.get('output'))}"


def _delivery_failed(body: dict[str, Any]) -> str:
    last = ", given up" if body.get("final") else ""
    return f"{body.get('channel')}, attempt {body.get('attempt')}{last}: {_error(body)}"


def _rule(body: dict[str, Any]) -> str:
    """Return the rule of an event in words, as far as the event has one."""
    try:
        text = msgspec.convert(body, Rule).text
    except msgspec.ValidationError:
        text = str(body.get("rule"))
    return f"{text} (no longer enough speaks for it)" if body.get("fading") else text


def _decided(body: dict[str, Any]) -> str:
    reason = body.get("reason")
    return f"{_rule(body)}: {reason}" if reason else _rule(body)


_WORDING: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "submitted": lambda body: compact(body.get("input")),
    "routed": _routed,
    "blocked": lambda body: f"waits for {_on(body)}",
    "unblocked": lambda body: f"completed: {_on(body)}",
    "scheduled": _scheduled,
    "assigned": _assigned,
    "started": lambda body: f"attempt {body.get('attempt')} on {body.get('worker')}",
    "progressed": _progressed,
    "attempt_failed": _attempt_failed,
    "completed": _completed,
    "failed": _error,
    "cancelled": lambda body: str(body.get("reason") or ""),
    "expired": lambda _: "not started in time",
    "retried": lambda body: str(body.get("reason") or "a new life"),
    "archived": lambda _: "left the views",
    "delivered": lambda body: f"{body.get('channel')}, attempt {body.get('attempt')}",
    "delivery_failed": _delivery_failed,
    "linked": lambda body: f"a subtask of {body.get('parent')}",
    "begun": lambda body: f"a turn of session {body.get('session')}",
    "rule_proposed": _rule,
    "rule_accepted": _decided,
    "rule_rejected": _decided,
    "message_added": lambda body: f"{body.get('role')}: {compact(body.get('content'))}",
}
