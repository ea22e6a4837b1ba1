"""What is wished of ``callboard projections rebuild``."""

from pathlib import Path

from msgspec import Struct, structs

from callboard.events.errors import InvalidValueError, shorten
from callboard.log_place import LogPlace
from callboard.views_file import EVENT_VIEWS, REQUEST_VIEWS, VIEWS_FILES, ViewsFile


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be built, and what becomes of it.

    name: the one projection to build; None builds all.
    until: the last event that counts; None is the end of the log.
    out: where the views go instead of into the place of the old ones.
    verify: whether they are only compared with the old ones.
    requests: whether only the views of the request log are built, from what is left of it, whatever the old ones hold.

    A wish with ``until`` or ``out`` is about one file: the views of the event log, unless it says otherwise.
    """

    name: str | None = None
    until: LogPlace | None = None
    out: Path | None = None
    verify: bool = False
    requests: bool = False

    def files(self) -> list[ViewsFile]:
        """Return the files to be built, each with the projections to be built in it.

        Raises:
            InvalidValueError: the wish is none: no such projection, or settings that do not go together.
        """
        if self.verify and (self.until is not None or self.out is not None):
            field = "until" if self.until is not None else "out"
            raise InvalidValueError(
                f"expected {field} not with verify, which compares with the live views", field=field
            )
        if self.until is not None and self.out is None:
            raise InvalidValueError("expected out with until: views that end early are never put in place", field="out")
        if self.out is not None and self.out.exists():
            raise InvalidValueError(f"expected out to be a new file, got {shorten(str(self.out))}", field="out")
        if self.requests and (self.name is not None or self.until is not None):
            raise InvalidValueError(
                "expected requests without name and until: it is of one log, as a whole", field="requests"
            )
        return [REQUEST_VIEWS] if self.requests else _named(self)


def _named(wish: Wish) -> list[ViewsFile]:
    if wish.name is None:
        return [EVENT_VIEWS] if wish.out is not None else list(VIEWS_FILES)
    for views in VIEWS_FILES:
        for each in views.projections:
            if each.name == wish.name:
                return [structs.replace(views, projections=(each,))]
    names = ", ".join(each.name for views in VIEWS_FILES for each in views.projections)
    raise InvalidValueError(f"expected name to be one of {names}, got {shorten(wish.name)}", field="name")
