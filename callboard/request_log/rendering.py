"""Records become lines: the user is verified, what is secret is hidden, and what does not fit is left out."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import structs

from callboard.events import request_line
from callboard.events.errors import InvalidValueError
from callboard.events.request_line import MAX_ENDPOINT, MAX_METHOD, RequestLine
from callboard.events.submission import check_text
from callboard.request_log import annotations
from callboard.request_log.record import Record
from callboard.request_log.redaction import Redaction, UnreadableError
from callboard.request_log.settings import Settings
from callboard.request_log.tally import Tally

MAX_LINE_BYTES: Final = annotations.MAX_BYTES
"""What is longer goes without the request and what the handler said; any server of callboard takes that much."""


class Rendering:
    """Makes lines by ``settings``; what had to be left out is counted in ``tally``."""

    def __init__(self, settings: Settings, tally: Tally) -> None:
        self._settings = settings
        self._tally = tally
        self._redaction = Redaction(settings.redact)

    def line(self, record: Record) -> bytes:
        """Return the line for ``record``, as it is to be published.

        Raises:
            InvalidValueError: the application answered with a status that there is not.
        """
        bare = self._bare(record)
        request_line.check(bare)
        if record.said.lost:
            self._tally.add("lines_mended", error=record.said.lost)
        try:
            said = self._said(record)
            data = _encoded(structs.replace(bare, request=self._request(record), **said))
            if said:
                # It may be anything, and what is stored has to be a line to everybody.
                request_line.parse(data)
        except (InvalidValueError, TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            self._tally.add("lines_mended", error=str(error))
        else:
            return data
        return msgspec.json.encode(bare)

    def _bare(self, record: Record) -> RequestLine:
        path = record.path.encode("utf-8", "replace").decode()
        return RequestLine(
            user_id=self._user(record),
            endpoint=path[:MAX_ENDPOINT] or "/",
            method=record.method[:MAX_METHOD] or None,
            status=record.status,
            response_ms=round(record.response_ms, 3),
            action=_action(record),
            at=datetime.fromtimestamp(record.at, UTC),
        )

    def _user(self, record: Record) -> str | None:
        user = record.user_id
        try:
            if self._settings.jwt is not None:
                user = self._settings.jwt.user(record.header(b"authorization"))
            if user is not None:
                check_text("user_id", user)
                user.encode()
        except Exception as error:  # noqa: BLE001 - a key of the wrong kind, or whatever else, costs the user alone
            self._tally.add("users_unknown", error=str(error))
            return None
        return user

    def _said(self, record: Record) -> dict[str, Any]:
        """Return the fields of the line that the handler named, its secrets hidden."""
        said: dict[str, Any] = self._redaction.value(record.said.data) if record.said.data else {}
        # A tool that was named says more than the route.
        return {"action": None, **said} if "tool" in said else said

    def _request(self, record: Record) -> dict[str, Any] | None:
        if not self._settings.capture_request:
            return None
        shown = {**self._query(record), **self._body(record)}
        return shown or None

    def _query(self, record: Record) -> dict[str, Any]:
        if not record.query:
            return {}
        try:
            return {"query": self._redaction.fields(record.query)}
        except UnreadableError as error:
            return {"query_omitted": str(error)}

    def _body(self, record: Record) -> dict[str, Any]:
        if record.body_too_large:
            return {"body_omitted": f"more than {self._settings.max_body_bytes} bytes"}
        if not record.body:
            return {}
        try:
            kind, encoding = record.header(b"content-type") or "", record.header(b"content-encoding")
            return {"body": self._redaction.body(kind, encoding, record.body)}
        except UnreadableError as error:
            return {"body_omitted": str(error)}


def _action(record: Record) -> str | None:
    """Return what was done as far as the route tells; None where no text of a line says it."""
    if record.route is None:
        return None
    action = f"{record.method} {record.route}".lstrip()
    try:
        check_text("action", action)
        action.encode()
    except (InvalidValueError, UnicodeEncodeError):
        return None
    return action


def _encoded(line: RequestLine) -> bytes:
    data = msgspec.json.encode(line)
    if len(data) > MAX_LINE_BYTES:
        raise InvalidValueError(f"expected a line of at most {MAX_LINE_BYTES} bytes, got {len(data)}")
    return data
