"""Whether the views are what the log makes of them: those in use, and those of the past."""

import contextlib
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from callboard.checking.exhibit import Copied, Exhibit, compare, copied
from callboard.checking.violation import Findings
from callboard.events import subjects
from callboard.events.reader import Reader
from callboard.link import Link
from callboard.past.checkpoints import DIRECTORY, state_of
from callboard.projections import positions
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.losses import Losses, unlike
from callboard.projections.reader import connect
from callboard.views_file import EVENT_VIEWS


class ViewCheck(Struct, frozen=True, omit_defaults=True):
    """Up to which sequence the views were compared; or, in words, why they were not."""

    position: int = 0
    left_out: str = ""


class Desk(Struct, frozen=True):
    """What views are compared on: the link to the log, what the server says of it, and what it lacks."""

    link: Link
    info: dict[str, Any]
    lost: Losses
    findings: Findings

    @property
    def created(self) -> str:
        """When the stream was created."""
        return str(self.info["created"])

    @property
    def last_seq(self) -> int:
        """Where the log ends."""
        return int(self.info["state"]["last_seq"])


def check_views(directory: Path, link: Link, lost: Losses, findings: Findings) -> tuple[ViewCheck, list[int]]:
    """Compare the views in ``directory``, also while they are written, with the log, and note how they differ.

    ``lost`` is all that the log lacks. Return what became of those in use, and which sequences there were views of the
    past for.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        OSError, sqlite3.OperationalError: there is no room for copies.
    """
    desk = Desk(link, link.stream_info(subjects.EVENTS), lost, findings)
    with TemporaryDirectory(prefix="callboard-check-") as place:
        found, exhibits = _readable(directory / EVENT_VIEWS.file, Path(place) / EVENT_VIEWS.file, desk)
        past = _past(directory / DIRECTORY, desk)
        ours = Path(place) / "ours"
        compare([*exhibits, *past], ours, EVENT_VIEWS, link, desk.created, findings)
    return found, sorted(each.seq for each in past)


def known_losses(directory: Path, link: Link) -> Losses:
    """Return what the views in ``directory`` know to be lost of the log; nothing when they are of another one.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    path = directory / EVENT_VIEWS.file
    created = str(link.stream_info(subjects.EVENTS)["created"])
    if not path.exists():
        return Losses()
    with contextlib.closing(connect(path)) as connection:
        try:
            found = positions.markers(connection)
            return positions.losses(connection) if {each.stream_created for each in found} == {created} else Losses()
        except sqlite3.DatabaseError:  # damaged, or written before there was such a column
            return Losses()


def _readable(path: Path, copy: Path, desk: Desk) -> tuple[ViewCheck, list[Exhibit]]:
    try:
        return _in_use(path, copy, desk)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        desk.findings.add("views_differ", f"{path} cannot be read: {error}")
        return ViewCheck(left_out="they cannot be read"), []


def _in_use(path: Path, copy: Path, desk: Desk) -> tuple[ViewCheck, list[Exhibit]]:
    if not path.exists():
        return ViewCheck(left_out=f"there are none in {path.parent}"), []
    views = copied(path, copy)
    reason = _mismatch(views, desk)
    if reason is not None:
        desk.findings.add("position_guard", f"the views in {path} do not belong to this event log: {reason}")
        return ViewCheck(left_out="they do not belong to this event log"), []
    if not views.written_by(PROJECTIONS):
        return ViewCheck(left_out="another version of callboard writes them"), []
    seqs = sorted({each.seq for each in views.markers})
    if len(seqs) > 1:
        told = f"some stand at sequence {seqs[0]}, others at {seqs[-1]}"
        desk.findings.add("views_apart", f"the projections in {path} are not at one place: {told}")
        return ViewCheck(left_out="they do not stand at one place"), []
    if desk.lost - views.losses - _behind(seqs[0]):
        return ViewCheck(left_out="the log has lost events since they were built"), []
    return ViewCheck(position=seqs[0]), [Exhibit(copy, seqs[0], "views_differ")]


def _mismatch(views: Copied, desk: Desk) -> str | None:
    for marker in views.markers:
        event_id = _event_id(desk.link, marker.seq)
        reason = positions.mismatch(marker, desk.created, desk.last_seq, event_id)
        if reason is not None:
            return reason
    back = views.losses - desk.lost
    return unlike(views.losses, views.losses - back)


def _past(directory: Path, desk: Desk) -> list[Exhibit]:
    """Return the views of the past that a callboard would answer with; others it throws away when it starts."""
    expected = {(each.name, each.version) for each in PROJECTIONS}
    found = []
    for path in sorted(directory.glob("*.sqlite3")) if directory.exists() else []:
        state = state_of(path)
        if state is None or (state.created, state.versions) != (desk.created, expected):
            continue
        event_id = _event_id(desk.link, state.seq) or positions.MISSING
        if state.seq <= desk.last_seq and event_id == state.event_id:
            found.append(Exhibit(path, state.seq, "past_differs"))
    return found


def _behind(seq: int) -> Losses:
    return Losses.of([(seq + 1, 2**63)])


def _event_id(link: Link, seq: int) -> str | None:
    found = link.io.run(Reader(link.connection, subjects.EVENTS).page(seq, 1)) if seq else []
    return found[0].event_id if found and found[0].seq == seq else None
