"""Dependencies: lets blocked tasks go on when what they wait for is completed, and fails them when it cannot be."""

from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec
import pykka
import structlog
from msgspec import Struct

from callboard.actors.batch_actor import BatchActor
from callboard.actors.cycles import LogEdges, broken, find_cycle, path
from callboard.actors.endings import Ending, Endings
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Decision, Order, Settled
from callboard.actors.state_cache import Known
from callboard.actors.task_log import TaskLog
from callboard.events import task
from callboard.events.errors import LogUnavailableError
from callboard.events.journal import Journal
from callboard.events.task_events import Blocked, TaskError

log = structlog.get_logger()

WINDOW: Final = 100_000
"""Blocked tasks held at a time, each with its letter."""

FAILED: Final = "DependencyFailed"
CYCLE: Final = "DependencyCycle"
_blocked: Final = msgspec.json.Decoder(Blocked)


class _Dependant(Struct, eq=False):
    """A blocked task: the letter that says so, and those it waits for that are not completed yet."""

    task_id: str
    version: int
    letter: Letter
    left: set[str]
    decided: bool = False


class Dependencies(BatchActor):
    """Holds the letter of each blocked task until that goes on, so that whoever comes after a crash finds it again."""

    def __init__(
        self,
        *args: Any,
        journal: Journal,
        endings: Endings,
        open_mailbox: Callable[[BatchActor], Mailbox],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._journal = journal
        self._endings = endings
        self._open_mailbox = open_mailbox
        self._arrived: dict[str, _Dependant] = {}
        self._held: dict[str, _Dependant] = {}
        self._waiting_for: dict[str, set[str]] = {}
        self._watched: set[str] = set()
        self._unchecked: list[_Dependant] = []

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailbox of blocked tasks."""
        return [self._open_mailbox(self)]

    def handle(self, message: Any) -> Any:
        """Take the end of a task that others wait for, or that waited itself."""
        if isinstance(message, Ending):
            return self._learn(message)
        return super().handle(message)

    def read(self, letter: Letter) -> Order | None:
        """Keep what a letter says until the whole batch is looked up."""
        try:
            event = _blocked.decode(letter.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.stray(letter, error)
            return None
        task_id, version = event.originator_id, event.originator_version
        held = self._held.get(task_id) or self._arrived.get(task_id)
        if held is not None and held.version == version:
            # Redelivered while it is held: the newer letter is the one to acknowledge.
            older, held.letter = held.letter, letter
            older.mailbox.forget([older])
        elif held is not None and held.version > version:
            self.ack(letter)
        else:
            if held is not None:
                self._drop(task_id)
                self.ack(held.letter)
            self._arrived[task_id] = _Dependant(task_id, version, letter, set())
        return None

    def effects(self) -> None:
        """Look up what has arrived, and begin to wait."""
        if self._arrived:
            states = self._states(self._arrived.values())
            arrived, self._arrived = self._arrived, {}
            for dependant in arrived.values():
                self._admit(dependant, states.get(dependant.task_id))
        if self._unchecked:
            self._watch(self._unchecked)
            self._break_cycles(self._unchecked)
            self._unchecked = []

    def close(self, *, give_back: bool) -> None:
        """Hear of no more ends, and give back what is held."""
        self._endings.forget(self._watched, self._heard)
        super().close(give_back=give_back)

    def _states(self, dependants: Collection[_Dependant]) -> dict[str, Known | Exception]:
        """Return the states of ``dependants``, none older than its letter, or why one cannot be read."""
        found: dict[str, Known | Exception] = {}
        found |= self.tasks.known([each.task_id for each in dependants])
        behind = [each.task_id for each in dependants if _is_behind(found.get(each.task_id), each.version)]
        return found | (_load(self.tasks, behind) if behind else {})

    def _admit(self, dependant: _Dependant, known: Known | Exception | None) -> None:
        if isinstance(known, Exception):
            self.fail(dependant.letter, known)
        elif known is None or known.state.status != "blocked":
            self.ack(dependant.letter)
        else:
            self._hold(dependant, task.dependencies(known.state))
            if not dependant.decided:
                self._unchecked.append(dependant)

    def _hold(self, dependant: _Dependant, on: list[str]) -> None:
        completed = {task_id for task_id, known in self.tasks.known(on).items() if known.state.status == "completed"}
        dependant.left = set(on) - completed
        self._held[dependant.task_id] = dependant
        for task_id in dependant.left:
            self._waiting_for.setdefault(task_id, set()).add(dependant.task_id)
        if not dependant.left:
            self._decide(dependant, task.unblock)

    def _watch(self, dependants: list[_Dependant]) -> None:
        """Wait for the ends of what they wait for, and for their own, as when one is cancelled."""
        wanted = {task_id for each in dependants for task_id in (each.task_id, *each.left)} - self._watched
        self._watched |= wanted
        self._endings.watch(wanted, self._heard)

    def _break_cycles(self, dependants: list[_Dependant]) -> None:
        """Fail those that wait for themselves in the end: who comes last sees the whole ring."""
        in_log = LogEdges(self._journal)
        in_log({task_id for each in dependants for task_id in each.left if task_id not in self._held})

        def edges(task_ids: Collection[str]) -> dict[str, Collection[str]]:
            held = {task_id: self._held[task_id] for task_id in task_ids if task_id in self._held}
            here = {task_id: set() if each.decided else each.left for task_id, each in held.items()}
            return {**here, **in_log([task_id for task_id in task_ids if task_id not in here])}

        for each in dependants:
            ring = None if each.decided else find_cycle(each.task_id, each.left, edges)
            if ring is not None and not broken(ring, _load(self.tasks, ring[:-1])):
                log.warning("dependencies.cycle", task_id=each.task_id, cycle=path(ring))
                self._fail(each, TaskError(CYCLE, f"tasks wait for each other: {path(ring)}"))

    def _heard(self, ending: Ending) -> None:
        """Pass on the end of a task; on the I/O loop."""
        try:
            self.actor_ref.tell(ending)
        except pykka.ActorDeadError:
            log.debug("actor.woken_dead", actor=self.name)

    def _learn(self, ending: Ending) -> None:
        self._watched.discard(ending.task_id)
        if ending.task_id in self._held:
            self._over(self._held[ending.task_id])
        for task_id in self._waiting_for.pop(ending.task_id, ()):
            dependant = self._held[task_id]
            dependant.left.discard(ending.task_id)
            if ending.status != "completed":
                cause = f": {ending.cause}" if ending.cause else ""
                self._fail(dependant, TaskError(FAILED, f"dependency {ending.task_id} {ending.status}{cause}"))
            elif not dependant.left:
                self._decide(dependant, task.unblock)
        self._awake()

    def _fail(self, dependant: _Dependant, error: TaskError) -> None:
        self._decide(dependant, lambda state, now: task.fail_blocked(state, error, now))

    def _decide(self, dependant: _Dependant, decide: Decision) -> None:
        if dependant.decided:
            return
        dependant.decided = True

        def done(settled: Settled) -> None:
            if self._held.get(dependant.task_id) is not dependant:
                return
            self._drop(dependant.task_id)
            if settled.error is None:
                self.ack(dependant.letter)
            else:
                self.fail(dependant.letter, settled.error)

        self.post(Order(dependant.task_id, decide, done, version=dependant.version))

    def _over(self, dependant: _Dependant) -> None:
        """Let go of a task that waits no longer, whoever ended it."""
        if not dependant.decided:
            self._drop(dependant.task_id)
            self.ack(dependant.letter)

    def _drop(self, task_id: str) -> None:
        dependant = self._held.pop(task_id, None)
        if dependant is None:
            return
        alone = [task_id] if task_id not in self._waiting_for else []
        for other in dependant.left:
            waiting = self._waiting_for.get(other, set())
            waiting.discard(task_id)
            if not waiting:
                self._waiting_for.pop(other, None)
                alone += [] if other in self._held else [other]
        self._watched.difference_update(alone)
        self._endings.forget(alone, self._heard)


def _is_behind(known: Known | Exception | None, version: int) -> bool:
    return not isinstance(known, Known) or known.state.version < version


def _load(tasks: TaskLog, task_ids: list[str]) -> dict[str, Known | Exception]:
    """Load some tasks; one that cannot be read holds up no other."""
    found: dict[str, Known | Exception] = {}
    try:
        found |= tasks.load(task_ids)
    except LogUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - somebody wrote what is no event; each by itself, they show which
        if len(task_ids) == 1:
            return {task_ids[0]: error}
        for task_id in task_ids:
            found |= _load(tasks, [task_id])
    return found
