"""Questions about the rules of a user, and the request to look for new ones."""

from typing import Final

import msgspec

from callboard.errors import NotReadyError
from callboard.events.submission import decode
from callboard.learning.lesson import Lesson
from callboard.projections.rule_answers import RulesAnswer
from callboard.requests import LearnRequest, RulesQuery
from callboard.sights import Sights

_rules: Final = msgspec.json.Decoder(RulesQuery)
_learn: Final = msgspec.json.Decoder(LearnRequest)


async def rules(sights: Sights, data: bytes) -> RulesAnswer:
    """Return the rules of a user, the best bound first."""
    query = decode(_rules, data or b"{}")
    views = await sights.at(query, user_id=query.user_id)
    statuses = () if query.status is None else (query.status,)
    found, as_of_seq = await views.rules(query.user_id, statuses, query.limit, query.id)
    return RulesAnswer(rules=found, as_of_seq=as_of_seq)


async def learn(sights: Sights, data: bytes) -> Lesson:
    """Look for rules of a user in what the views have, and propose those that are new."""
    request = decode(_learn, data or b"{}")
    if sights.learn is None:
        raise NotReadyError("this process does not learn: ask one with the role projector")
    return await sights.learn(request.user_id)
