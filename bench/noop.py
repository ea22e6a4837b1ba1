"""The agent of the pipeline benchmark: it does nothing, at once."""

from callboard import Context, Task, specialist


@specialist("noop", concurrency=2_000)
async def noop(_task: Task, _ctx: Context) -> dict[str, bool]:
    """Return the same small result for every task."""
    return {"ok": True}
