"""Tests by clients that know the wire protocol and nothing of callboard."""

import pytest

pytest.register_assert_rewrite(
    "tests.support.board_audit",
    "tests.support.command_audit",
    "tests.support.live_events",
    "tests.support.log_audit",
    "tests.support.task_history",
    "tests.support.wire_reply",
)
