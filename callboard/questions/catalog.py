"""Every question the service answers: its name, and the coroutine that does.

Each gets the sights and the body of the request, and raises what ``problems`` knows.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from callboard.questions import agents, heartbeats, patterns, rules, sessions, stats, tasks
from callboard.sights import Sights

Question = Callable[[Sights, bytes], Awaitable[Any]]

QUESTIONS: Final[Mapping[str, Question]] = {
    "task": tasks.task,
    "tasks": tasks.tasks,
    "events": tasks.events,
    "stats": stats.stats,
    "activity": stats.activity,
    "agents": agents.agents,
    "agent_log": agents.agent_log,
    "heartbeats": heartbeats.heartbeats,
    "sessions": sessions.sessions,
    "session": sessions.session,
    "patterns": patterns.patterns,
    "rules": rules.rules,
}
