"""Whether the views are what the log makes of them: a copy of theirs against one that is built from the first event."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from callboard.checking.violation import Findings
from callboard.events import subjects
from callboard.events.reader import Reader
from callboard.link import Link
from callboard.log_events import log_events
from callboard.projections import positions
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.difference import first_difference
from callboard.projections.reader import connect
from callboard.projections.rebuild import build


class ViewCheck(Struct, frozen=True, omit_defaults=True):
    """Up to which sequence the views were compared; or, in words, why they were not."""

    position: int = 0
    left_out: str = ""


def check_views(path: Path, link: Link, findings: Findings) -> ViewCheck:
    """Compare the views in ``path``, also while they are written, with the log, and note how they differ.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        OSError, sqlite3.Error: there is no room for copies, or the file is no views.
    """
    if not path.exists():
        return ViewCheck(left_out=f"there are none in {path.parent}")
    with TemporaryDirectory(prefix="callboard-check-") as directory:
        copy = Path(directory) / "theirs"
        versions, markers = _copy(path, copy)
        info = link.stream_info(subjects.EVENTS)
        for marker in markers:
            reason = positions.mismatch(marker, info["created"], info["state"]["last_seq"], _event_id(link, marker.seq))
            if reason is not None:
                findings.add("position_guard", f"the views in {path} do not belong to this event log: {reason}")
                return ViewCheck(left_out="they do not belong to this event log")
        if versions != {each.name: each.version for each in PROJECTIONS} or len({each.seq for each in markers}) > 1:
            return ViewCheck(left_out="another version of callboard writes them, or is about to build some anew")
        if findings.counts.get("sequence_gap"):
            return ViewCheck(left_out="the log has gaps, which no views are built from")
        return _compare(copy, markers, link, info["created"], findings)


def _compare(
    copy: Path, markers: Sequence[positions.Marker], link: Link, created: str, findings: Findings
) -> ViewCheck:
    position = max((marker.seq for marker in markers), default=0)
    ours = copy.with_name("ours")
    asyncio.run(build(ours, log_events(link, 1, position), created))
    found = first_difference(copy, ours)
    if found is not None:
        findings.add(
            "views_differ", f"{found.table}: {_told(found.left)} in the views, {_told(found.right)} by the log"
        )
    return ViewCheck(position=position)


def _copy(path: Path, copy: Path) -> tuple[dict[str, int], list[positions.Marker]]:
    """Copy the views as they are at one moment; return the version of each projection, and where they stand."""
    with contextlib.closing(connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        versions = dict(target.execute("SELECT name, version FROM positions").fetchall())
        return versions, positions.markers(target)


def _event_id(link: Link, seq: int) -> str | None:
    found = link.io.run(Reader(link.connection, subjects.EVENTS).page(seq, 1)) if seq else []
    return found[0].event_id if found and found[0].seq == seq else None


def _told(row: dict[str, Any] | None) -> str:
    text = "no such row" if row is None else str(row)
    return text if len(text) <= 500 else f"{text[:499]}…"
