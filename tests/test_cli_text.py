"""Nothing that comes out of a task does anything to the terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.cli.text import clock, compact, duration, escaped, moment, safe, safe_json
from tests.support.task_story import NOW


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("\ud800", r"\ud800"),
        ("\x00\x07\x7f", r"\x00\x07\x7f"),
        ("Zoë 東京 👩‍👩‍👧 [bold]", "Zoë 東京 👩‍👩‍👧 [bold]"),
    ],
)
def test_what_a_terminal_would_act_on_becomes_visible(hostile: str, shown: str) -> None:
    assert escaped(hostile) == shown


def test_markup_is_only_text() -> None:
    assert safe("[red]x[/red]").plain == "[red]x[/red]"
    assert not safe("[red]x[/red]").spans


def test_long_text_is_cut() -> None:
    assert safe("x" * 100, 10).plain == "x" * 9 + "…"
    assert safe(None).plain == ""


VALUES = st.recursive(
    st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(VALUES)
def test_escaped_json_means_the_same(value: object) -> None:
    for indent in (0, 2):
        text = safe_json(json.dumps(value, ensure_ascii=False).encode(), indent=indent)

        assert json.loads(text) == value
        assert escaped(text.replace("\n", "")) == text.replace("\n", "")


def test_values_read_as_people_write_them() -> None:
    assert compact("text") == "text"
    assert compact({"a": [1, None]}) == '{"a":[1,null]}'


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, ""),
        (0.0, "0 ms"),
        (1.234, "1.23 ms"),
        (250.4, "250 ms"),
        (1500, "1.50 s"),
        (125_000, "2:05 min"),
        (3_725_000, "1:02:05"),
    ],
)
def test_durations_have_the_unit_a_person_would_choose(milliseconds: float | None, shown: str) -> None:
    assert duration(milliseconds) == shown


def test_times_are_utc_to_the_millisecond() -> None:
    assert moment(None) == ""
    assert moment(NOW).endswith("Z")
    assert len(clock(NOW)) == len("00:00:00.000")
