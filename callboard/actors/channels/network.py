"""How a webhook gets its connection: resolve once, check every address, connect to a checked one."""

from collections.abc import Iterable, Sequence

import httpcore

from callboard.actors.channels.addresses import Resolve, refusal
from callboard.actors.channels.channel import DeliveryError

CONNECT_SECONDS = 10.0
"""For one address, so that one that swallows packets leaves time for the next."""


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to public addresses only.

    The name is resolved here and nowhere else, so that no second answer can lead to another place than the one that
    was checked. ``Host`` and TLS server name stay the name's: they are made from the URL above this layer.
    """

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve, self._allow_private = resolve, allow_private
        self._tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a stream to the first address of ``host`` that answers.

        Raises:
            DeliveryError: the name is not known (retryable) or leads to a forbidden address (not retryable).
            httpcore.ConnectError, httpcore.ConnectTimeout: no address answered.
        """
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in await self._addresses(host, port):
            try:
                return await self._tcp.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise DeliveryError(f"could not resolve {host}: {reason}", retryable=True) from error
        for address in addresses:
            why = refusal(address, allow_private=self._allow_private)
            if why:
                raise DeliveryError(f"refused to connect to {host}: it leads to {why}", retryable=False)
        return addresses
