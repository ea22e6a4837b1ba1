"""What the demo shows while tasks run: a table that lives on a terminal, a line per event elsewhere and as JSON."""

from types import TracebackType
from typing import Final, Self

from rich.live import Live
from rich.table import Table
from rich.text import Text

from callboard.cli.demo.fold import Folded
from callboard.cli.output import Output
from callboard.cli.task_list import status_text
from callboard.cli.text import compact, safe
from callboard.cli.timeline import line
from callboard.event_info import EventInfo

_COLUMNS: Final = (
    ("task", 11),
    ("input", 12),
    ("agent", 11),
    ("status", 9),
    ("events", 6),
    ("delivered", 9),
    ("result", 12),
)


class Screen:
    """Shows ``tasks``, by id, as events come in."""

    def __init__(self, out: Output, tasks: dict[str, Folded]) -> None:
        self._out = out
        self._lives = out.console.is_terminal and not out.json
        self._tasks = tasks
        self._live = Live(console=out.console, get_renderable=self._table, refresh_per_second=12, transient=False)

    def __enter__(self) -> Self:
        if self._lives:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lives:
            self._live.stop()

    def see(self, event: EventInfo) -> None:
        """Show one more event."""
        if self._out.json:
            self._out.line(event)
        elif not self._lives:
            self._out.text(line(event))

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column, width in _COLUMNS:
            table.add_column(column, no_wrap=True, overflow="ellipsis", min_width=width)
        for task_id, task in self._tasks.items():
            table.add_row(*_row(task_id, task))
        return table


def _row(task_id: str, task: Folded) -> tuple[Text, ...]:
    return (
        safe(task_id),
        safe(compact(task.input), 30),
        safe(task.agent),
        status_text(task.status),
        Text(str(task.version)),
        Text("✓" * task.delivered, style="green"),
        safe(task.note if task.output is None else compact(task.output), 60),
    )
