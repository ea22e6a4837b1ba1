"""The question about patterns for callers on an event loop."""

import sqlite3
from pathlib import Path

import msgspec

from callboard.projections import find_anomalies, find_patterns
from callboard.projections.find_anomalies import Day
from callboard.projections.pattern_answers import AnomalyItem, PatternsAnswer
from callboard.projections.patterns_asked import PatternsAsked
from callboard.projections.read_pool import ReadPool


class PatternQueries(ReadPool):
    """Answers from the views of the request log in the file ``path``."""

    def __init__(self, path: Path, threads: int = 4) -> None:
        super().__init__(path, threads)
        self._latest: tuple[Day, list[AnomalyItem]] | None = None

    async def patterns(self, asked: PatternsAsked) -> PatternsAnswer:
        """Return the patterns of one user or of all, without those of tasks."""
        return await self._run(lambda connection: self._patterns(connection, asked))

    def _patterns(self, connection: sqlite3.Connection, asked: PatternsAsked) -> PatternsAnswer:
        # One after the other: two threads that step through rows take the interpreter from each other at each.
        answer = find_patterns.patterns(connection, asked)
        return msgspec.structs.replace(answer, anomalies=self._anomalies(connection, asked))

    def _anomalies(self, connection: sqlite3.Connection, asked: PatternsAsked) -> list[AnomalyItem]:
        day = find_anomalies.newest(connection, asked.now)
        if day is None:
            return []
        if asked.user_id is not None:
            return find_anomalies.anomalies(connection, day.day, asked.user_id)
        latest = self._latest
        if latest is None or latest[0] != day:
            # A day that is over changes only with lines that come late: it is looked at once.
            latest = self._latest = day, find_anomalies.anomalies(connection, day.day)
        return latest[1][: asked.limit]
