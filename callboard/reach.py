"""Which server holds the log of a directory: one that runs there already, or one that is to be started."""

from msgspec import structs

from callboard.config import Config
from callboard.events.errors import InvalidValueError
from callboard.server import STORE, running_server


def reachable(config: Config) -> Config:
    """Return ``config`` such that it names the server that runs in its directory already, if there is one.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named.
    """
    if not config.embedded:
        return config
    if not (config.directory / STORE).is_dir():
        message = f"expected {config.directory} to hold an event log, found none: give its --dir, or --nats"
        raise InvalidValueError(message, field="directory")
    url = running_server(config.directory)
    return config if url is None else structs.replace(config, nats_url=url)
