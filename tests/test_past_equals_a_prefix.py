"""What is answered about the past is what views say that were fed so many events and no more."""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.events.heartbeat_events import HeartbeatEvent
from callboard.events.task import fold
from callboard.events.task_events import TaskEvent
from callboard.events.user_events import UserEvent
from callboard.past.past_queries import PastQueries
from callboard.projections.difference import first_difference
from callboard.projections.excerpt import Excerpt
from callboard.projections.queries import Queries
from tests.support.heartbeat_story import HOURLY, commands, fired
from tests.support.heartbeat_story import any_history as any_history_of_a_beat
from tests.support.log_stretch import Event, log_of, mixed, named
from tests.support.past import build, checkpoints, messages
from tests.support.rule_story import COFFEE, REFUND, UserStory
from tests.support.rule_story import any_history as any_history_of_a_user
from tests.support.task_commands import Command, any_history, stories
from tests.support.task_story import NOW, QUEUED, RUNNING, START, attempt_failed, cancelled, completed, failed
from tests.support.views import filled

chances = st.randoms(use_true_random=False)


def play(story: list[Command]) -> list[TaskEvent]:
    history: list[TaskEvent] = []
    for command in story:
        state = fold(None, history)
        history += command.aimed_at(state)(state)
    return history


histories = st.lists(st.one_of(stories.map(play), any_history), min_size=1, max_size=4)


beats = any_history_of_a_beat("daily")
users = any_history_of_a_user("ada")


def one_log(them: list[list[TaskEvent]], chance: random.Random, *others: Sequence[Event]) -> list[Event]:
    tasks = [named(f"task-{number}", history) for number, history in enumerate(them)]
    return mixed([*tasks, *others], chance)


async def every_answer(views: Queries) -> list[object]:
    """Return what views answer to each question the service has for them."""
    found = await views.tasks()
    tasks = [await views.task(f"task-{number}") for number in range(4)]
    log = await views.agent_log(limit=1000)
    others = [await views.heartbeats(NOW), await views.rules("ada")]
    return [found, *tasks, await views.stats(), await views.agents(), log, *others]


@given(histories, beats, users, chances)
@settings(max_examples=25)
def test_views_built_from_any_checkpoint_are_those_of_the_prefix(
    them: list[list[TaskEvent]], beat: list[HeartbeatEvent], user: list[UserEvent], chance: random.Random
) -> None:
    events = one_log(them, chance, beat, user)
    log = messages(events)
    with tempfile.TemporaryDirectory() as directory:
        kept = checkpoints(Path(directory))
        for number in range(3 if log else 0):
            seq = chance.randint(1, len(log))
            build(kept, log, seq, every=chance.randint(1, 20), size=chance.randint(1, 9))
            fresh = filled(Path(directory, f"fresh-{number}"), [log_of(events[:seq])])
            assert first_difference(kept.path(seq), fresh) is None


@given(histories, chances)
@settings(max_examples=20)
async def test_one_task_read_from_the_log_is_the_one_in_the_views_of_the_prefix(
    them: list[list[TaskEvent]], chance: random.Random
) -> None:
    events = one_log(them, chance)
    seq = chance.randint(0, len(events))
    prefix = log_of(events[:seq])
    with tempfile.TemporaryDirectory() as directory:
        views = Queries(filled(Path(directory, "fresh"), [prefix]))
        try:
            for task_id in ("task-0", "task-1", "task-unknown"):
                excerpt = Excerpt([event for event in prefix if event.id == task_id], seq)
                assert await excerpt.task(task_id) == await views.task(task_id)
                assert await excerpt.agent_log(task_id=task_id) == await views.agent_log(task_id=task_id)
        finally:
            views.close()


STORIES = ([*RUNNING, completed()], [*RUNNING, failed(5)], [*RUNNING, attempt_failed()], [*QUEUED, cancelled(4)])


async def test_every_question_is_answered_as_by_views_of_the_prefix(tmp_path: Path) -> None:
    beat: list[Event] = [*commands("daily", HOURLY, None, HOURLY), *fired("daily", START)]
    user = UserStory().proposed(COFFEE, REFUND).accepted(COFFEE).rejected(REFUND).events
    events = one_log([list(story) for story in STORIES], random.Random(7), beat, user)
    kept = checkpoints(tmp_path)
    for seq in range(1, len(events) + 1):
        build(kept, messages(events), seq, every=5)
        fresh = Queries(filled(tmp_path / f"fresh-{seq}", [log_of(events[:seq])]))
        past = PastQueries(kept.path(seq), pytest.fail)
        assert await every_answer(past) == await every_answer(fresh)
        fresh.close()
