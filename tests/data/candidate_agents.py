"""What might become of ``routing_agents``: one agent less, one more, other keywords."""

from callboard import Task, specialist


@specialist("billing", keywords=["invoice", "refund"], kinds=["refund"])
async def billing(task: Task) -> str:
    return task.agent


@specialist("phones", keywords=["phone", "signal"])
async def phones(task: Task) -> str:
    return task.agent


@specialist("desk", fallback=True)
def desk(task: Task) -> str:
    return task.agent
