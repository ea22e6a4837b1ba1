"""The options that set a configuration: each field has the name it has there, and its default from there."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter, Token

from callboard.cli.options import URL_VARIABLES, WHOLE
from callboard.config import Config, LogLevel
from callboard.events.heartbeat_decisions import Missed
from callboard.roles import ROLES

_ENV: Final = "CALLBOARD_NATS"
_DEFAULT: Final = Config()
_SHOWN: Final = Parameter(show_default=True)


def listed(_type: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the words of an option that takes several, with commas between them."""
    return tuple(word.strip() for token in tokens for word in token.value.split(","))


@Parameter(name="*")
@dataclass(frozen=True)
class Place:
    """Where things are and who connects."""

    directory: Annotated[Path, _SHOWN, Parameter(name="--dir", help="Everything that is stored lies under it.")] = (
        _DEFAULT.directory
    )
    nats_url: Annotated[
        str | None,
        Parameter(
            name="--nats", env_var=URL_VARIABLES, metavar="URL", help="Use this NATS server instead of starting one."
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
    replicas: Annotated[
        int, WHOLE, _SHOWN, Parameter(help="Copies of each stream, on a cluster that --nats names.")
    ] = _DEFAULT.replicas

    @property
    def named_by(self) -> str:
        """The variable or option that the URL of the server is from."""
        return next((name for name in URL_VARIABLES if os.environ.get(name) == self.nats_url), "--nats")


@Parameter(name="*")
@dataclass(frozen=True)
class Work:
    """What runs and how it ends."""

    port: Annotated[
        int | None,
        WHOLE,
        Parameter(help="Port of the server it starts (default: 4222; 0 picks a free one)."),
    ] = None
    app: Annotated[str | None, Parameter(help="File or module with the agents, such as my_agents.py.")] = None
    roles: Annotated[
        tuple[str, ...] | None,
        Parameter(
            converter=listed,
            metavar="ROLE,…",
            help=f"What this process does: {', '.join(ROLES)} (default: all of it), or specialist:NAME for one agent.",
        ),
    ] = None
    grace_seconds: Annotated[
        float,
        _SHOWN,
        Parameter(
            name="--grace",
            metavar="SECONDS",
            help="How long running tasks may take to finish at the end; the rest is given back.",
        ),
    ] = _DEFAULT.grace_seconds
    ack_wait_seconds: Annotated[
        float,
        _SHOWN,
        Parameter(
            name="--ack-wait",
            metavar="SECONDS",
            help="How long the work of a process that died waits until another takes it over.",
        ),
    ] = _DEFAULT.ack_wait_seconds
    route_threshold: Annotated[
        float, _SHOWN, Parameter(help="Confidence, 0-1, below which a task goes to the fallback agent.")
    ] = _DEFAULT.route_threshold
    worker_threads: Annotated[
        int, WHOLE, _SHOWN, Parameter(help="How many plain (not async) handlers run at a time.")
    ] = _DEFAULT.worker_threads
    missed_heartbeats: Annotated[
        Missed, _SHOWN, Parameter(help="What becomes of heartbeats that were due while nothing ran.")
    ] = _DEFAULT.missed_heartbeats
    past_megabytes: Annotated[
        int, WHOLE, _SHOWN, Parameter(metavar="MB", help="How much of the past of the views is kept, for --as-of.")
    ] = _DEFAULT.past_megabytes
    past_every: Annotated[
        int, WHOLE, _SHOWN, Parameter(metavar="EVENTS", help="After how many events a checkpoint of it is kept.")
    ] = _DEFAULT.past_every
    no_cleanup: Annotated[bool, Parameter(help="Do not serve the agent `cleanup` that comes with callboard.")] = (
        _DEFAULT.no_cleanup
    )
    log_level: Annotated[LogLevel, Parameter(help="The least level that is logged.")] = _DEFAULT.log_level


@Parameter(name="*")
@dataclass(frozen=True)
class Deliveries:
    """How results are delivered."""

    delivery_max_attempts: Annotated[
        int, WHOLE, _SHOWN, Parameter(help="Attempts to deliver a result to one target.")
    ] = _DEFAULT.delivery_max_attempts
    delivery_base_seconds: Annotated[
        float,
        _SHOWN,
        Parameter(name="--delivery-base", metavar="SECONDS", help="The first pause between two of them; it doubles."),
    ] = _DEFAULT.delivery_base_seconds
    delivery_cap_seconds: Annotated[
        float,
        _SHOWN,
        Parameter(name="--delivery-cap", metavar="SECONDS", help="The longest pause between two of them."),
    ] = _DEFAULT.delivery_cap_seconds
    delivery_timeout_seconds: Annotated[
        float, _SHOWN, Parameter(name="--delivery-timeout", metavar="SECONDS", help="Limit for one attempt.")
    ] = _DEFAULT.delivery_timeout_seconds
    secrets_directory: Annotated[
        Path | None,
        Parameter(
            name="--secrets-dir", metavar="DIR", help="Where file:/path secrets of webhooks may be (default: nowhere)."
        ),
    ] = None
    allow_private_addresses: Annotated[
        bool, Parameter(help="Let webhooks go to this machine and its network, for development.")
    ] = _DEFAULT.allow_private_addresses


@Parameter(name="*")
@dataclass(frozen=True)
class Rules:
    """How rules are learned."""

    rules_min_support: Annotated[
        int, WHOLE, _SHOWN, Parameter(help="A rule is proposed with so many cases that it is right in.")
    ] = _DEFAULT.rules_min_support
    rules_min_confidence: Annotated[float, _SHOWN, Parameter(help="And such a share of all cases, above 0.5.")] = (
        _DEFAULT.rules_min_confidence
    )
    rules_min_bound: Annotated[
        float, _SHOWN, Parameter(help="And such a lower confidence bound of that share, 0-1.")
    ] = _DEFAULT.rules_min_bound
    rules_accept_bound: Annotated[
        float | None, Parameter(help="A rule with this bound, 0-1, is accepted by itself (default: people decide).")
    ] = _DEFAULT.rules_accept_bound
    rules_every_seconds: Annotated[
        float,
        _SHOWN,
        Parameter(name="--rules-every", metavar="SECONDS", help="How often is looked for something new; 0: never."),
    ] = _DEFAULT.rules_every_seconds


HERE: Final = Place()


def given_values(*options: Place | Work | Deliveries | Rules) -> dict[str, Any]:
    """Return the options that have a value, by their names in the configuration."""
    return {name: value for one in options for name, value in asdict(one).items() if value is not None}
