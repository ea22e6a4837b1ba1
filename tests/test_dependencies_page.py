"""What docs/dependencies.md says is in force."""

import re
from pathlib import Path

from callboard.actors.agents import Agent
from callboard.actors.cycles import MAX_WALK
from callboard.actors.dependencies import CYCLE, FAILED, WINDOW
from callboard.actors.family import INHERITED, SPAWN_SECONDS
from callboard.actors.subtask import subtask_id
from callboard.events import subjects
from callboard.events.consumers import MAX_ACK_PENDING
from callboard.events.submission import MAX_DEPENDENCIES

PAGE = (Path(__file__).parent.parent / "docs" / "dependencies.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())


def test_the_limits_are_those_in_force() -> None:
    assert f"**Up to {MAX_DEPENDENCIES:,} ids**" in TEXT
    assert f"A cycle of more than {MAX_WALK:,} tasks is not found" in TEXT
    assert f"holds up to {WINDOW:,} blocked tasks" in TEXT
    assert f"has at most {MAX_ACK_PENDING:,} tasks out" in TEXT
    assert SPAWN_SECONDS == 60
    assert "is asked again for a minute" in TEXT


def test_the_names_are_those_in_use() -> None:
    assert {f"`{FAILED}`", f"`{CYCLE}`"} <= set(re.findall(r"`\w+`", PAGE))
    assert [name.removesuffix("_id") for name in INHERITED] == ["priority", "user", "session", "tenant"]
    assert "It has the priority, user, session and tenant of its parent" in TEXT
    assert f"`{subtask_id('trip-7', 1)}`" in PAGE
    shown = re.escape("callboard.events.child.<parent id>.<bucket>.<child id>.linked")
    assert re.search(shown, PAGE)
    assert re.fullmatch(r"callboard\.events\.child\.a\.b[0-9a-f]{2}\.c\.linked", subjects.child("a", "c"))


def test_the_example_makes_agents() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "dependencies.md", "exec"), names)  # noqa: S102 - our own page

    assert [each.name for each in names.values() if isinstance(each, Agent)] == ["trip", "thumbnails"]
