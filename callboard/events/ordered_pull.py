"""A pull from a consumer without acknowledgements: every message once and in order, or a word that there is a gap."""

from callboard.events.message import Message
from callboard.events.pull import INTERRUPTED, Pull


class OrderedPull(Pull):
    """A pull that ends where messages may have been lost on the way, as on a connection that broke.

    ``lost`` is then told, once, and nothing is delivered any more: go on with a new consumer, from the last message
    seen, and a new pull.
    """

    _connects = 0
    _over = False

    async def start(self) -> None:
        """Begin to pull."""
        self._connects = self._connection.stats["reconnects"]
        await super().start()

    def _take(self, message: Message) -> None:
        if self._connection.stats["reconnects"] != self._connects:
            # The first messages behind a reconnect arrive before anybody says that there was one.
            self._lose(INTERRUPTED)
        if not self._over:
            super()._take(message)

    def _restart(self, reason: str) -> None:
        # The server does not send again what it had sent and we did not get.
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        self._over = True
        super()._lose(reason)

    async def _return(self, _message: Message) -> None:
        """Nothing is returned where nothing is acknowledged."""
