"""``callboard up``."""

import os
from typing import Annotated, Final

from cyclopts import Parameter

from callboard import process, roles
from callboard.cli.settings import HERE, Deliveries, Place, Rules, Work, given_values
from callboard.config import Config
from callboard.events.errors import InvalidValueError

EMBEDDED_PORT: Final = 4222
"""Where clients look when nobody tells them otherwise."""

WORK: Final = Work()
DELIVERIES: Final = Deliveries()
RULES: Final = Rules()


def up(
    *,
    place: Place = HERE,
    work: Work = WORK,
    deliveries: Deliveries = DELIVERIES,
    rules: Rules = RULES,
    json: Annotated[bool, Parameter(name="--json", help="Log JSON, also to a terminal.")] = False,
) -> int:
    """Run callboard until SIGTERM or Ctrl-C: server, actors, views, service.

    Prints `ready nats://HOST:PORT` on a line of standard output once it takes tasks; logs go to standard error.

    Args:
        place: Where things are and who connects.
        work: What runs and how it ends.
        deliveries: How results are delivered.
        rules: How rules are learned.
        json: Log JSON, also to a terminal.
    """
    given = given_values(place, work, deliveries, rules)
    if place.nats_url is None:
        given.setdefault("port", EMBEDDED_PORT)
    config = Config.build(**given, log_format="json" if json else "auto")
    if work.roles is not None:
        _check_app(config)
    return process.run(config, os.environ, named_by=place.named_by)


def _check_app(config: Config) -> None:
    """Refuse a specialist without agents; where there are views, callboard's own `cleanup` is one."""
    cleanup = roles.plays(config.roles, roles.PROJECTOR) and not config.no_cleanup
    if config.app is None and roles.plays(config.roles, roles.SPECIALIST) and not cleanup:
        raise InvalidValueError("expected app for the role specialist: it has the agents to run", field="app")
