"""Agents for `callboard up --app examples/my_agents.py`: an async function, a plain function and a class."""

import asyncio
from typing import Any

import msgspec

from callboard import Context, Task, specialist


class Refund(msgspec.Struct):
    """What `refunds` takes: a submission whose input does not look so fails at once and says which field is wrong."""

    order: int
    amount: float


@specialist("billing", keywords=["invoice", "bill"], concurrency=100, timeout_seconds=60, max_attempts=3)
async def billing(task: Task, ctx: Context) -> dict[str, str]:
    """An async function: many of them share one thread."""
    await ctx.progress(0.5, "looking up the invoice")
    await asyncio.sleep(0.2)
    return {"answer": f"About {task.input!r}: the invoice is right."}


@specialist("refunds", kinds=["refund"])
def refunds(refund: Refund, ctx: Context) -> dict[str, Any]:
    """A plain function: it runs in a thread, and may block."""
    ctx.log.info("refunding", order=refund.order)
    return {"order": refund.order, "refunded": refund.amount}


@specialist("shouting")
class Shouting:
    """A class decides by a rule of its own what it takes."""

    def can_handle(self, task: Task) -> bool:
        """Take what is shouted."""
        return isinstance(task.input, str) and task.input.isupper()

    async def process(self, task: Task, _ctx: Context) -> str:
        """Shout back."""
        return f"{task.input}!"


@specialist("concierge", fallback=True)
async def concierge(task: Task, _ctx: Context) -> dict[str, str]:
    """What nobody else takes ends here."""
    return {"answer": f"You said {task.input!r}. How may I help?"}
