"""Putting rebuilt views in their place: by ourselves, or through the callboard that uses the old ones."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Final

from callboard.adopter import adopting, rebuilt, refusal
from callboard.errors import ViewsRefusedError
from callboard.projections.errors import ViewsBusyError
from callboard.projections.rebuild import hand_over, install, remove
from callboard.views_file import ViewsFile

NOTICE_SECONDS: Final = 30.0
"""How soon a running callboard has to notice; one that is too old never does."""

_PAUSE_SECONDS: Final = 0.05


class Handover:
    """The complete views in ``fresh`` on their way into the place of those in ``path``."""

    def __init__(
        self, fresh: Path, path: Path, part_of: ViewsFile | None = None, *, notice_seconds: float = NOTICE_SECONDS
    ) -> None:
        """``part_of`` says what belongs in ``path`` when ``fresh`` has a part of that alone."""
        self._fresh, self._path = fresh, path
        self._projections = () if part_of is None else part_of.projections
        self._gaps = part_of is not None and part_of.forgets
        self._notice_seconds = notice_seconds
        self._handed = False

    async def finish(self) -> None:
        """Return when the new views are in use, or lie ready for the next start; the old ones are used until then.

        Raises:
            ViewsBusyError: somebody uses the old ones, and does not notice the new ones.
            ViewsRefusedError: the callboard that uses the old ones does not want the new ones, and says why.
            ViewsMismatchError, ViewsCorruptError: as :func:`callboard.projections.rebuild.install`.
        """
        until = time.monotonic() + self._notice_seconds
        while not await self._done():
            if rebuilt(self._path).exists() and time.monotonic() >= until:
                self._take_back()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _done(self) -> bool:
        where = self._where()
        if where is None:
            self._check_refusal()
            return True
        try:
            # Whoever used the old views may have ended at any moment.
            await asyncio.to_thread(install, where, self._path, self._projections, gaps=self._gaps, wait_seconds=0.0)
        except ViewsBusyError:
            if not self._handed:
                refusal(self._path).unlink(missing_ok=True)
                hand_over(self._fresh, rebuilt(self._path))
                self._handed = True
            return False
        except FileNotFoundError:
            return False
        remove(where)
        return True

    def _where(self) -> Path | None:
        """Return where the new views are now, None once they were adopted or refused."""
        places = (rebuilt(self._path), adopting(self._path)) if self._handed else (self._fresh,)
        return next((place for place in places if place.exists()), None)

    def _check_refusal(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            reason = refusal(self._path).read_text(encoding="utf-8")
            refusal(self._path).unlink()
            raise ViewsRefusedError(self._path, reason)

    def _take_back(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            rebuilt(self._path).replace(self._fresh)
            raise ViewsBusyError(self._path)
