"""Questions about the rules of a user."""

from typing import Final

import msgspec

from callboard.events.submission import decode
from callboard.projections.rule_answers import RulesAnswer
from callboard.requests import RulesQuery
from callboard.sights import Sights

_rules: Final = msgspec.json.Decoder(RulesQuery)


async def rules(sights: Sights, data: bytes) -> RulesAnswer:
    """Return the rules of a user, the best bound first."""
    query = decode(_rules, data or b"{}")
    views = await sights.at(query, user_id=query.user_id)
    statuses = () if query.status is None else (query.status,)
    found, as_of_seq = await views.rules(query.user_id, statuses, query.limit, query.id)
    return RulesAnswer(rules=found, as_of_seq=as_of_seq)
