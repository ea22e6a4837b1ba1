"""What a projection is: a name, a version, its tables and how a batch of events changes them."""

import sqlite3
from collections.abc import Callable

from msgspec import Struct

from callboard.projections.batch import Batch


class Projection(Struct, frozen=True, kw_only=True):
    """A view of the log.

    ``schema`` creates ``tables`` and their indexes in an empty file. ``apply`` runs inside the caller's transaction,
    for each event once and in the order of the log; however the log is cut into batches, the rows come out the same.
    Raise ``version`` with any change of either: the tables are then built anew from the first event.
    """

    name: str
    version: int
    tables: tuple[str, ...]
    schema: str
    apply: Callable[[sqlite3.Connection, Batch], None]
