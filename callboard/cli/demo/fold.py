"""Tasks folded from bare events: written apart from callboard's own fold and views, to check both."""

from collections import Counter
from typing import Any, Final

from msgspec import Struct

from callboard.event_info import EventInfo
from callboard.replies import TaskInfo, TaskStats

_STATUS: Final = {
    "submitted": "scheduled",
    "assigned": "assigned",
    "started": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
ENDED: Final = ("completed", "failed", "cancelled")


class Folded(Struct):
    """What the events seen so far say of one task; ``undelivered`` counts targets that still wait for its result.

    ``note`` is what its agent last said: how far it is, or what went wrong.
    """

    input: Any = None
    status: str = ""
    agent: str | None = None
    version: int = 0
    output: Any = None
    note: str = ""
    delivered: int = 0
    undelivered: int = 0

    @property
    def over(self) -> bool:
        """Whether it has ended and its result is where it was asked for, or given up."""
        return self.status in ENDED and (self.status == "cancelled" or self.undelivered == 0)

    def see(self, event: EventInfo) -> None:
        """Take one more event into account."""
        body = event.body
        self.status = _STATUS.get(event.event, self.status)
        self.agent = body.get("agent", self.agent)
        self.version = event.version
        if event.event == "submitted":
            self.input = body["input"]
            self.undelivered = len(body.get("delivery", ()))
        elif event.event == "progressed":
            self.note = str(body.get("note") or "")
        elif event.event == "completed":
            self.output = body["output"]
        elif event.event in ("failed", "attempt_failed"):
            self.note = str(body["error"]["message"])
        elif event.event == "delivered" or body.get("final"):
            self.undelivered -= 1
            self.delivered += event.event == "delivered"


def see(tasks: dict[str, Folded], event: EventInfo) -> None:
    """Take ``event`` into account in ``tasks``, by id."""
    tasks.setdefault(event.task_id, Folded()).see(event)


def differences(folded: dict[str, Folded], views: dict[str, TaskInfo], stats: TaskStats) -> list[str]:
    """Return a sentence for everything in which the views and the fold do not agree; empty when they do."""
    found = [f"task {task_id} is in one of them only" for task_id in sorted(folded.keys() ^ views.keys())]
    for task_id in folded.keys() & views.keys():
        found += _unlike(task_id, folded[task_id], views[task_id])
    counts = Counter(task.status for task in folded.values())
    for name in ENDED:
        if counts[name] != getattr(stats, name):
            found.append(f"{name}: {counts[name]} from the log, {getattr(stats, name)} in the stats")
    if len(folded) != stats.total:
        found.append(f"total: {len(folded)} from the log, {stats.total} in the stats")
    return found


def _unlike(task_id: str, folded: Folded, view: TaskInfo) -> list[str]:
    pairs = {name: (getattr(folded, name), getattr(view, name)) for name in ("status", "agent", "version", "output")}
    return [
        f"{name} of task {task_id}: {ours!r} from the log, {theirs!r} in the view"
        for name, (ours, theirs) in pairs.items()
        if ours != theirs
    ]
