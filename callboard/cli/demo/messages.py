"""The messages of the demo, as any NATS client in any language would publish them: a subject and JSON."""

import asyncio
from typing import Any, Final

import msgspec
from nats.aio.client import Client as Nats

CANCELLED: Final = "watch"
SUBMITTED: Final = 12
"""Messages below that become tasks; the last two are a mistake, set aside as a dead letter, and a cancellation."""

SHOWN: Final = "cursed"
"""The task with the most to tell."""

SIGNING: Final = "DEMO_SIGNING"
"""The name under which the secret that signs webhooks is known: submissions carry the name, never the secret."""


def messages(webhook: str) -> list[tuple[str, dict[str, Any] | bytes]]:
    """Return subjects and bodies; results that somebody waits for go to ``webhook``."""
    back = [{"channel": "webhook", "url": webhook, "secret": f"env:{SIGNING}"}]
    return [
        ("callboard.submit", {"id": "refund-1042", "input": "Please refund order 1042", "delivery": back}),
        ("callboard.submit", {"id": "invoice-77", "input": "My INVOICE 77 is wrong", "delivery": back}),
        ("callboard.submit", {"id": "rechnung", "input": "Wo bleibt meine Rechnung?", "priority": "high"}),
        ("callboard.submit", {"id": "tuikuan", "input": "我要退款", "session_id": "s-1", "delivery": back}),
        ("callboard.submit", {"id": "by-kind", "kind": "refund", "input": {"order": 7}}),
        ("callboard.submit", {"id": "sum", "kind": "analysis", "input": {"numbers": [1, 2, 3.5]}, "delivery": back}),
        ("callboard.submit", {"id": "no-numbers", "kind": "analysis", "input": {"numbers": "many"}}),
        ("callboard.submit", {"id": "parcel", "input": {"parcel": "vase"}, "delivery": back}),
        ("callboard.submit", {"id": "cursed", "input": {"parcel": "cursed"}, "delivery": back}),
        ("callboard.submit", {"id": "hello", "input": "Good evening", "priority": 9}),
        ("callboard.submit.concierge", {"id": "direct", "input": "Only for you: refund", "priority": "critical"}),
        ("callboard.submit.night-watch", {"id": CANCELLED, "input": "until somebody calls"}),
        ("callboard.submit", b'{"input": "a message that is cut'),
        (f"callboard.cancel.{CANCELLED}", {"reason": "the demo is over"}),
    ]


async def publish(nats: Nats, webhook: str) -> None:
    """Publish every message; each is stored durably when its acknowledgement is here."""
    stream = nats.jetstream()
    for subject, body in messages(webhook):
        await stream.publish(subject, body if isinstance(body, bytes) else msgspec.json.encode(body))
        # A person watches: no faster than eyes follow.
        await asyncio.sleep(0.05)
