"""What is left at the server that will make open tasks go on: messages nobody has acknowledged, timers that wait."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.consumers import listed
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code
from callboard.events.timers import Key, Timers


class Remains(Struct, frozen=True):
    """For each durable consumer of the event log, up to which sequence its messages are dealt with; and the timers.

    ``delivered`` is how far each has been read.
    """

    floors: Mapping[str, int] = {}
    delivered: Mapping[str, int] = {}
    timers: Collection[Key] = frozenset()

    def holds(self, durable: str, seq: int) -> bool:
        """Tell whether the message ``seq`` is still to come through ``durable``, or in the hands of somebody."""
        return self.floors.get(durable, 0) < seq


async def remains(connection: Connection) -> Remains:
    """Return what is left now. Read it before the end of the log is asked for.

    What is dealt with by now then shows in the log: whoever works acknowledges last.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    found = await listed(connection, subjects.EVENTS)
    durable = [each for each in found if "durable_name" in each["config"]]
    timers: set[Key] = set()
    if error_code(await ask(connection, f"STREAM.INFO.{subjects.TIMERS}")) != STREAM_NOT_FOUND:
        timers = await Timers(connection).set()
    return Remains(
        floors={each["name"]: int(each["ack_floor"]["stream_seq"]) for each in durable},
        delivered={each["name"]: int(each["delivered"]["stream_seq"]) for each in durable},
        timers=timers,
    )
