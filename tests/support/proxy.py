"""A TCP proxy in front of a real server: the link can be cut, or made to swallow answers, at a chosen moment."""

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from callboard.events.loop import Loop

HOST = "127.0.0.1"
CHUNK = 65_536
LONGEST_PATTERN = 128


@dataclass
class Rule:
    """What happens when ``pattern`` goes by; ``fired`` is set afterwards, and the rule is used up."""

    pattern: bytes
    answers: bool = False
    forward: bool = True
    cut: bool = False
    deafen: bool = False
    fired: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 20.0) -> None:
        assert self.fired.wait(seconds), f"waited {seconds} s in vain for {self.pattern!r} to go by"


@dataclass(eq=False)
class Link:
    """One connection through the proxy; ``deaf`` when the client hears no answers any more."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    deaf: bool = False

    def cut(self) -> None:
        # What was forwarded still reaches the server; the client hears nothing more.
        self.server.close()
        self.client.transport.abort()

    async def closed(self) -> None:
        for writer in (self.client, self.server):
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class Proxy:
    """Forwards what clients send to ``url`` and what it answers, until told otherwise. Used from any thread."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._rules: list[Rule] = []
        self._refusing = False
        self._loop = Loop("proxy")
        self._loop.start()
        self._flow = asyncio.Event()
        self._flow.set()
        self._server = self._loop.run(self._listen())

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.run(self._close())
        self._loop.stop()

    def cut_after(self, request: bytes) -> Rule:
        """Cut the link when ``request`` has been sent to the server."""
        return self._rule(Rule(request, cut=True))

    def cut_before(self, request: bytes) -> Rule:
        """Cut the link instead of sending ``request`` to the server."""
        return self._rule(Rule(request, forward=False, cut=True))

    def cut_at_answer(self, answer: bytes) -> Rule:
        """Cut the link when the server has answered ``answer``, which does not reach the client."""
        return self._rule(Rule(answer, answers=True, forward=False, cut=True))

    def swallow_answers_after(self, request: bytes) -> Rule:
        """Keep the link, but let no answer through once ``request`` has been sent to the server."""
        return self._rule(Rule(request, deafen=True))

    def watch(self, request: bytes) -> Rule:
        """Let everything through, and say when ``request`` has been sent to the server."""
        return self._rule(Rule(request))

    def hear(self) -> None:
        """Let answers through again on links that swallow them."""
        for link in list(self._links):
            link.deaf = False

    def cut(self) -> None:
        """Cut every link there is."""
        self._loop.run(self._cut())

    def refuse(self) -> None:
        """Let nobody connect any more."""
        self._refusing = True

    def accept(self) -> None:
        """Let clients connect again."""
        self._refusing = False

    def hold(self) -> None:
        """Read nothing more from clients: what they send stays in their own buffers."""
        self._loop.loop.call_soon_threadsafe(self._flow.clear)

    def let_go(self) -> None:
        """Read from clients again."""
        self._loop.loop.call_soon_threadsafe(self._flow.set)

    def _rule(self, rule: Rule) -> Rule:
        self._rules.append(rule)
        return rule

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._take, HOST, 0)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._refusing:
                raise ConnectionRefusedError
            server_reader, server_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, server_writer)
        self._links.add(link)
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._pump(link, reader, server_writer, answers=False),
                self._pump(link, server_reader, writer, answers=True),
            )
        link.cut()
        await link.closed()
        self._links.discard(link)

    async def _pump(
        self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        seen = b""
        while data := await source.read(CHUNK):
            if not answers:
                await self._flow.wait()
            seen = seen[-LONGEST_PATTERN:] + data
            rule = next((each for each in self._rules if each.answers == answers and each.pattern in seen), None)
            link.deaf = link.deaf or (rule is not None and rule.deafen)
            if (rule is None or rule.forward) and not (answers and link.deaf):
                sink.write(data)
                await sink.drain()
            if rule is not None:
                self._apply(rule, link)
                seen = b""
        raise ConnectionError

    def _apply(self, rule: Rule, link: Link) -> None:
        self._rules.remove(rule)
        if rule.cut:
            link.cut()
        rule.fired.set()

    async def _cut(self) -> None:
        for link in list(self._links):
            link.cut()

    async def _close(self) -> None:
        self._flow.set()
        self._server.close()
        await self._cut()
        if self._serving:
            await asyncio.wait(self._serving, timeout=5)
