"""Stored events as CloudEvents, read by the library of that specification."""

import json
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from callboard.cloud_event import cloud_event
from callboard.events.message import Message

BODY = b'{"id":"a","version":3,"at":"2026-03-01T09:00:00.5Z","agent":"mail"}'
REPLY = "$JS.ACK.CALLBOARD_EVENTS.x.1.42.3.1772355600000000000.0"


def written(subject: str, body: bytes = BODY, headers: bytes = b"") -> dict[str, Any]:
    event: dict[str, Any] = json.loads(msgspec.json.encode(cloud_event(Message(subject, REPLY, body, headers))))
    return event


def test_the_library_reads_what_is_written() -> None:
    headers = b"NATS/1.0\r\nCallboard-Event: abc.1\r\n\r\n"
    event = written("callboard.events.task.a.3.assigned.mail.normal", headers=headers)
    message = HTTPMessage(headers={"content-type": "application/cloudevents+json"}, body=json.dumps(event).encode())
    read = from_structured_event(message)
    assert read.get_id() == "abc.1"
    assert read.get_type() == "callboard.task.assigned"
    assert read.get_data() == json.loads(BODY)
    assert read.get_extension("sequence") == "00000000000000000042"


def test_every_attribute_is_there() -> None:
    assert written("callboard.events.task.a.3.started") == {
        "specversion": "1.0",
        "id": "42",
        "source": "/callboard/events",
        "type": "callboard.task.started",
        "subject": "a",
        "time": "2026-03-01T09:00:00.500000Z",
        "datacontenttype": "application/json",
        "sequence": "00000000000000000042",
        "data": json.loads(BODY),
    }


@pytest.mark.parametrize("body", [b"", b"\xff", b"no json"])
def test_a_body_that_is_no_json_goes_as_bytes(body: bytes) -> None:
    event = written("callboard.events.odd", body)
    assert msgspec.json.decode(msgspec.json.encode(event.get("data_base64", "")), type=bytes) == body
    assert event["datacontenttype"] == "application/octet-stream"
    assert (event["type"], event["subject"]) == ("callboard.unknown", "callboard.events.odd")
    assert "time" not in event
