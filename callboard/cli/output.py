"""Where commands print: tables for people, JSON for programs."""

import os
import sys
from collections.abc import Iterable
from typing import Any

import msgspec
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from callboard.cli.text import safe, safe_json

_WHOLE = frozenset({"task", "time"})
"""Columns that a narrow terminal leaves in one piece: people copy from them."""

_LONGEST_WHOLE = 40
"""Characters; what is longer folds, as it might leave no room for anything else."""

_PIPE_WIDTH = 240
"""Columns for a table that no terminal bounds: nothing is cut for a reader that is a program."""


class _Console(Console):
    """A console that leaves it to the command what a reader's going away means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Output:
    """Standard output of one command; ``json`` says that a program reads it."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.console: Console = _Console(width=_width(), highlight=False, markup=False, emoji=False)

    def document(self, document: bytes | Any) -> None:
        """Print a JSON document (bytes as they came from the service, or a value), indented."""
        data = document if isinstance(document, bytes) else msgspec.json.encode(document)
        print(safe_json(data))

    def line(self, value: Any) -> None:
        """Print one JSON value on one line, at once."""
        print(safe_json(msgspec.json.encode(value), indent=0), flush=True)

    def text(self, text: Text | str) -> None:
        """Print one line for people, at once; a str is escaped."""
        self.console.print(safe(text) if isinstance(text, str) else text, soft_wrap=True)

    def table(self, columns: Iterable[str], rows: Iterable[Iterable[object]], *, title: str | None = None) -> None:
        """Print rows of cells; each cell is escaped unless it is a rich Text already."""
        self.console.print(table(columns, rows, title=title))

    def section(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """Print a table under a title, below an empty line; nothing when there are no rows."""
        found = list(rows)
        if found:
            self.text("")
            self.table(columns, found, title=title)

    def facts(self, facts: Iterable[tuple[str, object]]) -> None:
        """Print names and values below each other; values that are None or empty are left out."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column()
        grid.add_column(overflow="fold")
        for name, value in facts:
            if value is not None and value != "" and not (isinstance(value, Text) and not value.plain):
                grid.add_row(Text(name, style="dim"), value if isinstance(value, Text) else safe(value))
        self.console.print(grid)


def table(columns: Iterable[str], rows: Iterable[Iterable[object]], *, title: str | None = None) -> Table:
    """Return rows of cells as a table; each cell is escaped unless it is a rich Text already."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    cells = [[cell if isinstance(cell, Text) else safe(cell) for cell in row] for row in rows]
    for index, column in enumerate(columns):
        name = column.lstrip(">")
        justify: JustifyMethod = "left" if name == column else "right"
        longest = max((row[index].cell_len for row in cells), default=0)
        whole = name in _WHOLE and longest <= _LONGEST_WHOLE
        # Without a least width rich cuts even what may not wrap.
        made.add_column(
            name, justify=justify, overflow="fold", no_wrap=whole, min_width=max(longest, len(name)) if whole else None
        )
    for row in cells:
        made.add_row(*row)
    return made


def complain(message: str) -> None:
    """Print an error for people on standard error; its further lines are indented: none passes for another error."""
    _error_console().print(Text("error: ", style="bold red") + _indented(message), soft_wrap=True)


def remark(message: str) -> None:
    """Print what people should know besides the result on standard error, its further lines indented."""
    _error_console().print(_indented(message, style="dim"), soft_wrap=True)


def _indented(message: str, style: str = "") -> Text:
    return Text("\n  ").join(safe(line, style=style) for line in message.split("\n"))


def _error_console() -> Console:
    return _Console(stderr=True, highlight=False, markup=False, emoji=False)


def _width() -> int | None:
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
