"""What an exception says, in a form that may be stored: bounded, and text that UTF-8 can carry."""

from typing import Final

MAX_CHARACTERS: Final = 2_000
"""Longest message of an error or note of a progress report."""

MAX_CAUSES: Final = 3


def bounded(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return ``text`` cut to ``limit`` characters; lone surrogates, which no JSON can carry, are written out."""
    text = text[: limit + 1]
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def message_of(error: BaseException) -> str:
    """Return what ``error`` says; for a group of errors also what its first members say.

    Never raises: an exception whose own text cannot be made says so.
    """
    text = _text(error)
    if isinstance(error, BaseExceptionGroup):
        causes = "; ".join(f"{type(cause).__name__}: {_text(cause)}" for cause in error.exceptions[:MAX_CAUSES])
        text = f"{text}: {causes}"
    return bounded(text)


def _text(error: BaseException) -> str:
    try:
        return str(error) or repr(error)
    except Exception as broken:  # noqa: BLE001 - the text comes from user code, which may raise anything
        return f"(no message: its text raised {type(broken).__name__})"
