"""Questions about the rules of a user, and the request to look for new ones."""

from typing import Final

import msgspec

from callboard.errors import NotReadyError
from callboard.events.errors import InvalidValueError
from callboard.events.submission import decode
from callboard.learning.lesson import Lesson
from callboard.projections.rule_answers import RulesAnswer
from callboard.requests import LearnRequest, RulesQuery
from callboard.sights import Sights, reach

_rules: Final = msgspec.json.Decoder(RulesQuery)
_learn: Final = msgspec.json.Decoder(LearnRequest)


async def rules(sights: Sights, data: bytes) -> RulesAnswer:
    """Return the rules of a user, the best bound first; or of all users those that are open, the newest first."""
    query = decode(_rules, data or b"{}")
    _check(query)
    if query.user_id is None:
        return await (await sights.at(query)).open_rules(query.limit, query.after)
    if query.min_request_seq is not None:
        request = LearnRequest(user_id=query.user_id, min_request_seq=query.min_request_seq)
        await sights.reach((await _learned(sights, request)).seq)
    views = await sights.at(query, user_id=query.user_id)
    statuses = () if query.status is None else (query.status,)
    found, as_of_seq = await views.rules(query.user_id, statuses, query.limit, query.id)
    return RulesAnswer(rules=found, next=None, as_of_seq=as_of_seq)


async def learn(sights: Sights, data: bytes) -> Lesson:
    """Look for rules of a user in what the views have, and propose those that are new."""
    return await _learned(sights, decode(_learn, data or b"{}"))


async def _learned(sights: Sights, request: LearnRequest) -> Lesson:
    if sights.learn is None:
        raise NotReadyError("this process does not learn: ask one with the role projector")
    if request.min_seq is not None:
        await sights.reach(request.min_seq)
    if request.min_request_seq is not None:
        if sights.request_log is None:
            raise NotReadyError("this process does not look at the request log: ask one with the role projector")
        await reach(sights.request_log.runner, request.min_request_seq)
    return await sights.learn(request.user_id)


def _check(query: RulesQuery) -> None:
    """Refuse what does not go together.

    Raises:
        InvalidValueError: the fields ask for rules of one user and of all at once, or for learning in the past.
    """
    if query.user_id is None and (query.status != "proposed" or query.id or query.min_request_seq is not None):
        message = "expected user_id, or status proposed, without id and min_request_seq, for all users"
        raise InvalidValueError(message, field="user_id")
    if query.user_id is not None and query.after is not None:
        raise InvalidValueError("expected after only without user_id", field="after")
    if query.as_of is not None and query.min_request_seq is not None:
        raise InvalidValueError("expected min_request_seq or as_of, got both", field="as_of")
