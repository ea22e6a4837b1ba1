"""What the service answers about a user, as types, under the rules of the other replies."""

from msgspec import Struct

from callboard.replies import TaskInfo
from callboard.rule_replies import RuleInfo
from callboard.session_replies import SessionSummary


class OpenTaskInfo(TaskInfo, frozen=True, kw_only=True):
    """A task that is not over; ``omitted`` names the fields that were too long for the answer, and are empty."""

    omitted: list[str] = []


class UserInfo(Struct, frozen=True, kw_only=True):
    """What is known of a user: the accepted rules, the newest sessions, the newest tasks that are not over.

    ``open_tasks`` is how many tasks are not over in all. Of somebody who is not known all of it is empty.
    """

    user_id: str
    rules: list[RuleInfo] = []
    sessions: list[SessionSummary] = []
    tasks: list[OpenTaskInfo] = []
    open_tasks: int = 0
    as_of_seq: int = 0
