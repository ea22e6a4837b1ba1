"""The log channel writes one bounded line per result."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from callboard.actors.channels.log import LogChannel, preview
from tests.support.deliveries import message


async def line(body: bytes) -> Any:
    with capture_logs() as lines:
        receipt = await LogChannel().send({"channel": "log"}, message(body, attempt=2))
    assert receipt == {"bytes": len(body)}
    assert len(lines) == 1
    return lines[0]


async def test_a_result_is_a_line_with_its_task_status_and_beginning() -> None:
    assert await line(b'{"id": "t-1", "status": "completed", "output": {"answer": "42"}}') == {
        "event": "delivery.logged",
        "log_level": "info",
        "task_id": "t-1",
        "index": 0,
        "attempt": 2,
        "status": "completed",
        "preview": '{"answer": "42"}',
    }


async def test_a_failure_shows_its_error() -> None:
    logged = await line(b'{"status": "failed", "output": null, "error": {"type": "ValueError", "message": "no"}}')
    assert (logged["status"], logged["preview"]) == ("failed", '{"type": "ValueError", "message": "no"}')


async def test_a_null_output_is_an_output() -> None:
    assert (await line(b'{"status": "completed", "output": null}'))["preview"] == "null"


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b'{"status": 7}', b"\xff\xfe", b"[" * 100_000])
async def test_any_body_is_logged(body: bytes) -> None:
    logged = await line(body)
    assert logged["status"] is None
    assert len(logged["preview"]) <= 200


async def test_a_long_result_is_cut() -> None:
    logged = await line(b'{"status": "completed", "output": "' + "€".encode() * 100_000 + b'"}')
    assert len(logged["preview"]) == 200
    assert logged["preview"].endswith("€…")


def test_nothing_in_a_preview_drives_a_terminal_or_breaks_the_line() -> None:
    assert preview("a\x1b[31m\n\x9b\u2028\u202eb".encode()) == "a\\u001b[31m\\u000a\\u009b\\u2028\\u202eb"
