"""Commands that cannot be taken, set aside with their bytes and the reason."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from nats.errors import Error as NatsError

from callboard.actors.command import RefusalError
from callboard.actors.letter import Letter
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import LogUnavailableError
from callboard.events.headers import one_line

log = structlog.get_logger()

ERROR_HEADER: Final = "Callboard-Error"
SUBJECT_HEADER: Final = "Callboard-Subject"
SEQUENCE_HEADER: Final = "Callboard-Sequence"
REPLY_HEADER: Final = "Callboard-Reply-To"
_ANSWER_SECONDS: Final = 10
_MAX_HEADER: Final = 1_000
_FORBIDDEN_REPLIES: Final = ("callboard.", "$")


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One refused command: its bytes, where it came from, why, and who wants to know."""

    reason: str
    detail: str
    field: str | None
    subject: str
    sequence: int
    data: bytes
    headers: Mapping[str, str] | None


def dead_letter(letter: Letter, refusal: RefusalError) -> DeadLetter:
    """Return the command in ``letter`` as the dead letter it becomes for ``refusal``."""
    return DeadLetter(
        reason=refusal.reason,
        detail=refusal.detail,
        field=refusal.field,
        subject=letter.subject,
        sequence=letter.ticket.sequence,
        data=letter.data,
        headers=letter.headers,
    )


class DeadLetters:
    """Publishes dead letters to their stream. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish(self, letters: Sequence[DeadLetter]) -> None:
        """Store ``letters`` and tell those who asked.

        Raises:
            LogUnavailableError: the server did not confirm them all; storing them again does no harm.
        """
        await asyncio.gather(*(self._store(letter) for letter in letters))
        for letter in letters:
            await self._tell(letter)

    async def _store(self, letter: DeadLetter) -> None:
        headers = {
            ERROR_HEADER: one_line(letter.detail, _MAX_HEADER),
            SUBJECT_HEADER: one_line(letter.subject, _MAX_HEADER),
            SEQUENCE_HEADER: str(letter.sequence),
            # The same command refused twice, after a lost acknowledgement, is one dead letter.
            "Nats-Msg-Id": f"{letter.subject}-{letter.sequence}",
        }
        subject = subjects.dead(letter.reason)
        try:
            reply = await self._connection.request(subject, letter.data, timeout=_ANSWER_SECONDS, headers=headers)
        except (NatsError, TimeoutError) as error:
            raise LogUnavailableError(f"the server did not confirm the dead letter of {letter.subject}") from error
        answer = msgspec.json.decode(reply.data)
        if "error" in answer:
            raise LogUnavailableError(f"the server refused a dead letter: {answer['error'].get('description')}")
        log.warning("command.refused", reason=letter.reason, subject=letter.subject, error=letter.detail)

    async def _tell(self, letter: DeadLetter) -> None:
        reply = (letter.headers or {}).get(REPLY_HEADER, "")
        # Nobody gets us to publish to our own subjects or to the server's.
        if not reply or reply.startswith(_FORBIDDEN_REPLIES):
            return
        body = {"type": f"callboard:{letter.reason}", "title": "command refused", "detail": letter.detail}
        if letter.field:
            body["field"] = letter.field
        try:
            await self._connection.publish(reply, msgspec.json.encode(body))
        except (NatsError, ValueError) as error:
            log.info("command.reply_failed", subject=one_line(reply, _MAX_HEADER), error=str(error))
