"""Rules in the log of a server, proposed as a learner would."""

import asyncio
from datetime import UTC, datetime

from callboard.events.connection import Connection
from callboard.events.loop import Loop
from callboard.events.rule import Learned
from callboard.events.text_key import text_key
from callboard.events.user_decisions import propose
from callboard.events.user_log import UserLog

SECONDS = 20


async def proposed(url: str, user_id: str, *learned: Learned) -> int:
    """Propose ``learned`` of a user, and return the sequence of the user's newest event."""
    return await asyncio.to_thread(propose_rules, url, user_id, *learned)


def propose_rules(url: str, user_id: str, *learned: Learned) -> int:
    """Do what :func:`proposed` does, for callers without an event loop."""
    loop, connection = Loop(), Connection()
    loop.start()
    try:
        loop.run(connection.open(url), SECONDS)
        change = UserLog(loop, connection).change(
            text_key(user_id), lambda state: propose(state, user_id, learned, datetime.now(UTC))
        )
        return loop.run(change, SECONDS)
    finally:
        loop.run(connection.close(), SECONDS)
        loop.stop()
