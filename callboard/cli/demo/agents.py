"""The agents of the demo: one of each form, and one that has bad luck."""

import asyncio
import statistics
from typing import Any

from msgspec import Struct

from callboard.actors.agents import Agent, Task, specialist
from callboard.actors.context import Context

STEPS = 4


class Numbers(Struct):
    """What the analyst takes: ``{"numbers": [1, 2, 3]}``."""

    numbers: list[float]


@specialist("billing", keywords=["invoice", "refund", "Rechnung", "退款"], kinds=["refund"], concurrency=4)
async def billing(task: Task, ctx: Context) -> dict[str, Any]:
    """Take a while over an invoice, and say how far it is; an async function, it shares one thread with many."""
    for step in range(1, STEPS):
        await asyncio.sleep(0.1)
        await ctx.progress(step / STEPS, f"step {step} of {STEPS}")
    return {"done": task.input}


@specialist("analyst", kinds=["analysis"])
def analyst(question: Numbers, ctx: Context) -> dict[str, float]:
    """Add up numbers; a plain function, it runs in a thread, and its input is checked before it is called."""
    ctx.progress(0.5, f"{len(question.numbers)} numbers")
    return {"sum": sum(question.numbers), "mean": statistics.fmean(question.numbers)}


class Courier:
    """A class with a rule of its own. It drops the first parcel, and every parcel that is cursed."""

    def can_handle(self, task: Task) -> bool:
        """Take what is a parcel."""
        return isinstance(task.input, dict) and "parcel" in task.input

    async def process(self, task: Task, ctx: Context) -> dict[str, Any]:
        """Carry the parcel."""
        parcel = task.input["parcel"]
        await ctx.progress(note=f"carrying {parcel}, attempt {task.attempt}")
        if parcel == "cursed" or task.attempt == 1:
            raise RuntimeError(f"dropped {parcel}")
        return {"delivered": parcel, "attempts": task.attempt}


courier = specialist("courier", max_attempts=3, retry_base_seconds=0)(Courier)


@specialist("night-watch")
async def night_watch(_task: Task, _ctx: Context) -> str:
    """Watch until somebody calls it off."""
    await asyncio.Event().wait()
    return "morning"


@specialist("concierge", fallback=True)
def concierge(task: Task, _ctx: Context) -> dict[str, str]:
    """Take what nobody else takes."""
    return {"answer": f"You said {task.input!r}. How may I help?"}


AGENTS: tuple[Agent, ...] = (billing, analyst, courier, night_watch, concierge)
