"""The state diagram on a page of the documentation."""

import re
from collections.abc import Collection
from typing import Any, Final

from tests.support.source import ROOT

Arrow = tuple[str, str, str]
_ARROW: Final = re.compile(r"^ *(\S+) --> (\S+?)(?:: (\S+))?$", re.MULTILINE)


def drawn(page: str) -> list[Arrow]:
    """Return the arrows of the first diagram on ``docs/<page>``: from, to and event (empty: none)."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return _ARROW.findall(text.split("```mermaid")[1].split("```")[0])


def steps(page: str) -> list[Arrow]:
    """Return those arrows that stand for an event."""
    return [arrow for arrow in drawn(page) if arrow[1] != "[*]"]


def shows(page: str, walked: Collection[Arrow], events: Collection[Any]) -> bool:
    """Tell whether the diagram has each step that was ``walked`` once, and no other, and names all ``events``."""
    arrows = steps(page)
    named = {event for _before, _after, event in drawn(page) if event}
    return (
        set(arrows) == set(walked)
        and len(arrows) == len(set(arrows))
        and named == {cls.TOPIC.rpartition(".")[2] for cls in events}
    )
