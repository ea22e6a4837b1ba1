"""The oracle for a whole log: reads it from its first event and checks what must hold for every one."""

from tests.support.task_history import TaskHistory
from tests.support.wire import Wire
from tests.support.wire_event import PREFIX, WireEvent

KNOWN = tuple(
    f"callboard.events.{kind}." for kind in ("task", "agent", "child", "heartbeat", "session", "turn", "user")
)
STATUS = {"assigned": "assigned", "started": "running", "progressed": "running"}


class LogAudit:
    """Every task of a log, its events walked one by one; construction fails on the first that is out of order."""

    def __init__(self, events: list[WireEvent]) -> None:
        assert [event.seq for event in events] == list(range(1, len(events) + 1)), "expected a log without gaps"
        self.tasks: dict[str, TaskHistory] = {}
        for event in events:
            assert event.subject.startswith(KNOWN), event.subject
            if not event.subject.startswith(PREFIX):
                continue
            self.tasks.setdefault(event.task_id, TaskHistory(event.task_id)).add(event)

    @classmethod
    async def of(cls, wire: Wire) -> "LogAudit":
        """Read the log from its first sequence and check it."""
        return cls(await wire.events())

    def check_over(self) -> None:
        """Check that every task has ended, and every result has found its way or was given up."""
        assert [task.task_id for task in self.tasks.values() if not task.ended] == []
        assert [task.task_id for task in self.tasks.values() if task.undelivered] == []

    async def check_views(self, wire: Wire) -> None:
        """Check that the service says of each task what the log says."""
        last = max((task.events[-1].seq for task in self.tasks.values()), default=0)
        for task in self.tasks.values():
            if task.archived:
                (await wire.ask("query.task", {"id": task.task_id, "min_seq": last})).error(404)
                continue
            shown = (await wire.ask("query.task", {"id": task.task_id, "min_seq": last})).ok
            assert {name: shown[name] for name in _expected(task)} == _expected(task)


def _expected(task: TaskHistory) -> dict[str, object]:
    end = task.events[-1]
    ending = {event.name: event.fields for event in task.lived if event.name in {"completed", "failed"}}
    return {
        "id": task.task_id,
        "status": STATUS.get(task.status, task.status),
        "attempts": task.attempts,
        "version": end.version,
        "seq": end.seq,
        "input": task.events[0].fields["input"],
        "output": ending.get("completed", {}).get("output"),
        "error": ending.get("failed", {}).get("error"),
    }
