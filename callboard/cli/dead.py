"""``callboard dead``: commands that could not be taken."""

import base64
import sys
from datetime import datetime
from typing import Annotated, Any

from cyclopts import App

from callboard.cli.options import AT_LEAST_ONE, DEFAULTS, WHOLE, Options
from callboard.cli.output import Output, remark
from callboard.cli.text import moment, safe
from callboard.client import Client
from callboard.dead_letters import DeadLetter, DeadLetters
from callboard.events.errors import CallboardError
from callboard.nats_url import shown_url

app = App(name="dead", help="List, show and requeue commands that could not be taken.")


@app.command(name="ls")
async def list_(*, limit: Annotated[int, AT_LEAST_ONE] = 50, options: Options = DEFAULTS) -> int:
    """List dead letters, newest first.

    Args:
        limit: How many at most.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        letters = [letter async for letter in _letters(board).newest(limit)]
    out = options.output()
    if out.json:
        out.document({"dead": [_row(letter) for letter in letters]})
        return 0
    rows = (
        (letter.seq, moment(letter.at), letter.reason, letter.original_subject, len(letter.data), safe(letter.error))
        for letter in letters
    )
    out.table((">seq", "time", "reason", "subject", ">bytes", "error"), rows)
    return 0


@app.command
async def show(seq: Annotated[int, WHOLE], /, *, raw: bool = False, options: Options = DEFAULTS) -> int:
    """Show one dead letter with its headers and bytes.

    Args:
        seq: Its number, as `dead ls` prints it.
        raw: Write the bytes and nothing else to standard output.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        letter = await _letters(board).get(seq)
    if raw:
        sys.stdout.buffer.write(letter.data)
        sys.stdout.buffer.flush()
        return 0
    _print(options.output(), letter)
    return 0


@app.command
async def requeue(seq: Annotated[int, WHOLE], /, *, again: bool = False, options: Options = DEFAULTS) -> int:
    """Send a dead letter's bytes to their subject once more; nothing is sent if that was done before.

    Args:
        seq: Its number, as `dead ls` prints it.
        again: Send it also if that was done before.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        letters = _letters(board)
        letter = await letters.get(seq)
        before = await letters.requeued(letter)
        if before is None or again:
            command_seq = await letters.requeue(letter, before)
            await _note(letters, letter, command_seq)
            _requeued(options.output(), letter, command_seq, None)
        else:
            _requeued(options.output(), letter, before.command_seq, before.at)
    return 0


async def _note(letters: DeadLetters, letter: DeadLetter, command_seq: int) -> None:
    try:
        await letters.note(letter, command_seq)
    except CallboardError as error:
        remark(f"that dead letter {letter.seq} was requeued could not be noted: {error}")


def _requeued(out: Output, letter: DeadLetter, command_seq: int, before: datetime | None) -> None:
    where = f"command {command_seq} on {letter.original_subject}"
    if out.json:
        known = {"seq": letter.seq, "subject": letter.original_subject, "command_seq": command_seq}
        out.document({**known, "requeued": before is None, "requeued_before": before})
    elif before is None:
        out.text(f"dead letter {letter.seq} is {where}")
    else:
        out.text(f"dead letter {letter.seq} was requeued before, at {moment(before)}: it is {where}; nothing was sent")
        out.text("to send it once more: --again")


def _letters(board: Client) -> DeadLetters:
    return DeadLetters(board.connection, shown_url(board.url))


def _print(out: Output, letter: DeadLetter) -> None:
    text = _text(letter.data)
    if out.json:
        encoded = base64.b64encode(letter.data).decode()
        out.document({**_row(letter), "headers": letter.headers, "text": text, "data": encoded})
        return
    out.facts(
        [
            ("dead letter", letter.seq),
            ("time", moment(letter.at)),
            ("subject", letter.subject),
            *letter.headers.items(),
            ("bytes", len(letter.data)),
            ("as", "text" if text is not None else "hex"),
        ]
    )
    out.text("")
    out.text(letter.data.hex(" ") if text is None else text)


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "seq": letter.seq,
        "at": letter.at,
        "reason": letter.reason,
        "subject": letter.original_subject,
        "error": letter.error,
        "bytes": len(letter.data),
    }


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
