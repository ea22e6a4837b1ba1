"""The demo: the whole path once, on a server and in a directory of its own, checked at the end against the log."""

import asyncio
import base64
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nats

from callboard import logs
from callboard.app import App
from callboard.cli.agents import print_agents
from callboard.cli.demo.agents import AGENTS
from callboard.cli.demo.fold import Folded, differences, see
from callboard.cli.demo.messages import SHOWN, SIGNING, SUBMITTED, publish
from callboard.cli.demo.receiver import Receiver
from callboard.cli.demo.screen import Screen
from callboard.cli.output import Output
from callboard.cli.stats import facts
from callboard.cli.timeline import COLUMNS, timeline
from callboard.client import Client
from callboard.config import Config
from callboard.dead_letters import DeadLetters
from callboard.event_info import EventInfo
from callboard.follower import Follower
from callboard.replies import TaskInfo

DEADLINE_SECONDS = 30.0
GRACE_SECONDS = 2.0


def run(out: Output) -> int:
    """Run the demo, print it, and return 0 when the views agree with a replay of the log, else 1."""
    began = time.monotonic()
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    logs.configure(sys.stderr, level="error", colors=not os.environ.get("NO_COLOR"))
    with (
        tempfile.TemporaryDirectory(prefix="callboard-demo-") as directory,
        Receiver(secret) as receiver,
        running(Path(directory), secret) as url,
    ):
        wrong = asyncio.run(play(out, url, receiver))
    seconds = time.monotonic() - began
    if out.json:
        out.line({"differences": wrong, "seconds": round(seconds, 3)})
    for sentence in wrong:
        say(out, sentence)
    verdict = f"NOT as it should be: {len(wrong)} differences." if wrong else "Views and replay agree."
    say(out, f"{verdict} That took {seconds:.1f} s.")
    return 1 if wrong else 0


def say(out: Output, sentence: str) -> None:
    """Print a sentence for people; programs get an event a line, and in the last line what is wrong."""
    if not out.json:
        out.text(sentence)


async def play(out: Output, url: str, receiver: Receiver) -> list[str]:
    """Publish, watch, report; return what is not as it should be, a sentence each."""
    tasks: dict[str, Folded] = {}
    say(out, f"callboard runs on {url}; results go to a webhook at {receiver.url}")
    async with Client(url) as board, board.follow() as events:
        with Screen(out, tasks) as screen:
            await asyncio.gather(send(url, receiver.url), watch(events, tasks, screen))
        stop_if_asked()
        history = [event async for event in board.replay()]
        if not out.json:
            await report(out, board, history)
        late = [f"task {name} was not done in time" for name, task in tasks.items() if not task.over]
        return late + await check(out, board, history, receiver)


def stop_if_asked() -> None:
    """Raise CancelledError when Ctrl-C has cancelled this task: not all of what it awaits passes that on."""
    running = asyncio.current_task()
    if running is not None and running.cancelling():
        raise asyncio.CancelledError


async def send(url: str, webhook: str) -> None:
    """Publish the messages over a connection that knows nothing of callboard."""
    connection = await nats.connect(url)
    try:
        await publish(connection, webhook)
    finally:
        await connection.close()


async def watch(events: Follower, tasks: dict[str, Folded], screen: Screen) -> None:
    """Show live events until every task has ended and every result is delivered, or the time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for event in events:
                see(tasks, event)
                screen.see(event)
                if len(tasks) == SUBMITTED and all(task.over for task in tasks.values()):
                    return


async def report(out: Output, board: Client, history: list[EventInfo]) -> None:
    """Print the timeline of one task, the stats, the agents and the dead letters."""
    seq = history[-1].seq
    out.table(COLUMNS, timeline(event for event in history if event.task_id == SHOWN), title=f"\ntask {SHOWN}")
    out.text("")
    out.facts(facts(await board.stats(min_seq=seq)))
    out.text("")
    print_agents(out, await board.agents(min_seq=seq))
    out.text("")
    async for letter in DeadLetters(board.connection, board.url).newest(10):
        out.text(f"dead letter {letter.seq}: {letter.error}")


async def check(out: Output, board: Client, history: list[EventInfo], receiver: Receiver) -> list[str]:
    """Return every difference between the views, a replay from the first event on, and what the webhook got."""
    replayed: dict[str, Folded] = {}
    for event in history:
        see(replayed, event)
    delivered = {f"{event.task_id}-{event.body['index']}" for event in history if event.event == "delivered"}
    seq = history[-1].seq
    views = {task.id: task for task in await every_task(board, seq)}
    found = differences(replayed, views, await board.stats(min_seq=seq))
    if receiver.forged or delivered != receiver.results.keys():
        found.append(
            f"the webhook got {sorted(receiver.results)}, {receiver.forged} forged; the log: {sorted(delivered)}"
        )
    say(out, f"{len(receiver.results)} webhooks came in, each with a good signature and an id of its own.")
    say(out, f"{len(history)} events replayed into {len(replayed)} tasks, compared with the views at event {seq}.")
    return found


async def every_task(board: Client, seq: int) -> list[TaskInfo]:
    """Return all tasks of the views, as of event ``seq`` at least."""
    found: list[TaskInfo] = []
    after: str | None = None
    while True:
        page = await board.tasks(after=after, limit=5, min_seq=seq)
        found += page.tasks
        after = page.next
        if after is None:
            return found


@contextmanager
def running(directory: Path, secret: str) -> Iterator[str]:
    """Run callboard with the demo's agents under ``directory``; yield the URL of its server."""
    config = Config.build(directory=directory, port=0, allow_private_addresses=True)
    app = App(config, AGENTS, environment={SIGNING: secret})
    app.start()
    try:
        yield app.url
    finally:
        app.stop(GRACE_SECONDS)
