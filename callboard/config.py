"""Everything `callboard up` can be told: one frozen value, checked whole before anything starts."""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from callboard import roles
from callboard.actors.router import DEFAULT_THRESHOLD
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.heartbeat_decisions import Missed
from callboard.nats_url import check_url, shown_url
from callboard.past.bounds import Bounds

_YEAR_SECONDS: Final = 365 * 24 * 60 * 60
_SECRET: Final = frozenset({"nats_password", "nats_token"})
_FIELD: Final = re.compile(r"(?:at `\$\.|unknown field `)(?P<name>\w+)")

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]

Text = Annotated[str, Meta(min_length=1, description="a text that is not empty")]
File = Annotated[Path, Meta(description="a path")]
Port = Annotated[int, Meta(ge=0, le=65_535, description="0-65535 (0 picks a free one)")]
Count = Annotated[int, Meta(ge=1, le=1_000, description="a whole number from 1 to 1000")]
Replicas = Annotated[int, Meta(ge=1, le=5, description="a whole number from 1 to 5")]
Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
Seconds = Annotated[float, Meta(gt=0, le=_YEAR_SECONDS, description="a number of seconds above 0, a year at most")]
Pause = Annotated[float, Meta(ge=0, le=_YEAR_SECONDS, description="a number of seconds from 0 to a year")]
More = Annotated[float, Meta(gt=0.5, le=1, description="a number above 0.5, up to 1")]
Switch = Annotated[bool, Meta(description="true or false")]
Roles = Annotated[tuple[str, ...], Meta(description=f"a list of {', '.join(roles.ROLES)} and specialist:NAME")]
Megabytes = Annotated[int, Meta(ge=1, le=10_000_000, description="a whole number of megabytes from 1 to 10,000,000")]
Events = Annotated[int, Meta(ge=1_000, description="a whole number of events, 1000 or more")]
Lease = Annotated[float, Meta(ge=1, le=3600, description="a number of seconds from 1 to 3600")]


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one callboard process runs; made with :meth:`build`.

    Where things are:
        directory: what is stored lies under it: views, logs, and the store of the embedded server.
        nats_url: the server to use; None starts the embedded one.
        port: of the embedded server; 0 picks a free one.
        app: the file or module with the agents; None for none.
        replicas: of each stream, on a cluster.
        roles: what this process does of all there is to do, and ``specialist:NAME`` for one agent of the app.

    Who connects, for a server that asks:
        nats_credentials: a ``.creds`` file.
        nats_user, nats_password: name and password.
        nats_token: a token.

    Work:
        grace_seconds: how long running tasks may take to finish once callboard stops.
        ack_wait_seconds: how long a message whose worker died waits before another gets it.
        route_threshold: the confidence below which a task goes to the fallback agent.
        worker_threads: how many plain (not async) handlers run at a time.
        no_cleanup: leave the agent ``cleanup`` out that comes with callboard.
        missed_heartbeats: what becomes of those that were due while nothing ran: ``one`` task for all of them, ``all``
            of them up to a limit, or ``none``.

    Rules, learned from what users do:
        rules_min_support: how many cases a rule has to be right in before it is proposed.
        rules_min_confidence: and in which share of all cases.
        rules_min_bound: and how low that share may really be, by its lower confidence bound.
        rules_accept_bound: the bound from which on a rule is accepted by itself; None: people decide.
        rules_every_seconds: how often is looked for something new; 0: never by itself.

    The past:
        past_megabytes: how much of the past of the views is kept on disk, for answers about it.
        past_every: after how many events a checkpoint of them is kept, when they are built.

    Deliveries:
        delivery_max_attempts: attempts per target.
        delivery_base_seconds, delivery_cap_seconds: the first pause between two attempts and the longest.
        delivery_timeout_seconds: limit for one attempt.
        secrets_directory: below it may be the files that ``file:`` references to secrets name; None: nowhere.
        allow_private_addresses: whether webhooks may go to this machine and its network; for development.

    Logs:
        log_level: the least level that is written.
        log_format: ``json``, ``console``, or ``auto``: JSON unless standard error is a terminal.
    """

    directory: File = Path(".callboard")
    nats_url: Text | None = None
    port: Port = 0
    app: Text | None = None
    replicas: Replicas = 1
    roles: Roles = roles.ROLES
    nats_credentials: File | None = None
    nats_user: Text | None = None
    nats_password: Text | None = None
    nats_token: Text | None = None
    grace_seconds: Pause = 10
    ack_wait_seconds: Lease = 30
    route_threshold: Share = DEFAULT_THRESHOLD
    worker_threads: Count = 32
    missed_heartbeats: Missed = "one"
    rules_min_support: Count = 5
    rules_min_confidence: More = 0.8
    rules_min_bound: Share = 0.6
    rules_accept_bound: Share | None = None
    rules_every_seconds: Pause = 5
    past_megabytes: Megabytes = 2_048
    past_every: Events = 200_000
    delivery_max_attempts: Count = 8
    delivery_base_seconds: Pause = 1
    delivery_cap_seconds: Pause = 60
    delivery_timeout_seconds: Seconds = 30
    secrets_directory: File | None = None
    allow_private_addresses: Switch = False
    no_cleanup: Switch = False
    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"

    @classmethod
    def build(cls, **values: Any) -> "Config":
        """Return the configuration with these values, the rest as it is by default.

        Raises:
            InvalidValueError: a value is out of place; the message names it and what it takes.
        """
        try:
            config = msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise _refusal(str(error), values) from error
        _check(config)
        return config

    @property
    def embedded(self) -> bool:
        """Whether callboard starts a server of its own."""
        return self.nats_url is None

    @property
    def past_bounds(self) -> Bounds:
        """How much of the past of the views is kept."""
        return Bounds(self.past_megabytes * 1_000_000, self.past_every)

    @property
    def nats_options(self) -> dict[str, Any]:
        """What a nats-py connection needs beside the URL; empty for a server that lets everybody in."""
        options = {
            "user_credentials": None if self.nats_credentials is None else str(self.nats_credentials),
            "user": self.nats_user,
            "password": self.nats_password,
            "token": self.nats_token,
        }
        return {name: value for name, value in options.items() if value is not None}

    def __repr__(self) -> str:
        """Show every field but the secret ones, so that a configuration may be logged."""
        shown = (f"{name}={_shown(name, getattr(self, name))}" for name in self.__struct_fields__)
        return f"Config({', '.join(shown)})"


def _check(config: Config) -> None:
    roles.check(config.roles)
    if config.nats_url is not None:
        _check_url(config.nats_url)
    if config.nats_url is not None and config.port:
        raise InvalidValueError("expected port only without nats_url: it is the embedded server's", field="port")
    if config.nats_url is None and config.replicas > 1:
        message = f"expected replicas above 1 only with nats_url: the embedded server is one, got {config.replicas}"
        raise InvalidValueError(message, field="replicas")
    if (config.nats_user is None) != (config.nats_password is None):
        raise InvalidValueError("expected nats_user and nats_password together, got one of them", field="nats_user")
    if config.delivery_cap_seconds < config.delivery_base_seconds:
        message = (
            f"expected delivery_cap_seconds to be at least delivery_base_seconds ({config.delivery_base_seconds:g})"
        )
        raise InvalidValueError(f"{message}, got {config.delivery_cap_seconds:g}", field="delivery_cap_seconds")


def _check_url(url: str) -> None:
    try:
        check_url(url)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), field="nats_url") from error


def _refusal(reason: str, values: dict[str, Any]) -> InvalidValueError:
    match = _FIELD.search(reason)
    name = match["name"] if match else ""
    if name not in Config.__struct_fields__:
        known = ", ".join(Config.__struct_fields__)
        return InvalidValueError(f"expected settings out of {known}, got {shorten(name)}", field=name)
    message = f"expected {name} to be {_takes(name)}, got {_shown(name, values.get(name))}"
    return InvalidValueError(message, field=name)


def _takes(name: str) -> str:
    """Return what the field takes: the description beside its type, or one of a list of words."""
    hint = get_type_hints(Config, include_extras=True)[name]
    parts = (hint, *get_args(hint))
    described = [meta.description for part in parts for meta in getattr(part, "__metadata__", ())]
    return str(described[0]) if described else f"one of {', '.join(map(str, get_args(hint)))}"


def _shown(name: str, value: object) -> str:
    if name in _SECRET:
        return "None" if value is None else "***"
    return shorten(shown_url(value) if isinstance(value, str) else value)
