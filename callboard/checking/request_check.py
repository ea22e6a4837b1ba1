"""Whether the counts of the request log are what its stream makes of them, as far as it has not forgotten."""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from callboard.checking.exhibit import Exhibit, compare, copied
from callboard.checking.view_check import ViewCheck
from callboard.checking.violation import Findings
from callboard.events import subjects
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code
from callboard.link import Link
from callboard.projections import positions
from callboard.request_views import look
from callboard.views_file import REQUEST_VIEWS


def check_requests(directory: Path, link: Link, findings: Findings) -> ViewCheck:
    """Compare the counts in ``directory``, also while they are written, with the request log, and note how they differ.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        OSError, sqlite3.OperationalError: there is no room for copies.
    """
    path = directory / REQUEST_VIEWS.file
    if not path.exists():
        return ViewCheck(left_out=f"there are none in {directory}")
    if error_code(link.io.run(ask(link.connection, f"STREAM.INFO.{subjects.REQUESTS}"))) == STREAM_NOT_FOUND:
        return ViewCheck(left_out="the server has no request log")
    with TemporaryDirectory(prefix="callboard-check-") as place:
        return _check(path, Path(place), link, findings)


def _check(path: Path, place: Path, link: Link, findings: Findings) -> ViewCheck:
    copy = place / REQUEST_VIEWS.file
    try:
        views = copied(path, copy)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        findings.add("counts_differ", f"{path} cannot be read: {error}")
        return ViewCheck(left_out="they cannot be read")
    info = link.stream_info(subjects.REQUESTS)
    created, state = info["created"], info["state"]
    for marker in views.markers:
        reason = positions.mismatch(marker, *link.io.run(look(link.connection, marker.seq)), gaps=True)
        if reason is not None:
            findings.add("position_guard", f"the counts in {path} do not belong to this request log: {reason}")
            return ViewCheck(left_out="they do not belong to this request log")
    if not views.written_by(REQUEST_VIEWS.projections):
        return ViewCheck(left_out="another version of callboard writes them")
    position = max((marker.seq for marker in views.markers), default=0)
    if position and _forgets(state):
        return ViewCheck(left_out="they count lines that the request log has forgotten")
    found = Findings()
    compare([Exhibit(copy, position, "counts_differ")], place / "ours", REQUEST_VIEWS, link, created, found)
    if found.counts and _forgets(link.stream_info(subjects.REQUESTS)["state"]):
        return ViewCheck(left_out="the request log forgot some of its lines meanwhile")
    for each in found:
        findings.add(each.name, each.detail, seq=each.seq)
    return ViewCheck(position=position)


def _forgets(state: dict[str, Any]) -> bool:
    return bool(state["first_seq"] > 1 or state["messages"] < state["last_seq"])
