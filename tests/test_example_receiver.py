"""The receiver in the examples takes what callboard signs, once, and nothing else."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callboard.actors.channels.channel import DeliveryError
from tests.support.deliveries import BODY, SECRET, channel, message, webhook

RECEIVER = Path(__file__).parent.parent / "examples" / "webhook_receiver.py"
DEADLINE = 20.0


@asynccontextmanager
async def receiver() -> AsyncIterator[asyncio.StreamReader]:
    """The lines that the example prints, its URL first."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, RECEIVER, "0"),
        env={**os.environ, "HOOK_SECRET": SECRET},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        process.kill()
        await process.communicate()


async def test_a_delivery_is_taken_once_and_a_forged_one_not_at_all() -> None:
    hooks = channel()
    async with receiver() as lines, asyncio.timeout(DEADLINE):
        url = (await lines.readline()).decode().strip()
        with pytest.raises(DeliveryError, match="answered 401"):
            await hooks.send(webhook(url), message(b'{"forged": true}'))
        stale = message(at=datetime.now(UTC) - timedelta(minutes=6))
        with pytest.raises(DeliveryError, match="answered 401"):
            await hooks.send(webhook(url, secret="env:HOOK"), stale)
        for attempt in (1, 2):
            assert await hooks.send(webhook(url, secret="env:HOOK"), message(attempt=attempt)) == {"status": 204}
        await hooks.send(webhook(url, secret="env:HOOK"), message(b'{"last": true}', index=1))
        printed = [await lines.readline(), await lines.readline()]
        await hooks.close()
    assert "größer" in BODY.decode()
    assert b'"id": "t-1"' in printed[0]
    assert printed[1] == b'{"last": true}\n'
