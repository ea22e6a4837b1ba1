"""``callboard dead`` on a server where letters lie and nothing runs."""

import pytest

from tests.support.command_line import callboard
from tests.support.fresh_server import left_server
from tests.support.streams import bury, commands, on_server

HEADERS = {"Callboard-Error": "expected a JSON object", "Callboard-Subject": "callboard.submit.billing"}
BYTES = b'\xff\x00{"input": \x1b[31m"red"}\r\n'
url = pytest.fixture(left_server)


def put(url: str, data: bytes = BYTES, headers: dict[str, str] = HEADERS) -> int:
    return on_server(url, lambda connection: bury(connection, data, headers))


def test_no_letters_is_an_empty_list(url: str) -> None:
    assert callboard("dead", "ls", "--json", "--nats", url).json == {"dead": []}


def test_letters_are_listed_newest_first_and_no_more_than_asked_for(url: str) -> None:
    for number in range(4):
        put(url, b"%d" % number)

    ran = callboard("dead", "ls", "--limit", "3", "--json", "--nats", url)

    assert ran.code == 0
    assert [letter["seq"] for letter in ran.json["dead"]] == [4, 3, 2]
    assert ran.json["dead"][0]["reason"] == "malformed"
    assert ran.json["dead"][0]["subject"] == "callboard.submit.billing"
    assert ran.json["dead"][0]["error"] == "expected a JSON object"


def test_the_bytes_come_out_as_they_were(url: str) -> None:
    seq = put(url)

    assert callboard("dead", "show", str(seq), "--raw", "--nats", url).raw == BYTES


def test_headers_and_bytes_are_shown_without_touching_the_terminal(url: str) -> None:
    seq = put(url, b"\x1b[2J[bold]hi[/bold]\r\n")

    ran = callboard("dead", "show", str(seq), "--nats", url)

    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert r"\x1b[2J[bold]hi[/bold]\r\n" in ran.out
    assert "expected a JSON object" in ran.out


def test_bytes_that_are_no_text_are_shown_in_hex(url: str) -> None:
    seq = put(url, b"\xff\x00\x01")

    assert "ff 00 01" in callboard("dead", "show", str(seq), "--nats", url).out
    assert callboard("dead", "show", str(seq), "--json", "--nats", url).json["data"] == "/wAB"


def test_a_letter_that_is_not_there_exits_with_1(url: str) -> None:
    for number in ("7", "0", "-1", "9" * 20):
        ran = callboard("dead", "show", "--nats", url, "--", number)

        assert ran.code == 1
        assert f"no dead letter {number}" in ran.err


def test_requeueing_twice_says_so_and_sends_the_very_bytes_once(url: str) -> None:
    seq = put(url)

    first = callboard("dead", "requeue", str(seq), "--json", "--nats", url)
    second = callboard("dead", "requeue", str(seq), "--json", "--nats", url)

    assert (first.code, second.code) == (0, 0)
    command_seq = first.json["command_seq"]
    assert (first.json["requeued"], first.json["requeued_before"]) == (True, None)
    assert (second.json["requeued"], second.json["command_seq"]) == (False, command_seq)
    assert second.json["requeued_before"] is not None
    told = callboard("dead", "requeue", str(seq), "--nats", url)
    assert f"dead letter {seq} was requeued before" in told.out
    assert f"it is command {command_seq} on callboard.submit.billing; nothing was sent" in told.out
    stored = on_server(url, commands)
    assert [(message.subject, message.data) for message in stored] == [("callboard.submit.billing", BYTES)]


def test_a_letter_is_sent_again_for_who_says_so_and_the_note_of_it_is_no_letter(url: str) -> None:
    seq = put(url)
    for arguments in ([], ["--again"], ["--again"]):
        assert callboard("dead", "requeue", str(seq), *arguments, "--nats", url).code == 0
    assert [message.data for message in on_server(url, commands)] == [BYTES] * 3

    listed = callboard("dead", "ls", "--json", "--nats", url).json["dead"]
    assert [letter["seq"] for letter in listed] == [seq]
    assert callboard("dead", "show", str(seq + 1), "--nats", url).code == 1


def test_a_letter_that_did_not_come_as_a_command_is_not_sent_anywhere(url: str) -> None:
    for subject in ("callboard.events.task.a.1.completed", "$JS.API.STREAM.DELETE.X", "callboard.submitted", ""):
        seq = put(url, headers={"Callboard-Subject": subject})

        ran = callboard("dead", "requeue", str(seq), "--nats", url)

        assert ran.code == 2
        assert "Callboard-Subject" in ran.err
    assert on_server(url, commands) == []


def test_a_letter_with_a_subject_that_cannot_be_published_to_is_a_clear_error(url: str) -> None:
    seq = put(url, headers={"Callboard-Subject": "callboard.submit.a b"})

    ran = callboard("dead", "requeue", str(seq), "--nats", url)

    assert ran.code == 2
    assert "Traceback" not in ran.err
