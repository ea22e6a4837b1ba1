"""The option of every query that looks at the past."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from cyclopts import Parameter, Token

from callboard.client import Client
from callboard.client_queries import AsOf
from callboard.events.errors import shorten
from callboard.events.submission import utc


def place(_type: Any, tokens: Sequence[Token]) -> AsOf:
    """Return the sequence or the time that an option was given.

    Raises:
        ValueError: it is neither, or a time without an offset.
    """
    text = tokens[0].value
    with contextlib.suppress(ValueError):  # no number: a time, then
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        wanted = "the sequence of an event, or a time such as 2026-01-31T09:00:00Z"
        raise ValueError(f"expected {wanted}, got {shorten(text)}") from None
    return utc(moment, "as_of")


@Parameter(name="*")
@dataclass(frozen=True)
class Then:
    """Which moment is asked about."""

    as_of: Annotated[
        AsOf | None,
        Parameter(
            name="--as-of",
            converter=place,
            metavar="SEQ|TIME",
            help="Show what was true after that event, or at that time, such as 2026-01-31T09:00:00Z.",
        ),
    ] = None

    async def moment(self, board: Client) -> datetime:
        """Return the time that ages count back from; that of an event is asked of the service.

        Raises:
            CallboardError: as :meth:`Client.activity`.
        """
        if self.as_of is None or isinstance(self.as_of, datetime):
            return self.as_of or datetime.now(UTC)
        return (await board.activity(as_of=self.as_of)).until or datetime.now(UTC)

    def query(self, **fields: Any) -> dict[str, Any]:
        """Return the body of a question about that moment, with those of ``fields`` that are not None."""
        return {name: value for name, value in {**fields, "as_of": self.as_of}.items() if value is not None}


NOW: Final = Then()
