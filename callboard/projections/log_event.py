"""One stored event as the projector gets it: what its subject says, and the body still undecoded."""

from collections.abc import Sequence
from typing import Final, Self

from msgspec import Struct

from callboard.events import subjects
from callboard.events.message import Message
from callboard.events.reader import EVENT_HEADER
from callboard.events.ticket import sequence_of

_SKIP: Final = len(subjects.EVENT_PREFIX) + 1
_TOKENS: Final = 4


class LogEvent(Struct, frozen=True, gc=False):
    """An event of the log.

    ``seq`` is its stream sequence, ``kind`` and ``id`` name its aggregate (``id`` as the token in the subject),
    ``version`` counts from 1 within the aggregate, ``event`` is its name such as ``submitted``, ``data`` its JSON body
    and ``event_id`` the id its writer gave it (header ``Callboard-Event``). ``stored`` is when it was stored, in
    microseconds since 1970, where somebody needs to know.
    """

    seq: int
    kind: str
    id: str
    version: int
    event: str
    data: bytes
    event_id: str = ""
    stored: int = 0

    @classmethod
    def from_message(cls, subject: str, seq: int, data: bytes, event_id: str = "") -> Self:
        """Return the event in the stream message ``seq`` with this subject and body.

        A subject outside ``callboard.events.<kind>.<id>.<version>.<event>[.tail]`` gives an event of kind "": it has
        its place in the log like any other, and no projection takes it.
        """
        try:
            kind, aggregate, version, event, *_ = subject[_SKIP:].split(".", _TOKENS)
            return cls(seq, kind, aggregate, int(version), event, data, event_id)
        except ValueError:
            return cls(seq, "", "", 0, "", data, event_id)


def events_of(messages: Sequence[Message]) -> list[LogEvent]:
    """Return the events in ``messages``, which are not empty; only the last one has its event id filled in.

    That is the one the views remember.
    """
    make, newest = LogEvent.from_message, messages[-1]
    events = [make(each.subject, sequence_of(each.reply), each.data, "") for each in messages[:-1]]
    event_id = (newest.headers or {}).get(EVENT_HEADER, "")
    events.append(make(newest.subject, sequence_of(newest.reply), newest.data, event_id))
    return events
