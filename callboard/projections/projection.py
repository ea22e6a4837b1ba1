"""What a projection is: a name, a version, its tables and how a batch of events changes them."""

import sqlite3
from collections.abc import Callable

from msgspec import Struct

from callboard.projections.batch import Batch


class Rest(Struct, frozen=True, kw_only=True):
    """Rows of ``table`` that can be compared with those built from what is left of a log that forgets.

    ``sql`` finds those to which nothing counts before the sequence ``:seq``, or up to the end of the ``:day``, in an
    order of their own. Where ``unless`` finds any row in either, they cannot be compared after all.
    """

    table: str
    sql: str
    unless: str = ""


class Projection(Struct, frozen=True, kw_only=True):
    """A view of the log.

    ``schema`` creates ``tables`` and their indexes in an empty file. ``apply`` runs inside the caller's transaction,
    for each event once and in the order of the log; however the log is cut into batches, the rows come out the same.
    Raise ``version`` with any change of either: the tables are then built anew from the first event.

    ``rest`` is what of the tables can be compared when the log has forgotten its beginning.
    """

    name: str
    version: int
    tables: tuple[str, ...]
    schema: str
    apply: Callable[[sqlite3.Connection, Batch], None]
    rest: tuple[Rest, ...] = ()
