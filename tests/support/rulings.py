"""What people decide about rules of users, written straight into the log of a callboard that may be running."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from callboard.events.connection import Connection
from callboard.events.loop import Loop
from callboard.events.rule import Learned, Scalar
from callboard.events.text_key import text_key
from callboard.events.user_decisions import accept, propose, reject
from callboard.events.user_events import UserEvent
from callboard.events.user_log import UserLog
from callboard.events.user_state import UserState, fold


def learned(field: str, value: Scalar, intent: str = "refund", support: int = 9, **when: Scalar) -> Learned:
    """Return a rule that was right in ``support`` of ten cases."""
    facts = {"intent": intent, **when}
    return Learned(when=facts, field=field, value=value, support=support, seen=10, bound=support / 20)


def accepted(state: UserState | None, user_id: str, rule: Learned) -> list[UserEvent]:
    """Return the events of a rule that is proposed, unless it was, and accepted."""
    now = datetime.now(UTC)
    events = propose(state, user_id, [rule], now)
    known = fold(state, events)
    assert known is not None
    return events + accept(known, rule.id, now)


def rejected(state: UserState | None, rule: Learned) -> list[UserEvent]:
    """Return the event of a rule that is rejected."""
    assert state is not None
    return reject(state, rule.id, datetime.now(UTC))


class Rulings:
    """The log of users, for people who decide."""

    def __init__(self, loop: Loop, connection: Connection) -> None:
        self._loop = loop
        self._log = UserLog(loop, connection)

    def accept(self, user_id: str, rule: Learned) -> int:
        """Accept a rule and return the sequence of the event."""
        return self._change(user_id, lambda state: accepted(state, user_id, rule))

    def reject(self, user_id: str, rule: Learned) -> int:
        """Reject a rule and return the sequence of the event."""
        return self._change(user_id, lambda state: rejected(state, rule))

    def append(self, events: list[UserEvent]) -> int:
        """Store events of any users at once and return the sequence of the last."""
        return self._loop.run(self._log.append(events), 20)

    def _change(self, user_id: str, decide: Any) -> int:
        return self._loop.run(self._log.change(text_key(user_id), decide), 20)


@contextlib.contextmanager
def rulings(url: str) -> Iterator[Rulings]:
    """Open the log of users at the server ``url``."""
    loop, connection = Loop("rulings"), Connection()
    loop.start()
    try:
        loop.run(connection.open(url), 20)
        yield Rulings(loop, connection)
    finally:
        loop.run(connection.close(), 20)
        loop.stop()
