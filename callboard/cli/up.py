"""``callboard up``."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from callboard import process
from callboard.config import Config, LogLevel

EMBEDDED_PORT: Final = 4222
"""Where clients look when nobody tells them otherwise."""

_ENV: Final = "CALLBOARD_NATS"


@Parameter(name="*")
@dataclass(frozen=True)
class Place:
    """Where things are and who connects; the names are those of the configuration."""

    directory: Annotated[
        Path, Parameter(name="--dir", help="Everything that is stored lies under it.", show_default=True)
    ] = Path(".callboard")
    nats_url: Annotated[
        str | None,
        Parameter(
            name="--nats",
            env_var=("CALLBOARD_NATS_URL", "NATS_URL"),
            metavar="URL",
            help="Use this NATS server instead of starting one.",
        ),
    ] = None
    nats_credentials: Annotated[
        Path | None, Parameter(name="--creds", env_var=f"{_ENV}_CREDENTIALS", help="A NATS .creds file.")
    ] = None
    nats_user: Annotated[str | None, Parameter(name="--user", env_var=f"{_ENV}_USER", help="A NATS user.")] = None
    nats_password: Annotated[
        str | None, Parameter(name="--password", env_var=f"{_ENV}_PASSWORD", help="Better given in the environment.")
    ] = None
    nats_token: Annotated[
        str | None, Parameter(name="--token", env_var=f"{_ENV}_TOKEN", help="Better given in the environment.")
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Work:
    """What runs and how it ends; the names are those of the configuration."""

    port: Annotated[int | None, Parameter(help="Port of the server it starts (default: 4222; 0 picks a free one).")] = (
        None
    )
    app: Annotated[str | None, Parameter(help="File or module with the agents, such as my_agents.py.")] = None
    grace_seconds: Annotated[
        float,
        Parameter(
            name="--grace",
            metavar="SECONDS",
            help="How long running tasks may take to finish at the end; the rest is given back.",
            show_default=True,
        ),
    ] = 10.0
    ack_wait_seconds: Annotated[
        float,
        Parameter(
            name="--ack-wait",
            metavar="SECONDS",
            help="How long the work of a process that died waits until another takes it over.",
            show_default=True,
        ),
    ] = 30.0
    allow_private_addresses: Annotated[
        bool, Parameter(help="Let webhooks go to this machine and its network, for development.")
    ] = False
    log_level: Annotated[LogLevel, Parameter(help="The least level that is logged.", show_default=True)] = "info"


HERE: Final = Place()
DEFAULTS: Final = Work()


def up(
    *,
    place: Place = HERE,
    work: Work = DEFAULTS,
    json: Annotated[bool, Parameter(name="--json", help="Log JSON, also to a terminal.")] = False,
) -> int:
    """Run callboard until SIGTERM or Ctrl-C: server, actors, views, service.

    Prints `ready nats://HOST:PORT` on a line of standard output once it takes tasks; logs go to standard error.

    Args:
        place: Where things are and who connects.
        work: What runs and how it ends.
        json: Log JSON, also to a terminal.
    """
    given = given_values(place) | given_values(work)
    if place.nats_url is None:
        given.setdefault("port", EMBEDDED_PORT)
    return process.run(Config.build(**given, log_format="json" if json else "auto"), os.environ)


def given_values(options: Place | Work) -> dict[str, Any]:
    """Return the options that have a value, by their names in the configuration."""
    return {name: value for name, value in asdict(options).items() if value is not None}
