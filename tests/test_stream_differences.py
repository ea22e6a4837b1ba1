"""A stream that is not as wanted: every setting is named, with what was found, what is wanted and a fix."""

import copy
from typing import Any

import pytest

from callboard.events.differences import Difference, ServerMismatchError, differences
from callboard.events.errors import CallboardError
from callboard.events.streams import StreamConfig, events_stream, max_command_bytes, wanted_streams

MIB = 1024 * 1024
STREAMS = {config["name"]: config for config in wanted_streams(2 * MIB)}
SERVER_METADATA = {"_nats.level": "5", "_nats.req.level": "2", "_nats.ver": "2.15.1"}
OTHER: dict[str, Any] = {
    "retention": "workqueue",
    "storage": "memory",
    "discard": "other",
    "compression": "s2",
    "subjects": ["callboard.>"],
    "republish": {"src": ">", "dest": "copy.>"},
    "consumer_limits": {"max_ack_pending": 5},
    "metadata": {"callboard.schema": "2"},
}


def found(config: StreamConfig, **changes: Any) -> StreamConfig:
    """``config`` as a server returns it: without what is off, with metadata of its own, and with ``changes``."""
    answer = {name: value for name, value in copy.deepcopy(config).items() if value}
    answer["metadata"] = {**answer["metadata"], **SERVER_METADATA}
    return {**answer, **changes}


def other(name: str, value: Any) -> Any:
    if name in OTHER:
        return OTHER[name]
    return not value if isinstance(value, bool) else value + 7


@pytest.mark.parametrize("name", STREAMS)
def test_what_the_server_returns_for_what_was_wanted_agrees(name: str) -> None:
    assert differences(STREAMS[name], found(STREAMS[name])) == []


@pytest.mark.parametrize("setting", [setting for setting in events_stream() if setting != "name"])
def test_every_setting_that_differs_is_named(setting: str) -> None:
    wanted = events_stream()
    changed = other(setting, wanted[setting])
    [difference] = differences(wanted, found(wanted, **{setting: changed}))
    assert difference.setting.startswith(f"CALLBOARD_EVENTS.{setting}")
    assert difference.found
    assert difference.wanted != difference.found
    assert difference.fix


def test_the_order_of_subjects_does_not_matter() -> None:
    wanted = STREAMS["CALLBOARD_COMMANDS"]
    assert differences(wanted, found(wanted, subjects=wanted["subjects"][::-1])) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("mirror", {"name": "OTHER"}),
        ("sources", [{"name": "OTHER"}]),
        ("subject_transform", {"src": "a", "dest": "b"}),
        ("no_ack", True),
        ("persist_mode", "async"),
        ("a_setting_of_a_server_to_come", "on"),
    ],
)
def test_a_setting_nobody_asked_for_is_a_difference(setting: str, value: Any) -> None:
    wanted = events_stream()
    [difference] = differences(wanted, found(wanted, **{setting: value}))
    assert difference.setting == f"CALLBOARD_EVENTS.{setting}"
    assert difference.wanted == "nothing"


def test_settings_that_are_off_and_metadata_of_others_are_let_through() -> None:
    wanted = events_stream()
    metadata = {"callboard.schema": "1", "owner": "ops"}
    assert differences(wanted, found(wanted, mirror=None, template_owner="", metadata=metadata)) == []


def test_a_stream_without_callboards_mark_is_another_ones() -> None:
    wanted = events_stream()
    [difference] = differences(wanted, found(wanted, metadata=SERVER_METADATA))
    assert (difference.setting, difference.found, difference.wanted) == (
        "CALLBOARD_EVENTS.metadata.callboard.schema",
        "nothing",
        "1",
    )


def test_durations_are_told_in_seconds() -> None:
    wanted = STREAMS["CALLBOARD_COMMANDS"]
    [difference] = differences(wanted, found(wanted, max_age=3_600_000_000_000))
    assert (difference.found, difference.wanted) == ("3600 s", "604800 s")


@pytest.mark.parametrize("setting", ["storage", "retention", "deny_delete"])
def test_the_fix_for_what_no_server_changes_is_another_stream(setting: str) -> None:
    wanted = events_stream()
    [difference] = differences(wanted, found(wanted, **{setting: other(setting, wanted[setting])}))
    assert "nats stream rm CALLBOARD_EVENTS" in difference.fix


def test_the_error_lists_all_of_them() -> None:
    error = ServerMismatchError([Difference("a", "1", "2", "do this"), Difference("b", "3", "4", "do that")])
    assert isinstance(error, CallboardError)
    assert [line.strip() for line in str(error).splitlines()[1:]] == [
        "- a: found 1, wanted 2. To fix: do this",
        "- b: found 3, wanted 4. To fix: do that",
    ]


def test_commands_leave_room_for_the_headers_of_their_dead_letter() -> None:
    assert max_command_bytes(2 * MIB) == MIB
    assert max_command_bytes(MIB) == MIB - 64 * 1024


def test_the_event_log_is_kept_for_ever_and_nothing_is_taken_out() -> None:
    events = STREAMS["CALLBOARD_EVENTS"]
    limits = ("max_age", "max_bytes", "max_msgs", "max_msgs_per_subject")
    assert [max(events[limit], 0) for limit in limits] == [0, 0, 0, 0]
    assert events["deny_delete"]
    assert events["deny_purge"]
    assert not any(events[way_out] for way_out in ("allow_rollup_hdrs", "allow_msg_ttl", "allow_msg_schedules"))
