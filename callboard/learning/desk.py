"""Takes the request to learn of one user from the service to the learner, and its answer back."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Final

import pykka
from msgspec import Struct

from callboard.errors import NotReadyError
from callboard.learning.lesson import Lesson

LEARNER: Final = "learner"
"""The name of the actor that learns."""

ANSWER_SECONDS: Final = 30.0


class Learn(Struct, frozen=True, eq=False):
    """Learn of one user at once, and put into ``answer`` what came of it."""

    user_id: str
    answer: "Future[Lesson]"


class LearningDesk:
    """A coroutine for the service. ``roster`` has the actors that run now."""

    def __init__(self, roster: "Mapping[str, pykka.ActorRef[Any]]") -> None:
        self._roster = roster

    async def learn(self, user_id: str) -> Lesson:
        """Learn rules of a user now, and return what came of it.

        Raises:
            NotReadyError: the learner did not answer in time.
            VersionConflictError, EventTooLargeError, LogUnavailableError, LogRefusedError: as the log says.
        """
        answer: Future[Lesson] = Future()
        try:
            self._roster[LEARNER].tell(Learn(user_id, answer))
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.wrap_future(answer)
        except (KeyError, pykka.ActorDeadError, TimeoutError) as error:
            raise NotReadyError("the learner did not answer in time: try again") from error
