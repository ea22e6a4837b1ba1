"""The files that views are kept in: what each is called, what is in it, and which stream it is built from."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from callboard.events import subjects
from callboard.events.message import Message
from callboard.projections.catalog import PROJECTIONS, REQUEST_PROJECTIONS
from callboard.projections.log_event import LogEvent, events_of
from callboard.projections.projection import Projection
from callboard.projections.request_entry import lines_of


class ViewsFile(Struct, frozen=True, kw_only=True):
    """A file of views, in the directory of callboard.

    file: its name.
    title: what people call what is in it.
    stream, subject: what it is built from: all that matches ``subject`` there.
    read: makes events of messages, never of none.
    projections: what it holds.
    forgets: whether the stream gives messages up in time, so that some of them may be missing.
    """

    file: str
    title: str
    stream: str
    subject: str
    read: Callable[[Sequence[Message]], list[LogEvent]]
    projections: tuple[Projection, ...]
    forgets: bool = False


EVENT_VIEWS: Final = ViewsFile(
    file="views.sqlite3",
    title="views",
    stream=subjects.EVENTS,
    subject=f"{subjects.EVENT_PREFIX}.>",
    read=events_of,
    projections=PROJECTIONS,
)
REQUEST_VIEWS: Final = ViewsFile(
    file="requests.sqlite3",
    title="counts of the request log",
    stream=subjects.REQUESTS,
    subject=subjects.REQUEST,
    read=lines_of,
    projections=REQUEST_PROJECTIONS,
    forgets=True,
)
VIEWS_FILES: Final = (EVENT_VIEWS, REQUEST_VIEWS)
