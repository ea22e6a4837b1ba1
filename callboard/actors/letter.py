"""A message from a durable consumer on its way through an actor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from callboard.events.ticket import Ticket

if TYPE_CHECKING:
    from callboard.actors.mailbox import Mailbox


class Letter(Struct, frozen=True, eq=False):
    """One delivered message and the mailbox it came through, which takes its acknowledgement."""

    subject: str
    data: bytes
    reply: str
    headers: Mapping[str, str] | None
    mailbox: "Mailbox"

    @property
    def ticket(self) -> Ticket:
        """How often it was delivered and where it stands in its stream."""
        return Ticket.parse(self.reply)
