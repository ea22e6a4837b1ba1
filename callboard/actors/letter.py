"""A message from a durable consumer on its way through an actor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from callboard.events.message import Message
from callboard.events.ticket import Ticket

if TYPE_CHECKING:
    from callboard.actors.mailbox import Mailbox


class Letter(Struct, frozen=True, eq=False, gc=False):
    """One delivered message and the mailbox it came through, which takes its acknowledgement."""

    message: Message
    mailbox: "Mailbox"

    @property
    def subject(self) -> str:
        """The subject it was published to."""
        return self.message.subject

    @property
    def data(self) -> bytes:
        """Its body."""
        return self.message.data

    @property
    def reply(self) -> str:
        """Where it is acknowledged; unique to this delivery."""
        return self.message.reply

    @property
    def headers(self) -> Mapping[str, str] | None:
        """Its headers, None when there are none."""
        return self.message.headers

    @property
    def ours(self) -> bool:
        """Whether it is surely in nobody else's hands: the lease on it was kept up."""
        return self.mailbox.holds(self)

    @property
    def ticket(self) -> Ticket:
        """How often it was delivered and where it stands in its stream."""
        return Ticket.parse(self.message.reply)
