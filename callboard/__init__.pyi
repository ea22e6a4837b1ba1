from callboard.actors.agents import Agent, specialist
from callboard.actors.context import Context
from callboard.actors.retrying import Fail, Retry
from callboard.actors.subtask import Subtask, SubtaskFailed
from callboard.actors.task import Task
from callboard.actors.user_context import UserContext
from callboard.client import Client
from callboard.events.errors import CallboardError

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
