"""The page about the wire protocol says what the code takes and gives."""

import re
from pathlib import Path

import pytest
from msgspec import Struct

from callboard.actors import command
from callboard.events import subjects
from callboard.events.errors import CallboardError
from callboard.events.heartbeat import MAX_NAME, Heartbeat
from callboard.events.request_line import MAX_ENDPOINT, MAX_METHOD, MAX_MS, RequestLine
from callboard.events.submission import MAX_ATTEMPTS, MAX_DELIVERIES, MAX_DEPENDENCIES, MAX_DEPTH, MAX_TEXT, Submission
from callboard.projections.activity_answers import ActivityAnswer, ActivityItem, ErrorItem, GroupItem, PeriodItem
from callboard.projections.answers import AgentItem, AgentLogItem, DeliveryItem, StatsAnswer, TaskItem
from callboard.projections.find_heartbeats import HeartbeatItem
from callboard.projections.find_sessions import MessageItem, RunItem, SessionItem
from callboard.projections.rule_answers import RuleAnswer

PAGE = (Path(__file__).parent.parent / "docs" / "protocol.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return re.split(r"\n##+ ", PAGE.split(f"# {heading}\n", 1)[1])[0]


def first_cells(heading: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", section(heading), re.MULTILINE)


def paragraph(name: str) -> set[str]:
    """Return every word in code style of the paragraph about ``name``."""
    return set(re.findall(r"`([a-z0-9_]+)`", PAGE.split(f"**{name}**", 1)[1].split("\n\n")[0]))


def test_the_table_of_a_submission_has_its_fields() -> None:
    assert sorted(first_cells("Submission")) == sorted(Submission.__struct_fields__)


def test_the_table_of_a_heartbeat_has_its_fields() -> None:
    assert sorted(first_cells("Heartbeat")) == sorted(Heartbeat.__struct_fields__)
    assert f"at most {MAX_NAME} characters" in section("Heartbeat")


def test_the_table_of_a_request_line_has_its_fields() -> None:
    assert sorted(first_cells("Request line")) == sorted(RequestLine.__struct_fields__)
    assert f"1-{MAX_ENDPOINT:,} characters" in section("Request line")
    assert f"1-{MAX_METHOD} characters" in section("Request line")
    assert f"0-{MAX_MS:,}" in section("Request line")


def test_the_limits_are_those_in_force() -> None:
    assert f"1-{MAX_ATTEMPTS}" in section("Submission")
    assert f"up to {MAX_DELIVERIES} targets" in section("Submission")
    assert f"up to {MAX_DEPENDENCIES:,} ids" in section("Submission")
    assert f"1-{MAX_TEXT} characters" in section("Submission")
    assert f"nests at most {MAX_DEPTH} deep" in PAGE


def test_the_table_of_dead_letters_has_every_reason() -> None:
    reasons = {value for name, value in vars(command).items() if name.isupper() and isinstance(value, str)}
    assert set(first_cells("Dead letters")) == reasons


def test_what_is_no_command_about_a_task_is_unsupported_where_those_are_read() -> None:
    with pytest.raises(command.RefusalError) as refused:
        command.read("callboard.heartbeat.one", b"{}")
    assert refused.value.reason == "unsupported"
    assert isinstance(refused.value, CallboardError)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Task", TaskItem),
        ("Task", DeliveryItem),
        ("Task stats", StatsAnswer),
        ("Activity", ActivityAnswer),
        ("Activity", ActivityItem),
        ("Activity", GroupItem),
        ("Activity", PeriodItem),
        ("Activity", ErrorItem),
        ("Agent", AgentItem),
        ("Heartbeat", HeartbeatItem),
        ("Session", SessionItem),
        ("Message", MessageItem),
        ("Run", RunItem),
        ("Rule", RuleAnswer),
    ],
)
def test_what_the_service_answers_is_described_field_by_field(name: str, shape: type[Struct]) -> None:
    assert set(shape.__struct_fields__) - {"as_of_seq"} <= paragraph(name)


def test_the_agent_log_is_described_field_by_field() -> None:
    assert set(AgentLogItem.__struct_fields__) <= paragraph("Attempt")


def test_commands_are_published_where_the_page_says() -> None:
    places = {
        subjects.SUBMIT,
        f"{subjects.SUBMIT}.<agent>",
        f"{subjects.CANCEL}.<task_id>",
        f"{subjects.RETRY}.<task_id>",
        f"{subjects.HEARTBEAT}.<name>",
    }
    assert set(first_cells("Commands")) == places
    assert all(cell.startswith((subjects.API, subjects.QUERY)) for cell in first_cells("Service"))
