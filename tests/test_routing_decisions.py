"""Which agent gets a task: kinds, rules, keywords, the threshold and the fallback."""

import itertools
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.agents import Agent, Task, specialist
from callboard.actors.router import KeywordRouter, explicit
from callboard.events.errors import InvalidValueError
from callboard.events.task import Route
from tests.support.log_lines import captured


def agent(name: str, rule: Callable[[Task], Any] | None = None, **options: Any) -> Agent:
    class Serving:
        def process(self, task: Task) -> None: ...

    serving = Serving()
    if rule is not None:
        serving.can_handle = rule  # type: ignore[attr-defined]
    return specialist(name, **options)(serving)


def route(text: Any, *agents: Agent, kind: str | None = None, threshold: float = 0.5) -> Route:
    return KeywordRouter(threshold).route(Task(id="t-1", input=text, kind=kind), agents)


BILLING = agent("billing", keywords=["invoice", "refund", "charge"], kinds=["refund"], max_attempts=7)
SUPPORT = agent("support", keywords=["help", "broken"])
CATCH_ALL = agent("general", fallback=True)


def test_one_keyword_is_enough() -> None:
    found = route("where is my INVOICE?", BILLING, SUPPORT)
    assert (found.agent, found.method, found.confidence) == ("billing", "keyword", 0.5)
    assert found.reason == "matched keyword invoice (1 of 3)"
    assert found.max_attempts == 7


def test_more_keywords_are_more_confidence() -> None:
    found = route("invoice and refund", BILLING, SUPPORT)
    assert (found.confidence, found.reason) == (0.75, "matched keywords invoice, refund (2 of 3)")
    assert route("invoice refund charge", BILLING).confidence == 0.875


def test_the_agent_with_more_keywords_wins() -> None:
    assert route("help, my invoice is broken", BILLING, SUPPORT).agent == "support"
    assert route("help, my invoice charge", BILLING, SUPPORT).agent == "billing"


def test_a_kind_beats_keywords() -> None:
    found = route("help broken", BILLING, SUPPORT, kind="refund")
    assert (found.agent, found.method, found.confidence, found.intent) == ("billing", "rule", 1.0, "refund")
    assert found.reason == "'refund' is one of its kinds"


def test_a_kind_is_compared_as_it_is() -> None:
    assert route("", BILLING, kind="Refund").agent is None


def test_between_two_agents_of_one_kind_keywords_decide() -> None:
    first, second = agent("a", kinds=["k"], keywords=["x"]), agent("b", kinds=["k"], keywords=["y"])
    assert route("y", first, second, kind="k").agent == "b"
    assert route("", first, second, kind="k").agent == "a"


def test_a_tie_goes_to_the_larger_share_then_the_longer_words_then_the_name() -> None:
    assert route("x", agent("a", keywords=["x", "z"]), agent("b", keywords=["x"])).agent == "b"
    assert route("short longer", agent("a", keywords=["short"]), agent("b", keywords=["longer"])).agent == "b"
    assert route("x", agent("b", keywords=["x"]), agent("a", keywords=["x"])).agent == "a"


def test_without_a_match_the_fallback_gets_it_and_the_reason_says_why() -> None:
    found = route("good morning", BILLING, CATCH_ALL)
    assert (found.agent, found.method, found.confidence) == ("general", "fallback", 0.0)
    assert found.reason == "no agent has a keyword that is in the input: left to the fallback agent"


def test_without_a_match_and_a_fallback_nobody_gets_it() -> None:
    found = route("good morning", BILLING, SUPPORT, kind="sync")
    assert found.agent is None
    assert found.reason == (
        "no agent takes the kind 'sync' or has a keyword that is in the input, and there is no fallback agent"
    )
    assert route("hi").agent is None


def test_below_the_threshold_the_reason_names_who_came_closest() -> None:
    found = route("my invoice", BILLING, SUPPORT, threshold=0.6)
    assert found.agent is None
    assert found.reason.startswith(
        "no agent reached a confidence of 0.6: billing came closest with 0.5 (matched keyword invoice (1 of 3))"
    )
    assert route("my invoice", BILLING, CATCH_ALL, threshold=0.6).method == "fallback"


def test_a_fallback_agent_takes_part_with_its_own_keywords() -> None:
    general = agent("general", fallback=True, keywords=["hello"])
    assert route("hello", general).method == "keyword"


