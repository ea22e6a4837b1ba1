"""How many events a second ``callboard check`` takes, beside reading the log alone.

    python -m bench.check [--tasks 60000]

A server of its own gets a log of ``--tasks`` tasks, five events each, in atomic batches, and its views are built. Then
the log is read from its first event to its last without doing anything; then it is checked, first without its views and
then with them. All rates are events by the clock, those with ``cpu`` by the processor time of this process in all its
threads; that of the server is not in it. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.rebuild import rates, read, store
from callboard.checking.check import check
from callboard.config import Config
from callboard.events import subjects
from callboard.link import Link
from callboard.log_events import log_events
from callboard.process import SWITCH_SECONDS
from callboard.projections.rebuild import build
from callboard.view_set import FILE


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=60_000)
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as directory:
        config = Config.build(directory=Path(directory))
        link = Link(config)
        link.open()
        try:
            figures = measured(link, config.directory, options.tasks)
        finally:
            link.close()
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps(figures))


def measured(link: Link, directory: Path, tasks: int) -> dict[str, Any]:
    """Store the events of ``tasks`` tasks, build their views in ``directory``, read them and check them."""
    link.io.run(store(link, tasks))
    info = link.stream_info(subjects.EVENTS)
    events = info["state"]["last_seq"]
    asyncio.run(build(directory / FILE, log_events(link, 1, events), info["created"]))
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
