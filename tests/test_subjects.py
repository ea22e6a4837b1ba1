import re
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callboard.events import subjects
from callboard.events.errors import InvalidTokenError
from callboard.events.subjects import MAX_ID_BYTES, id_from_token, id_token, is_token, token

SUBJECT_TOKEN = re.compile(r"[!-)+-=?-~]+", re.ASCII)
"""One token of a subject: printable ASCII without a space, and none of ``*``, ``>`` and (below) ``.``."""

HOSTILE = [
    "",
    ".",
    "a.b",
    "*",
    ">",
    "a b",
    " ",
    "$JS.API",
    "~",
    "=",
    "~fedcba9876543210fedcba9876543210",
    "=YQ",
    "😀",
    "é",
    "e\u0301",
    "\ud800",
    "\ud83d\ude00",
    "\x00",
    "a\r\nHPUB x",
    "x" * 65,
    "\N{FULLWIDTH DIGIT SIX}",
]
texts = st.text(st.characters(), max_size=40) | st.text(st.characters(categories=["Cs"]), max_size=5)
ids = texts | st.uuids(allow_nil=True) | st.from_regex(r"[~=$A-Za-z0-9_-]{0,70}", fullmatch=True)


def is_one_token(text: str) -> bool:
    return SUBJECT_TOKEN.fullmatch(text) is not None and "." not in text


@given(ids)
@example("0" * 64)
@example("0" * 65)
def test_any_id_becomes_one_legal_token_and_reads_back(originator_id: UUID | str) -> None:
    text = id_token(originator_id)
    assert is_one_token(text)
    assert not text.startswith("$")
    back = id_from_token(text)
    assert back == originator_id
    assert type(back) is type(originator_id)


@pytest.mark.parametrize("originator_id", HOSTILE)
def test_hostile_ids_become_one_legal_token_and_read_back(originator_id: str) -> None:
    text = id_token(originator_id)
    assert is_one_token(text)
    assert not text.startswith("$")
    assert id_from_token(text) == originator_id


def test_no_two_hostile_ids_share_a_token() -> None:
    uuid = UUID("01234567-89ab-cdef-0123-456789abcdef")
    all_of_them: list[UUID | str] = [*HOSTILE, uuid, uuid.hex, str(uuid), id_token(uuid), id_token("a b")]
    assert len({id_token(each) for each in all_of_them}) == len(all_of_them)


@given(ids, ids)
def test_different_ids_have_different_tokens(one: UUID | str, other: UUID | str) -> None:
    assert (id_token(one) == id_token(other)) == (one == other)


@given(st.text(max_size=80) | st.from_regex(r"[~=][A-Za-z0-9_=-]{0,40}", fullmatch=True))
@example("~{0123456789abcdef0123456789abcdef}")
@example("~0123456789ABCDEF0123456789ABCDEF")
@example("=YQ")
@example("=YW==")
@example("=!!!!")
@example("=4piD4piD4piDé")
def test_a_text_is_either_the_token_of_an_id_or_refused(text: str) -> None:
    try:
        originator_id = id_from_token(text)
    except InvalidTokenError:
        return
    assert id_token(originator_id) == text


def test_a_plain_id_stands_for_itself() -> None:
    assert id_token("order-1_A") == "order-1_A"


def test_an_id_that_is_too_long_for_a_subject_is_refused() -> None:
    assert id_from_token(id_token("é" * (MAX_ID_BYTES // 2))) == "é" * (MAX_ID_BYTES // 2)
    with pytest.raises(InvalidTokenError, match="at most 192 bytes"):
        id_token("é" * (MAX_ID_BYTES // 2) + "x")


@pytest.mark.parametrize("name", ["a", "A-Z_0-9", "0" * 64])
def test_a_token_is_returned_unchanged(name: str) -> None:
    assert token(name) == name
    assert is_token(name)


@pytest.mark.parametrize("name", [*HOSTILE, "a\n", "tâche"])
def test_what_cannot_stand_in_a_subject_is_refused_by_name(name: str) -> None:
    assert not is_token(name)
    with pytest.raises(InvalidTokenError, match=r"expected agent to match \[A-Za-z0-9_-\]") as refused:
        token(name, "agent")
    assert refused.value.field == "agent"


def test_a_token_is_a_text() -> None:
    with pytest.raises(InvalidTokenError, match="got 7"):
        token(7)  # type: ignore[arg-type]


def test_every_subject_and_durable_has_its_builder() -> None:
    assert subjects.submit() == "callboard.submit"
    assert subjects.submit("billing") == "callboard.submit.billing"
    assert subjects.cancel("task-1") == "callboard.cancel.task-1"
    assert subjects.dead("malformed") == "callboard.dead.malformed"
    assert subjects.task_events() == "callboard.events.task.>"
    assert subjects.task_events("task-1") == "callboard.events.task.task-1.>"
    assert subjects.live_task("task-1") == "callboard.live.task.task-1.>"
    assert subjects.live_event("cancelled") == "callboard.live.task.*.*.cancelled"
    assert subjects.task_event("completed") == "callboard.events.task.*.*.completed"
    assert subjects.assigned("billing", "high") == "callboard.events.task.*.*.assigned.billing.high"
    assert subjects.specialist_durable("billing", "high") == "specialist-billing-high"


@pytest.mark.parametrize("bad", HOSTILE)
def test_no_builder_lets_a_name_out_of_its_token(bad: str) -> None:
    calls: list[Callable[[], str]] = [
        lambda: subjects.submit(bad),
        lambda: subjects.cancel(bad),
        lambda: subjects.dead(bad),
        lambda: subjects.task_events(bad),
        lambda: subjects.live_task(bad),
        lambda: subjects.live_event(bad),
        lambda: subjects.task_event(bad),
        lambda: subjects.assigned(bad, "high"),
        lambda: subjects.assigned("billing", bad),
        lambda: subjects.specialist_durable(bad, "high"),
        lambda: subjects.specialist_durable("billing", bad),
    ]
    for call in calls:
        with pytest.raises(InvalidTokenError):
            call()
