"""Any command to a task, and any event, for property tests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from msgspec import Raw

from callboard.events import task
from callboard.events.task import Route, TaskState
from callboard.events.task_events import EVENTS, TaskError, TaskEvent, UnknownEvent
from tests.support.task_story import HOOK, ID, LOG, START, submission

Decision = Callable[[TaskState | None], list[TaskEvent]]


@dataclass(frozen=True)
class Command:
    """A command whose attempt is told from the task's own: ``offset`` 0 is the current attempt, 1 the next.

    ``life`` tells the life in the same way, and ``timer`` the version that it is about.
    """

    name: str
    arguments: dict[str, Any]
    now: datetime
    offset: int | None = None
    life: int | None = None
    timer: int | None = None

    def aimed_at(self, state: TaskState | None) -> Decision:
        """Return the decision this command asks for, its arguments fixed from now on."""
        arguments = dict(self.arguments)
        if self.offset is not None:
            arguments["attempt"] = _base(state, arguments.get("index")) + self.offset
        if self.life is not None:
            arguments["life"] = (1 if state is None else state.life) + self.life
        if self.timer is not None:
            arguments["timer"] = ((state and state.timer) or 0) + self.timer
        decide: Any = getattr(task, self.name)
        return partial(_decide, decide, {**arguments, "now": self.now})


def _decide(decide: Any, arguments: dict[str, Any], state: TaskState | None) -> list[TaskEvent]:
    new: list[TaskEvent] = decide(state, **arguments)
    return new


def _base(state: TaskState | None, index: int | None) -> int:
    """Return the attempt that is expected: the current one, or for a delivery the one after its last."""
    if state is None:
        return 1
    if index is None:
        return state.attempt
    return state.deliveries[index].attempts + 1 if 0 <= index < len(state.deliveries) else 1


times = st.timedeltas(timedelta(seconds=-5), timedelta(days=2)).map(lambda gap: START + gap)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
any_text = st.text(st.characters()) | st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3)
errors = st.builds(TaskError, type=any_text, message=any_text, traceback=st.none() | any_text)
offsets = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, -1])
names = st.sampled_from(["command-1", "command-2", "command-3"])
raws = st.sampled_from([Raw(b"null"), Raw(b'"done"'), Raw(b'{"answer":42}')])
routes = st.one_of(
    st.builds(Route, agent=st.sampled_from(["billing", "mail"]), reason=any_text, max_attempts=st.integers(1, 3)),
    st.builds(Route, agent=st.none(), reason=any_text),
)
moments = st.none() | times
submissions = st.builds(
    submission,
    depends_on=st.sampled_from([[], [], ["first"], ["first", "second", "first"]]),
    scheduled_for=moments,
    expires_at=moments,
    priority=st.sampled_from(["critical", "normal", 1, 4, 10]),
    max_attempts=st.none() | st.integers(1, 3),
    delivery=st.lists(st.sampled_from([LOG, HOOK]), max_size=2),
    metadata=st.dictionaries(st.text(), json_values, max_size=2),
)


def _command(
    name: str, *, offset: bool = True, timer: bool = False, **arguments: st.SearchStrategy[Any]
) -> st.SearchStrategy[Command]:
    return st.builds(
        Command,
        name=st.just(name),
        arguments=st.fixed_dictionaries(arguments),
        now=times,
        offset=offsets if offset else st.none(),
        life=offsets if offset else st.none(),
        timer=offsets if timer else st.none(),
    )


submit = _command("submit", offset=False, task_id=st.just(ID), submission=submissions, route=routes)
start = _command("start", worker=st.sampled_from(["worker-1", "worker-2"]))
progress = _command("progress", fraction=st.none() | st.floats(), note=st.none() | any_text)
complete = _command("complete", output=raws)
fail = _command(
    "fail_attempt",
    error=errors,
    retryable=st.sampled_from([True, True, False]),
    delay_seconds=st.sampled_from([0.0, 0.0, 2.5]) | st.floats(),
)
release = _command("release", reason=any_text)
cancel = _command("cancel", offset=False, reason=st.none() | any_text, by=st.none() | names)
retry = _command("retry", offset=False, route=st.none() | routes, reason=st.none() | any_text, by=st.none() | names)
unblock = _command("unblock", offset=False)
fail_blocked = _command("fail_blocked", offset=False, error=errors)
become_due = _command("become_due", offset=False, timer=True)
expire = _command("expire", offset=False)
archive = _command("archive", offset=False)
deliver = _command("deliver", index=st.integers(-1, 2), receipt=json_values)
fail_delivery = _command(
    "fail_delivery", index=st.integers(-1, 2), error=errors, final=st.booleans(), pause_seconds=st.floats(0, 60)
)

_WEIGHTS = {
    start: 5,
    fail: 5,
    retry: 4,
    unblock: 4,
    become_due: 4,
    deliver: 3,
    fail_delivery: 3,
    progress: 2,
    complete: 2,
    release: 2,
    submit: 1,
    cancel: 1,
    expire: 1,
    fail_blocked: 1,
    archive: 1,
}
commands = st.sampled_from([kind for kind, weight in _WEIGHTS.items() for _ in range(weight)]).flatmap(
    lambda kind: kind
)
"""Any command, those that lead on more often than those that end a story."""

stories = st.builds(lambda first, rest: [first, *rest], submit, st.lists(commands, min_size=12, max_size=40))

_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "originator_id": st.just(ID),
    "originator_version": st.integers(1, 50),
    "at": times,
    "input": raws,
    "output": raws,
    "priority": st.sampled_from(["normal", "low", "someday"]),
    "attempt": st.integers(-1, 5),
    "life": st.integers(-1, 3),
    "due": times,
    "on": st.lists(st.sampled_from(["first", "second"]), max_size=2),
    "depends_on": st.lists(st.sampled_from(["first", "second"]), max_size=2),
    "by": st.none() | names,
    "max_attempts": st.integers(-1, 5),
    "index": st.integers(-1, 3),
    "error": st.builds(TaskError, type=st.text(), message=st.text()),
    "delivery": st.lists(st.sampled_from([LOG, HOOK, {}]), max_size=3),
    "scheduled_for": st.none() | st.datetimes(timezones=st.just(UTC)),
    "expires_at": st.none() | st.datetimes(timezones=st.just(UTC)),
    "metadata": st.dictionaries(st.text(), json_values, max_size=2),
    "entities": st.dictionaries(st.text(), json_values, max_size=2),
    "receipt": json_values,
}


def _event(cls: type[TaskEvent]) -> st.SearchStrategy[TaskEvent]:
    return st.builds(cls, **{name: _FIELDS[name] for name in cls.__struct_fields__ if name in _FIELDS})


_CLASSES: tuple[type[TaskEvent], ...] = (*EVENTS, UnknownEvent)
any_event = st.one_of([_event(cls) for cls in _CLASSES])
any_history = st.lists(any_event, max_size=12)
