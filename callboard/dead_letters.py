"""The dead letters: commands that could not be taken, with their bytes and the reason; and sending them once more."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
from msgspec import Struct
from nats import errors as nats_errors

from callboard.actors.dead_letters import ERROR_HEADER, SUBJECT_HEADER
from callboard.errors import NotFoundError, NotRunningError, ServerNotFoundError
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, LogRefusedError, shorten
from callboard.events.headers import parse
from callboard.requester import Requester

_NO_MESSAGE, _NO_STREAM = 10037, 10059
_MAX_SEQ = 2**64 - 1
_NOTES = subjects.dead("requeued")


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A command that could not be taken. ``data`` and ``headers`` are as they were stored; ``seq`` is its number."""

    seq: int
    subject: str
    at: datetime
    headers: dict[str, str]
    data: bytes

    @property
    def reason(self) -> str:
        """The kind of refusal, such as ``malformed``."""
        return self.subject.removeprefix(f"{subjects.DEAD_PREFIX}.")

    @property
    def error(self) -> str:
        """The sentence that says what was wrong."""
        return self.headers.get(ERROR_HEADER, "")

    @property
    def original_subject(self) -> str:
        """The subject the command was sent to."""
        return self.headers.get(SUBJECT_HEADER, "")


class Requeued(Struct, frozen=True):
    """That a dead letter was sent once more: when, and as which command; ``seq`` is the place of this note."""

    seq: int
    at: datetime
    command_seq: int


class _Note(Struct):
    command_seq: int


class _Stored(Struct):
    subject: str
    seq: int
    time: datetime
    data: bytes = b""
    hdrs: bytes = b""


class _State(Struct):
    first_seq: int = 0
    last_seq: int = 0


class _Error(Struct):
    err_code: int = 0
    description: str = ""


class _Answer(Struct):
    message: _Stored | None = None
    state: _State | None = None
    error: _Error | None = None


class DeadLetters:
    """The dead letters on the server of ``connection``; ``url`` is how error messages name it."""

    def __init__(self, connection: Connection, url: str, timeout_seconds: float = 5.0) -> None:
        self._connection = connection
        self._url = url
        self._requester = Requester(connection, url, timeout_seconds)
        self._timeout_seconds = timeout_seconds

    async def newest(self, limit: int) -> AsyncIterator[DeadLetter]:
        """Yield up to ``limit`` letters, newest first.

        Raises:
            NotRunningError: the server has no dead-letter stream.
            ServerNotFoundError: the server does not answer.
        """
        state = (await self._api("STREAM.INFO", {})).state or _State()
        seq = state.last_seq
        while seq >= max(1, state.first_seq) and limit > 0:
            found = await self._find({"seq": seq})
            if found is not None and _is_letter(found.subject):
                yield found
                limit -= 1
            seq -= 1

    async def get(self, seq: int) -> DeadLetter:
        """Return the letter with the number ``seq``.

        Raises:
            NotFoundError: there is none (letters are kept for 90 days).
            NotRunningError, ServerNotFoundError: as :meth:`newest`.
        """
        found = await self._find({"seq": seq}) if 0 < seq <= _MAX_SEQ else None
        if found is None or not _is_letter(found.subject):
            raise NotFoundError(f"no dead letter {seq}: `callboard dead ls` lists them")
        return found

    async def requeued(self, letter: DeadLetter) -> Requeued | None:
        """Return when ``letter`` was sent once more the last time, None when it never was; raises as :meth:`get`."""
        found = await self._find({"last_by_subj": _note_subject(letter.seq)})
        if found is None:
            return None
        return Requeued(found.seq, found.at, msgspec.json.decode(found.data, type=_Note).command_seq)

    async def note(self, letter: DeadLetter, command_seq: int) -> None:
        """Note beside ``letter`` that it was sent once more, as that command; raises as any publish."""
        await self._requester.publish(_note_subject(letter.seq), msgspec.json.encode(_Note(command_seq)), {})

    async def requeue(self, letter: DeadLetter, before: Requeued | None = None) -> int:
        """Send the bytes of ``letter`` to its original subject again and return the command's sequence.

        The message id is made from the letter and from what was noted ``before``, so that two who do the same within
        the dedupe window do it once.

        Raises:
            InvalidValueError: its original subject is not one that takes commands.
            NotRunningError, NoAnswerError, ServerNotFoundError, LogRefusedError: as for any publish.
        """
        subject = letter.original_subject
        command = any(subject == one or subject.startswith(f"{one}.") for one in subjects.COMMAND_PREFIXES)
        if not command and subject != subjects.REQUEST:
            message = f"expected {SUBJECT_HEADER} of dead letter {letter.seq} to take commands, got {shorten(subject)}"
            raise InvalidValueError(message, field=SUBJECT_HEADER)
        digest = hashlib.sha256(letter.data).hexdigest()[:16]
        name = f"requeue-{letter.seq}-{digest}" if before is None else f"requeue-{letter.seq}-{digest}-{before.seq}"
        return await self._requester.publish(subject, letter.data, {"Nats-Msg-Id": name})

    async def _find(self, which: dict[str, int | str]) -> DeadLetter | None:
        stored = (await self._api("STREAM.MSG.GET", which)).message
        if stored is None:
            return None
        headers = parse(stored.hdrs) if stored.hdrs else {}
        return DeadLetter(seq=stored.seq, subject=stored.subject, at=stored.time, headers=headers, data=stored.data)

    async def _api(self, verb: str, body: dict[str, int | str]) -> _Answer:
        subject = f"$JS.API.{verb}.{subjects.DEAD}"
        try:
            answer = await self._connection.request(subject, msgspec.json.encode(body), timeout=self._timeout_seconds)
        except nats_errors.NoRespondersError as error:
            raise NotRunningError(self._url, f"stream {subjects.DEAD}") from error
        except (nats_errors.Error, OSError) as error:
            raise ServerNotFoundError(self._url, str(error)) from error
        found = msgspec.json.decode(answer.data, type=_Answer)
        if found.error is None or found.error.err_code == _NO_MESSAGE:
            return found
        if found.error.err_code == _NO_STREAM:
            raise NotRunningError(self._url, f"stream {subjects.DEAD}")
        raise LogRefusedError(found.error.err_code, found.error.description)


def _note_subject(seq: int) -> str:
    """Return the subject that says, beside the letters, that the one with the number ``seq`` was sent again."""
    return f"{_NOTES}.{seq}"


def _is_letter(subject: str) -> bool:
    return not subject.startswith(f"{_NOTES}.")
