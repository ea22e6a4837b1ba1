"""The options every command takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter, validators

from callboard.cli.output import Output
from callboard.client import Client
from callboard.nats_url import DEFAULT_URL

AT_LEAST_ONE: Final = Parameter(validator=validators.Number(gte=1))
NOT_NEGATIVE: Final = Parameter(validator=validators.Number(gte=0))


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Where the server is, and how to print."""

    nats: Annotated[
        str,
        Parameter(
            name="--nats",
            env_var=("CALLBOARD_NATS_URL", "NATS_URL"),
            help="URL of the NATS server.",
            metavar="URL",
            show_default=True,
        ),
    ] = DEFAULT_URL
    creds: Annotated[
        Path | None, Parameter(name="--creds", env_var="CALLBOARD_NATS_CREDENTIALS", help="A NATS .creds file.")
    ] = None
    json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of a table.")] = False

    def client(self) -> Client:
        """Return a client for the server, not yet connected.

        Raises:
            InvalidValueError: the URL is none.
        """
        login: dict[str, Any] = {} if self.creds is None else {"user_credentials": str(self.creds)}
        return Client(self.nats, name="callboard-cli", **login)

    def output(self) -> Output:
        """Return where to print to."""
        return Output(json=self.json)


DEFAULTS: Final = Options()
