"""A web application under a real uvicorn in a thread, for tests of the request log.

with serving_web(app) as url:
    httpx.get(f"{url}/invoices")
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from tests.support.waiting import until

STOP_SECONDS = 60


@contextlib.contextmanager
def serving_web(app: Any, lifespan: Any = "on") -> Iterator[str]:
    """Serve ``app`` on a free port of 127.0.0.1; at the end it has been shut down in order."""
    config = uvicorn.Config(app, port=0, lifespan=lifespan, log_config=None, ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive(), "the web server is up")
    assert server.started
    [listening] = server.servers[0].sockets
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
        assert not thread.is_alive()
