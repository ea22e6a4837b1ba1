"""`callboard demo`, as `make demo` runs it."""

from pathlib import Path

from tests.support.command_line import callboard


def test_the_demo_shows_the_whole_path_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ran = callboard("demo", env={"TMPDIR": str(tmp_path)})

    assert ran.code == 0, ran.out + ran.err
    assert ran.err == ""
    assert "Views and replay agree." in ran.out
    assert "6 webhooks came in" in ran.out
    for word in ("routed", "explicit", "fallback", "attempt_failed", "delivered", "cancelled", "dead letter 1"):
        assert word in ran.out
    assert list(tmp_path.iterdir()) == []
