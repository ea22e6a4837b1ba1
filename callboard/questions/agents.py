"""Questions about agents and what they did."""

from typing import Final

import msgspec

from callboard.events.submission import decode
from callboard.projections.answers import AgentLogAnswer, AgentsAnswer
from callboard.requests import AgentLogQuery, AgentsQuery
from callboard.sights import Sights

_agents: Final = msgspec.json.Decoder(AgentsQuery)
_agent_log: Final = msgspec.json.Decoder(AgentLogQuery)


async def agents(sights: Sights, data: bytes) -> AgentsAnswer:
    """Return what each agent does and did; of the past nobody knows which processes there were."""
    query = decode(_agents, data or b"{}")
    views = await sights.at(query)
    if query.as_of is not None:
        return await views.agents()
    processes = sights.processes()
    answer = await views.agents(list(processes))
    found = [msgspec.structs.replace(each, processes=processes.get(each.agent, 0)) for each in answer.agents]
    return msgspec.structs.replace(answer, agents=found)


async def agent_log(sights: Sights, data: bytes) -> AgentLogAnswer:
    """Return attempts."""
    query = decode(_agent_log, data or b"{}")
    return await (await sights.at(query, query.task_id)).agent_log(query.agent, query.task_id, query.limit)
