"""A durable, event-sourced runtime for AI agents and background work on NATS JetStream."""

from callboard.lazy_names import lazy_names

__all__ = [
    "Agent",
    "CallboardError",
    "Client",
    "Context",
    "Fail",
    "Retry",
    "Subtask",
    "SubtaskFailed",
    "Task",
    "UserContext",
    "specialist",
]

# The command line passes through here, and is to hear a Ctrl-C before all of the rest is imported.
__getattr__ = lazy_names(
    __name__,
    {
        "Agent": "callboard.actors.agents",
        "CallboardError": "callboard.events.errors",
        "Client": "callboard.client",
        "Context": "callboard.actors.context",
        "Fail": "callboard.actors.retrying",
        "Retry": "callboard.actors.retrying",
        "Subtask": "callboard.actors.subtask",
        "SubtaskFailed": "callboard.actors.subtask",
        "Task": "callboard.actors.task",
        "UserContext": "callboard.actors.user_context",
        "specialist": "callboard.actors.agents",
    },
)
