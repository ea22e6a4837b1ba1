"""Bars on standard error for what takes a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Give what is told how many of how many (None: not known) are done; only a terminal shows it."""
    with bars() as tell:
        tell(what, 0, None)
        yield lambda done, total: tell(what, done, total)


@contextmanager
def bars() -> Iterator[Callable[[str, int, int | None], None]]:
    """Do as :func:`bar` does for several things, one after the other; each has a bar from when it is first told of."""
    console = Console(stderr=True, markup=False, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        steps: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in steps:
                steps[what] = progress.add_task(what, total=None)
            progress.update(steps[what], completed=done, total=total)

        yield tell
