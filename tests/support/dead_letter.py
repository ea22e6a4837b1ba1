"""Dead letters, read from their stream as any client would read them."""

from collections.abc import Callable
from typing import NamedTuple

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from tests.support.wire import ANSWER_SECONDS, Wire

DEAD = "CALLBOARD_DEAD"
LOOK_BACK = 10
"""How many letters may have come behind one before somebody waits for it."""


class DeadLetter(NamedTuple):
    """``sequence`` is the command's place in its stream, ``subject`` where it was published."""

    reason: str
    error: str
    subject: str
    sequence: int
    data: bytes


async def dead_letters(wire: Wire) -> list[DeadLetter]:
    """Return every dead letter there is, oldest first."""
    return [_letter(kept.subject, kept.headers, kept.data) for kept in await wire.kept(DEAD)]


async def dead_letter(wire: Wire, sequence: int) -> DeadLetter:
    """Wait for the dead letter of the command that is the ``sequence``-th of its stream, and return it."""
    return await _first(wire, lambda letter: letter.sequence == sequence, f"command {sequence}")


async def dead_letter_with(wire: Wire, data: bytes) -> DeadLetter:
    """Wait for the first dead letter with these bytes, and return it."""
    return await _first(wire, lambda letter: letter.data == data, repr(data[:80]))


async def _first(wire: Wire, wanted: Callable[[DeadLetter], bool], what: str) -> DeadLetter:
    latest = (await wire.js.stream_info(DEAD)).state.last_seq
    config = ConsumerConfig(
        ack_policy=AckPolicy.NONE,
        mem_storage=True,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=max(1, latest - LOOK_BACK),
    )
    consumer = await wire.js.pull_subscribe("callboard.dead.>", stream=DEAD, config=config)
    try:
        while True:
            (message,) = await consumer.fetch(1, timeout=ANSWER_SECONDS)
            letter = _letter(message.subject, message.headers or {}, message.data)
            if wanted(letter):
                return letter
    except TimeoutError as error:
        raise AssertionError(f"waited in vain for the dead letter of {what}") from error
    finally:
        await consumer.unsubscribe()


def _letter(subject: str, headers: dict[str, str], data: bytes) -> DeadLetter:
    return DeadLetter(
        reason=subject.removeprefix("callboard.dead."),
        error=headers["Callboard-Error"],
        subject=headers["Callboard-Subject"],
        sequence=int(headers["Callboard-Sequence"]),
        data=data,
    )
