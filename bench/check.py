"""How many events a second ``callboard check`` takes, beside reading the log alone.

    python -m bench.check [--tasks 60000]

A server of its own gets a log of ``--tasks`` tasks, five events each, in atomic batches, and its views are built. Then
the log is read from its first event to its last without doing anything; then it is checked, first without its views and
then with them. All rates are events by the clock, those with ``cpu`` by the processor time of this process in all its
threads; that of the server is not in it. The last line is one JSON object.
"""

import asyncio
from pathlib import Path

from bench.rebuild import Figures, rates, read, run, stored
from callboard.checking.check import check
from callboard.config import Config
from callboard.link import Link
from callboard.log_events import log_events
from callboard.projections.rebuild import build
from callboard.view_set import FILE


def main() -> None:
    """Measure, and print what came out."""
    run(__doc__, measured)


def measured(link: Link, directory: Path, tasks: int) -> Figures:
    """Store the events of ``tasks`` tasks, build their views in ``directory``, read them and check them."""
    events, created = stored(link, tasks)
    asyncio.run(build(directory / FILE, log_events(link, 1, events), created))
    config = Config.build(directory=directory, nats_url=link.url)
    return {
        "events": events,
        **rates("read", events, lambda: asyncio.run(read(link, events))),
        **rates("check", events, lambda: checked(config, views=False)),
        **rates("check_with_views", events, lambda: checked(config, views=True)),
    }


def checked(config: Config, *, views: bool) -> None:
    """Check the log, which is sound."""
    report = check(config, views=views)
    if not report.sound or views != bool(report.views.position):
        raise RuntimeError(f"expected a sound log, got {report}")


if __name__ == "__main__":
    main()