def test_of_several_fallback_agents_the_first_by_name() -> None:
    assert route("?", agent("z", fallback=True), agent("a", fallback=True)).agent == "a"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(True, ("ruled", "rule", 1.0)), (0.8, ("ruled", "rule", 0.8)), (1, ("ruled", "rule", 1.0))],
)
def test_a_rule_gives_its_confidence(answer: Any, expected: tuple[str, str, float]) -> None:
    found = route("invoice", BILLING, agent("ruled", rule=lambda _task: answer))
    assert (found.agent, found.method, found.confidence) == expected
    assert found.reason == f"its can_handle answered {float(answer):g}"


def test_a_rule_sees_the_task() -> None:
    rich = agent("rich", rule=lambda task: task.input["amount"] > 1_000)
    assert route({"amount": 2_000}, rich).agent == "rich"
    assert route({"amount": 10}, rich).agent is None


@pytest.mark.parametrize("answer", [False, 0, 0.0])
def test_a_rule_that_says_no_is_the_last_word(answer: Any) -> None:
    ruled = agent("ruled", rule=lambda _task: answer, keywords=["invoice"], kinds=["refund"])
    assert route("invoice", ruled, kind="refund").agent is None


def test_a_rule_without_an_opinion_leaves_it_to_kinds_and_keywords() -> None:
    assert route("invoice", agent("ruled", rule=lambda _task: None, keywords=["invoice"])).method == "keyword"


def test_a_weak_rule_does_not_hide_strong_keywords() -> None:
    found = route("a b c", agent("ruled", rule=lambda _task: 0.6, keywords=["a", "b", "c"]))
    assert (found.method, found.confidence) == ("keyword", 0.875)


@pytest.mark.parametrize("answer", [1.5, -0.5, float("nan"), "yes", [1]])
def test_a_rule_that_answers_nonsense_says_no_and_is_logged(answer: Any) -> None:
    with captured() as lines:
        found = route("invoice", agent("ruled", rule=lambda _task: answer, keywords=["invoice"]), BILLING)
        assert found.agent == "billing"
        assert "expected can_handle to return" in lines.wait("routing.rule_failed")["error"]


def test_a_rule_that_raises_says_no_and_is_logged() -> None:
    with captured() as lines:
        assert route("x", agent("ruled", rule=lambda task: task.input["amount"])).agent is None
        line = lines.wait("routing.rule_failed")
    assert (line["agent"], line["task_id"]) == ("ruled", "t-1")


def test_a_rule_that_would_end_the_process_says_no_too() -> None:
    with captured() as lines:
        assert route("x", agent("ruled", rule=lambda _task: sys.exit("enough"))).agent is None
        assert lines.wait("routing.rule_failed")["error"] == "enough"


def test_a_long_list_of_matches_is_cut_in_the_reason() -> None:
    words = [f"w{number}" for number in range(50)]
    found = route(" ".join(words), agent("many", keywords=words))
    assert found.reason == f"matched keywords {', '.join(words[:10])}, … (50 of 50)"
    assert found.confidence <= 1


def test_a_task_sent_by_name() -> None:
    found = explicit(BILLING)
    assert (found.agent, found.method, found.confidence, found.max_attempts) == ("billing", "explicit", 1.0, 7)
    assert found.reason == "the submission names this agent"


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), True, "0.5", None])
def test_a_threshold_out_of_range_is_refused(threshold: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected threshold to be 0-1"):
        KeywordRouter(threshold)


AGENTS = [
    BILLING,
    SUPPORT,
    CATCH_ALL,
    agent("double", keywords=["invoice", "help"], kinds=["refund"]),
    agent("twin", keywords=["invoice", "help"]),
    agent("ruled", rule=lambda task: 0.75 if isinstance(task.input, str) else None),
]
WORDS = ["invoice", "refund", "charge", "help", "broken", "other", ""]


@given(
    st.lists(st.sampled_from(WORDS)).map(" ".join) | st.lists(st.sampled_from(WORDS)),
    st.sampled_from([None, "refund", "sync"]),
    st.lists(st.sampled_from(AGENTS), unique_by=lambda agent: agent.name),
    st.floats(0, 1),
)
def test_the_order_of_the_agents_never_matters(
    text: Any, kind: str | None, agents: list[Agent], threshold: float
) -> None:
    orders = itertools.islice(itertools.permutations(agents), 24)
    routes = [route(text, *order, kind=kind, threshold=threshold) for order in orders]
    assert all(found == routes[0] for found in routes)
    assert routes[0].agent in {None, *(agent.name for agent in agents)}
    assert 0 <= routes[0].confidence <= 1
    assert routes[0].reason
