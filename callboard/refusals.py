"""What became of commands that were kept for later and then could not be taken."""

from nats.aio.msg import Msg

from callboard.events.connection import Connection
from callboard.events.errors import CallboardError
from callboard.requester import refusal


class Refusals:
    """The error answers to queued commands, by task id, while this client is connected."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = ""
        self._errors: dict[str, CallboardError] = {}

    async def address(self, task_id: str) -> str:
        """Return the subject to which an error about a command of ``task_id`` is to be sent."""
        if not self._inbox:
            self._inbox = self._connection.new_inbox()
            await self._connection.subscribe(f"{self._inbox}.*", cb=self._take)
        self._errors.pop(task_id, None)
        return f"{self._inbox}.{task_id}"

    def raise_for(self, task_id: str) -> None:
        """Raise the error that came back for ``task_id``; return when none did."""
        error = self._errors.pop(task_id, None)
        if error is not None:
            raise error

    async def _take(self, message: Msg) -> None:
        self._errors[message.subject.rpartition(".")[2]] = refusal("400", "the command was refused", message.data)
