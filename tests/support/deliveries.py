"""What tests of delivery channels deliver."""

import base64
from datetime import UTC, datetime
from typing import Any

from callboard.actors.channels.channel import DeliveryMessage
from callboard.actors.channels.secrets import Secrets
from callboard.actors.channels.webhook import WebhookChannel

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = '{"id":"t-1","status":"completed","output":{"answer":"größer than 42 €"}}'.encode()


def message(body: bytes = BODY, **fields: Any) -> DeliveryMessage:
    """The first attempt at the first target of task ``t-1``, made now."""
    given = {"task_id": "t-1", "index": 0, "attempt": 1, "at": datetime.now(UTC), **fields}
    return DeliveryMessage(body=body, **given)


def channel(**options: Any) -> WebhookChannel:
    """A webhook channel for receivers on loopback; it knows the secret ``env:HOOK``."""
    given = {"allow_private": True, "timeout_seconds": 10.0, **options}
    return WebhookChannel(Secrets({"HOOK": SECRET}), **given)


def webhook(url: str, **fields: str) -> dict[str, Any]:
    """A delivery target."""
    return {"channel": "webhook", "url": url, **fields}
