"""Damage to the store of the server under a directory, which nobody uses meanwhile."""

from pathlib import Path


def messages(board: Path) -> Path:
    """Return where the messages of the event log are."""
    (found,) = (board / "jetstream").rglob("CALLBOARD_EVENTS")
    return found / "msgs"


def flip(board: Path, share: float = 0.5) -> None:
    """Flip a bit of the message that lies ``share`` (0-1) of the way through the event log, which loses it."""
    block = messages(board) / "1.blk"
    data = bytearray(block.read_bytes())
    data[int(len(data) * share)] ^= 1
    block.write_bytes(data)
