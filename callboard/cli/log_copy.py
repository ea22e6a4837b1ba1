"""``callboard log export`` and ``callboard log import``: the whole log into a file, and back."""

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from callboard import logs
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output, remark
from callboard.cli.progress import bar
from callboard.cli.settings import HERE, Place, given_values
from callboard.config import Config
from callboard.exporting import export_log
from callboard.importing import import_log as store_log
from callboard.link import Link
from callboard.log_file import LogFile


async def export(file: Path, *, options: Options = DEFAULTS) -> int:
    """Write every message of the event log to a new file, to be imported elsewhere; callboard may run meanwhile.

    Args:
        file: The file to write; with a name that ends in .gz it is packed.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        with bar("exporting") as progress:
            count = await export_log(board.connection, board.url, file, progress)
    _say(options.output(), "exported", count)
    return 0


def import_log(
    file: Path,
    *,
    place: Place = HERE,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of a sentence.")] = False,
) -> int:
    """Store every message of an exported log on a server that has no events yet, byte for byte.

    An import that broke off goes on where it was when the same file is imported again.

    Args:
        file: What `callboard log export` wrote.
        place: Which directory, and which server.
        json: Print JSON instead of a sentence.
    """
    logs.configure(sys.stderr, level="error", colors=not os.environ.get("NO_COLOR"))
    log = LogFile(file)
    log.head()
    link = Link(Config.build(**given_values(place)))
    try:
        link.open()
        with bar("importing") as progress:
            done = link.io.run(store_log(link.connection, log, progress))
    finally:
        link.close()
    if json:
        Output(json=True).document(done)
        return 0
    _say(Output(), "imported", done.imported)
    if done.found:
        remark(f"{done.found} events of it were there already")
    return 0


def _say(out: Output, done: str, count: int) -> None:
    if out.json:
        out.document({done: count})
    else:
        out.text(f"{done} {count} events")
