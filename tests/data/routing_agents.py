"""Agents that tasks find their way to by kind, by keyword, by a rule of their own, or for want of any other."""

from callboard import Context, Task, specialist


@specialist("billing", keywords=["invoice", "refund", "money back"], kinds=["refund"])
async def billing(task: Task) -> str:
    return task.agent


@specialist("travel", keywords=["café", "Straße", "ホテル", "东京", "फ़ोन", "İzmir"], kinds=["follow_up", "Rückruf"])
async def travel(task: Task) -> str:
    return task.agent


@specialist("law", keywords=["riddle"])
class Law:
    """Takes contracts for sure, letters perhaps, and is no good at riddles."""

    def can_handle(self, task: Task) -> bool | float | None:
        text = str(task.input)
        if "riddle" in text:
            raise LookupError("nobody knows")
        if "letter" in text:
            return 0.6
        return True if "contract" in text else None

    async def process(self, task: Task, _ctx: Context) -> str:
        return task.agent


@specialist("desk", fallback=True)
def desk(task: Task) -> str:
    return task.agent
