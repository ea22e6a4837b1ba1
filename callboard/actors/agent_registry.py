"""Every agent that any process has announced, and which of them are served right now."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from callboard.actors.agents import Rule
from callboard.actors.router import Router, explicit
from callboard.actors.task import Task
from callboard.events.agent_log import AgentState
from callboard.events.task import Route

_WAITS: Final = "no process serves it at present, so the task waits for one"


class Known(Struct, frozen=True, kw_only=True, eq=False):
    """An announced agent as a router sees it; ``can_handle`` is its rule where its code is loaded."""

    name: str
    kinds: tuple[str, ...]
    keywords: tuple[str, ...]
    fallback: bool
    max_attempts: int
    can_handle: Rule | None


class _View(Struct, frozen=True):
    """What readers see, made anew with every change, so that nobody ever waits for anybody."""

    present: Sequence[Known] = ()
    absent: Sequence[Known] = ()
    explicit: Mapping[str, Route] = {}
    processes: Mapping[str, int] = {}


class AgentRegistry:
    """Agents by name. Reading is for any thread; what changes it is called on one thread only."""

    def __init__(self, rules: Mapping[str, Rule | None], look_up: Callable[[str], None] | None = None) -> None:
        """``rules`` are those of the agents whose code is loaded here.

        ``look_up`` is asked about a name that nobody has heard of, and calls :meth:`learn` with what it finds.
        """
        self._rules = rules
        self._look_up = look_up or (lambda _name: None)
        self._states: dict[str, AgentState] = {}
        self._nodes: dict[str, frozenset[str]] = {}
        self._view = _View()

    # --- for any thread

    def processes(self) -> Mapping[str, int]:
        """Return how many processes serve each known agent, none for one that is absent."""
        return self._view.processes

    def explicit(self, name: str) -> Route | None:
        """Return the route of a task that was sent to the agent by name, None when nobody ever announced it."""
        route = self._view.explicit.get(name)
        if route is None:
            self._look_up(name)
            route = self._view.explicit.get(name)
        return route

    def route(self, router: Router, task: Task) -> Route:
        """Return where ``router`` sends ``task``: to a present agent, or to a better one that is expected back.

        An absent agent gets what no present one takes, or only the fallback.
        """
        view = self._view
        route = router.route(task, view.present)
        if not view.absent or (route.agent is not None and route.method != "fallback"):
            return route
        other = router.route(task, view.absent)
        if other.agent is None or (route.agent is not None and other.method == "fallback"):
            return route
        return msgspec.structs.replace(other, reason=f"{other.reason}; {_WAITS}")

    def state(self, name: str) -> AgentState | None:
        """Return what the log says of an agent, None for one that was never announced."""
        return self._states.get(name)

    # --- for the thread that keeps it

    def learn(self, states: Iterable[AgentState]) -> None:
        """Take over what is newer than what is known."""
        for state in states:
            known = self._states.get(state.name)
            if known is None or known.version <= state.version:
                self._states[state.name] = state
        self._refresh()

    def serving(self, node: str, agents: Iterable[str]) -> None:
        """Note which agents the process ``node`` serves from now on; none when it has gone."""
        served = frozenset(agents)
        if served == self._nodes.get(node, frozenset()):
            return
        self._nodes[node] = served
        if not served:
            del self._nodes[node]
        self._refresh()

    def _refresh(self) -> None:
        known = [self._known(state) for _, state in sorted(self._states.items()) if state.announced is not None]
        processes = {each.name: sum(each.name in served for served in self._nodes.values()) for each in known}
        self._view = _View(
            present=[each for each in known if processes[each.name]],
            absent=[each for each in known if not processes[each.name]],
            explicit={each.name: explicit(each) for each in known},
            processes=processes,
        )

    def _known(self, state: AgentState) -> Known:
        said = state.announced
        if said is None:
            raise ValueError(f"expected an agent that is not forgotten, got {state.name}")
        return Known(
            name=state.name,
            kinds=said.kinds,
            keywords=said.keywords,
            fallback=said.fallback,
            max_attempts=said.max_attempts,
            can_handle=self._rules.get(state.name),
        )
