"""``callboard check``: the log read from end to end, and what must hold for it held against it."""

import time
from collections.abc import Callable

from msgspec import Struct

from callboard.checking.log_fold import LogFold
from callboard.checking.open_tasks import OpenTask, judge
from callboard.checking.remains import remains
from callboard.checking.request_check import check_requests
from callboard.checking.view_check import ViewCheck, check_views, known_losses
from callboard.checking.violation import Violation
from callboard.config import Config
from callboard.events import subjects
from callboard.events.reader import delivered_message
from callboard.link import Link
from callboard.projections.losses import Losses
from callboard.stretch import open_to_read, stretch

Progress = Callable[[int, int], None]
"""Told how far the reading is, and up to where it goes."""


class Report(Struct, frozen=True, kw_only=True):
    """What a check has found in ``events`` events, up to ``last_seq``.

    ``counts`` says how often each name was violated, ``violations`` are the first of each. ``states`` counts tasks,
    ``reasons`` says why the open ones are open; ``deliveries`` counts results on their way, ``lost`` events that are
    known to be lost. ``past`` are the sequences at which views of the past were compared. ``seconds`` is the time the
    reading of the log took.
    """

    violations: list[Violation]
    counts: dict[str, int]
    events: int
    last_seq: int
    tasks: int
    states: dict[str, int]
    reasons: dict[str, int]
    deliveries: int
    oldest_open: list[OpenTask]
    lost: int
    views: ViewCheck
    past: list[int]
    requests: ViewCheck
    seconds: float
    events_per_second: int

    @property
    def sound(self) -> bool:
        """Whether nothing was violated."""
        return not self.counts


def check(config: Config, *, views: bool = True, progress: Progress | None = None) -> Report:
    """Check the log at the server of ``config`` and the views in its directory; changes neither.

    It looks at the log as it is when it begins; what is stored meanwhile is left to the next check. Without ``views``
    these are left out.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named.
        CallboardError: the server cannot be started or used.
    """
    link = open_to_read(config)
    try:
        return _check(link, config, views=views, progress=progress or (lambda _seq, _last: None))
    finally:
        link.close()


def _check(link: Link, config: Config, *, views: bool, progress: Progress) -> Report:
    began = time.monotonic()
    left = link.io.run(remains(link.connection))
    known = known_losses(config.directory, link) if views else Losses()
    fold = LogFold(known)
    settled = last = _last_seq(link)
    _read(link, fold, last, progress)
    if fold.unsettled():
        # The end was asked for while a batch was stored: its rest tells.
        last = _last_seq(link)
        _read(link, fold, last, progress)
    fold.end(last)
    seconds = time.monotonic() - began
    standing = judge(fold, left, settled)
    found = counts = ViewCheck(left_out="not asked for")
    past: list[int] = []
    if views:
        found, past = check_views(config.directory, link, fold.lost, fold.findings)
        counts = check_requests(config.directory, link, fold.findings)
    return Report(
        violations=list(fold.findings),
        counts=fold.findings.counts,
        events=fold.events,
        last_seq=last,
        tasks=sum(standing.states.values()),
        states=standing.states,
        reasons=standing.reasons,
        deliveries=standing.deliveries,
        oldest_open=standing.oldest,
        lost=len(fold.lost - (fold.lost - known)),
        views=found,
        past=past,
        requests=counts,
        seconds=round(seconds, 3),
        events_per_second=round(fold.events / seconds) if seconds else 0,
    )


def _read(link: Link, fold: LogFold, last: int, progress: Progress) -> None:
    for messages in stretch(link, fold.seq + 1, last):
        fold.take(map(delivered_message, messages))
        progress(fold.seq, last)


def _last_seq(link: Link) -> int:
    return int(link.stream_info(subjects.EVENTS)["state"]["last_seq"])
