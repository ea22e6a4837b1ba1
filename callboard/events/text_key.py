"""What an aggregate is called that people name by any text."""

import hashlib

from callboard.events.subjects import MAX_ID_BYTES


def text_key(text: str) -> str:
    """Return ``text`` itself, or a digest of one too long for a subject; no two texts share a key."""
    raw = text.encode("utf-8", "surrogatepass")
    return text if len(raw) <= MAX_ID_BYTES else f"sha256:{hashlib.sha256(raw).hexdigest()}"
