"""What the request log costs a request, and how many lines per second are stored.

``make bench-request-log`` runs it; a callboard with its embedded server runs for it, fsynced, and reads the lines. One
application is asked with and without the middleware, by turns: as a function, where nothing but the middleware counts,
and through uvicorn, one request after the other. The last line is one JSON object.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import uvicorn

from bench.processes import callboard
from callboard.request_log import RequestLog

APP: Final = Path(__file__).with_name("noop.py")
BODY: Final = msgspec.json.encode({"text": "where is my invoice?", "password": "hunter2", "tags": list(range(20))})
HEADERS: Final = [(b"host", b"here"), (b"content-type", b"application/json"), (b"accept", b"*/*")]
ROUNDS: Final = 10
PAUSE_SECONDS: Final = 0.0005
"""Between two requests of a latency round: about 2,000 requests per second, whose lines are stored meanwhile."""

DEADLINE_SECONDS: Final = 120


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--web-requests", type=int, default=4_000)
    parser.add_argument("--lines", type=int, default=50_000)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="callboard-bench-") as name,
        callboard(Path(name) / "data", APP) as running,
    ):
        report = {
            "function": asyncio.run(_function(running.url, given.requests)),
            "uvicorn": _web(running.url, given.web_requests),
            **asyncio.run(_flood(running.url, given.lines)),
        }
    _say(msgspec.json.encode(report).decode())


async def _answer(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def _call(app: Any) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(_message: Any) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": "/ask", "query_string": b"lang=de", "headers": HEADERS}
    await app(scope, receive, send)


async def _function(url: str, requests: int) -> dict[str, float]:
    log = RequestLog(_answer, nats_url=url, max_lines=requests)
    log.start()
    times: dict[str, list[float]] = {"without": [], "with": []}
    for number in range(2 * ROUNDS):
        name, app = (("without", _answer), ("with", log))[number % 2]
        for _ in range(requests // ROUNDS):
            began = time.perf_counter()
            await _call(app)
            times[name].append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_SECONDS)
    await asyncio.to_thread(log.stop)
    return _compared(times, "called as a function", log)


def _web(url: str, requests: int) -> dict[str, float]:
    log = RequestLog(_answer, nats_url=url)
    times: dict[str, list[float]] = {"without": [], "with": []}
    with _served(_answer, "off") as plain, _served(log, "off") as logged, httpx.Client() as client:
        for number in range(2 * ROUNDS):
            name, address = (("without", plain), ("with", logged))[number % 2]
            for _ in range(requests // ROUNDS):
                began = time.perf_counter()
                client.post(f"{address}/ask?lang=de", content=BODY, headers={"content-type": "application/json"})
                times[name].append(time.perf_counter() - began)
    log.stop()
    return _compared(times, "through uvicorn", log)


async def _flood(url: str, lines: int) -> dict[str, Any]:
    log = RequestLog(_answer, nats_url=url, max_lines=lines, max_bytes=lines * 4_096)
    log.start()
    began = time.perf_counter()
    for number in range(lines):
        await _call(log)
        if number % 100 == 0:
            await asyncio.sleep(0)
    asked = time.perf_counter() - began
    async with asyncio.timeout(DEADLINE_SECONDS):
        while log.counts.stored + log.counts.dropped < lines:  # noqa: ASYNC110 - another thread stores them
            await asyncio.sleep(0.01)
    seconds = time.perf_counter() - began
    await asyncio.to_thread(log.stop)
    _say(f"{lines} lines: {lines / seconds:,.0f} per second stored, {log.counts.dropped} dropped")
    return {"lines": lines, "stored_per_s": round(lines / seconds), "asked_per_s": round(lines / asked)}


def _compared(times: dict[str, list[float]], how: str, log: RequestLog) -> dict[str, float]:
    found = {f"{name}_{share}_us": _percentile(times[name], share) for name in times for share in ("p50", "p99")}
    added = {
        f"added_{share}_us": round(found[f"with_{share}_us"] - found[f"without_{share}_us"], 1) for share in _SHARES
    }
    _say(f"{how}: {added['added_p50_us']} µs more at p50, {added['added_p99_us']} µs at p99")
    return {**found, **added, "stored": log.counts.stored, "dropped": log.counts.dropped}


_SHARES: Final[dict[str, Callable[[list[float]], float]]] = {
    "p50": statistics.median,
    "p99": lambda values: statistics.quantiles(values, n=100)[98],
}


def _percentile(values: list[float], share: str) -> float:
    return round(_SHARES[share](values) * 1e6, 1)


@contextmanager
def _served(app: Any, lifespan: Any) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan=lifespan, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
