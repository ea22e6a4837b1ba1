"""From a checked submission to the order that makes it a task: who serves it, where its result may go."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from callboard.actors import command
from callboard.actors.agent_registry import AgentRegistry
from callboard.actors.channels.channel import Channel, check
from callboard.actors.command import RefusalError, Submit
from callboard.actors.cycles import CycleCheck
from callboard.actors.order import Order, Settled
from callboard.actors.router import Router
from callboard.actors.task import Task
from callboard.events import task
from callboard.events.errors import InvalidValueError
from callboard.events.submission import Submission, band
from callboard.events.task import TaskState
from callboard.events.task_events import Submitted, TaskEvent


class Intake:
    """What every way in shares: the agents that are known, the router and the delivery channels. For any thread."""

    def __init__(
        self,
        agents: AgentRegistry,
        router: Router,
        channels: Mapping[str, Channel],
        cycles: CycleCheck | None = None,
    ) -> None:
        """Without ``cycles``, tasks that wait for each other are only found once they are blocked."""
        self._agents = agents
        self._router = router
        self._channels = channels
        self._cycles = cycles

    def check(self, wanted: Submit) -> None:
        """Check what only those who serve can know.

        Raises:
            RefusalError: no process ever announced the agent, or a delivery asks for what its channel does not take.
        """
        submission = wanted.submission
        if wanted.agent is not None and self._agents.explicit(wanted.agent) is None:
            known = ", ".join(self._agents.processes()) or "none"
            detail = f"expected an agent that is known ({known}), got {wanted.agent!r}"
            raise RefusalError(command.UNKNOWN_AGENT, detail, "agent")
        if submission.delivery:
            try:
                check(submission.delivery, self._channels)
            except InvalidValueError as error:
                raise RefusalError(command.INVALID, str(error), error.field) from error

    def order(
        self, wanted: Submit, task_id: str, done: Callable[[Settled], None], *, heartbeat: str | None = None
    ) -> Order:
        """Return the order that makes ``wanted`` the task ``task_id``; ``heartbeat`` names the one that it comes from.

        Raises:
            RefusalError: as :meth:`check`, or the task would wait for itself.
        """
        self.check(wanted)
        submission = wanted.submission
        named = None if wanted.agent is None else self._agents.explicit(wanted.agent)

        def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
            if state is not None:
                return []
            route = named or self._agents.route(self._router, routed_task(submission, task_id, now))
            return task.submit(None, task_id, submission, route, now, heartbeat=heartbeat)

        if self._cycles is not None and submission.id is not None and submission.depends_on:
            done = self._cycles.guarded(task_id, submission.depends_on, done)
        return Order(task_id, decide, done, fresh=True)

    def revive(
        self, state: TaskState | None, now: datetime, *, reason: str | None = None, by: str | None = None
    ) -> list[TaskEvent]:
        """Decide the new life of a task that had ended; one that had found no agent is routed again."""
        route = None
        if state is not None and state.agent is None and state.submitted is not None:
            route = self._agents.route(self._router, routed_task(state.submitted, state.id, now))
        return task.retry(state, route, now, reason=reason, by=by)


def routed_task(submission: Submission | Submitted, task_id: str, now: datetime) -> Task:
    """Return the task a router looks at: not yet anybody's."""
    return Task(
        id=task_id,
        input=msgspec.json.decode(submission.input),
        kind=submission.kind,
        priority=band(submission.priority),
        user_id=submission.user_id,
        session_id=submission.session_id,
        tenant_id=submission.tenant_id,
        parent_id=submission.parent_id,
        metadata=submission.metadata,
        submitted_at=now,
    )
