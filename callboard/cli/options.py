"""The options every command takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter, Token, validators

from callboard.cli.absence import Absence
from callboard.cli.output import Output, remark
from callboard.client import Client
from callboard.events.errors import shorten
from callboard.nats_url import DEFAULT_URL, shown_url

URL_VARIABLES: Final = ("CALLBOARD_NATS_URL", "NATS_URL")


def whole(_type: Any, tokens: Sequence[Token]) -> int:
    """Return the whole number that an option was given; by itself cyclopts would round any other.

    Raises:
        ValueError: it is none.
    """
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {shorten(text)}") from None


WHOLE: Final = Parameter(converter=whole)
AT_LEAST_ONE: Final = Parameter(converter=whole, validator=validators.Number(gte=1))
NOT_NEGATIVE: Final = Parameter(validator=validators.Number(gte=0))


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Where the server is, and how to print."""

    nats: Annotated[
        str,
        Parameter(
            name="--nats",
            env_var=URL_VARIABLES,
            help="URL of the NATS server.",
            metavar="URL",
            show_default=True,
        ),
    ] = DEFAULT_URL
    credentials: Annotated[
        Path | None, Parameter(name="--creds", env_var="CALLBOARD_NATS_CREDENTIALS", help="A NATS .creds file.")
    ] = None
    json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of a table.")] = False

    def client(self) -> Client:
        """Return a client for the server, not yet connected.

        Raises:
            InvalidValueError: the URL is none.
        """
        login: dict[str, Any] = {} if self.credentials is None else {"user_credentials": str(self.credentials)}
        absence = Absence(shown_url(self.nats))
        board = Client(self.nats, name="callboard-cli", disconnected_cb=absence.began, **login)
        absence.watch(board.connection)
        board.on_building = remark
        return board

    def output(self) -> Output:
        """Return where to print to."""
        return Output(json=self.json)


DEFAULTS: Final = Options()
