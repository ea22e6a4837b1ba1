"""The channel ``webhook``: an HTTP POST, signed as Standard Webhooks 1.0 says (https://www.standardwebhooks.com).

The request is made with ``httpcore``, the layer below an ``httpx`` client: a client adds a cookie jar, redirects,
proxies from the environment, decompression and a log line with the whole URL, and a webhook must have none of them.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import UTC
from typing import Any, cast

import httpcore
import httpx
from msgspec import Struct
from standardwebhooks import Webhook

from callboard.actors.channels.addresses import Resolve, literal_refusal, resolve
from callboard.actors.channels.channel import DeliveryError, DeliveryMessage, Lane, SpecError, read
from callboard.actors.channels.endpoint import Endpoint, parse
from callboard.actors.channels.network import CONNECT_SECONDS, CheckedNetwork
from callboard.actors.channels.response import failure
from callboard.actors.channels.secrets import SecretError, Secrets
from callboard.events.submission import DeliverySpec

TIMEOUT_SECONDS = 30.0
PER_HOST = 5
MAX_RESPONSE_BYTES = 65_536
DRAIN_SECONDS = 2.0
"""How long a body may take after its status is known; reading it only serves to use the connection again."""

KEEPALIVE_SECONDS = 4.0
"""Below what common servers allow, so that a connection is not closed on us in the middle of a request."""

MAX_IDLE_CONNECTIONS = 20
MAX_REASON_LENGTH = 200
Headers = dict[bytes | str, bytes | str]
_UNUSABLE = (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol)
_PASSING = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)


class WebhookSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """``{"channel": "webhook", "url": …, "secret"?: "env:NAME"}``."""

    channel: str
    url: str
    secret: str | None = None


class WebhookChannel:
    """Posts results to URLs; with a ``secret``, signed.

    ``secrets`` looks up secrets, ``allow_private`` lets loopback and private addresses through (for development),
    ``timeout_seconds`` is for a whole attempt however its answer trickles in, ``per_host`` how many may be under way to
    one host. ``resolve`` and ``ssl_context`` stand in for the system's resolver and the usual roots of trust.
    """

    name = "webhook"

    def __init__(
        self,
        secrets: Secrets,
        *,
        allow_private: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        per_host: int = PER_HOST,
        resolve: Resolve = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._secrets, self._allow_private = secrets, allow_private
        self._timeout, self._per_host = timeout_seconds, per_host
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(trust_env=False),
            max_connections=None,  # bounded by the lanes
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=CheckedNetwork(resolve, allow_private=allow_private),
        )

    def check(self, spec: DeliverySpec) -> None:
        """Check the fields, the URL's form, and its address when it is written as one.

        Raises:
            SpecError: names the field and what it takes.
        """
        fields = read(spec, WebhookSpec)
        why = literal_refusal(parse(fields.url).host, allow_private=self._allow_private)
        if why:
            raise SpecError("url", f"expected a public address, got {why}")
        if fields.secret is not None:
            self._secrets.check(fields.secret)

    def lane(self, spec: DeliverySpec) -> Lane | None:
        """Return the lane of the host, whatever its port; None for a target that :meth:`send` refuses."""
        try:
            return Lane(f"webhook:{parse(read(spec, WebhookSpec).url).host}", self._per_host)
        except SpecError:
            return None

    async def send(self, spec: DeliverySpec, message: DeliveryMessage) -> Any:
        """Post the body once and return ``{"status": 200}`` or whichever 2xx the answer was.

        Waits up to ``timeout_seconds`` for the answer.

        Raises:
            DeliveryError: no connection, no answer in time, an answer other than 2xx, a forbidden address, a secret
                that cannot be had.
        """
        try:
            fields = read(spec, WebhookSpec)
            endpoint = parse(fields.url)
            headers = self._headers(fields.secret, endpoint, message)
        except SpecError as error:
            raise DeliveryError(str(error), retryable=False) from error
        except SecretError as error:
            raise DeliveryError(str(error), retryable=True) from error
        status, retry_after = await self._post(endpoint, headers, message.body)
        failed = failure(endpoint.host, status, retry_after, message.at)
        if failed:
            raise failed
        return {"status": status}

    async def close(self) -> None:
        """Close idle connections and break those in use."""
        await self._pool.aclose()

    def _headers(self, secret: str | None, endpoint: Endpoint, message: DeliveryMessage) -> Headers:
        headers: Headers = {
            "Host": endpoint.netloc,
            "User-Agent": "callboard",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": str(int(message.at.timestamp())),
        }
        if secret is not None:
            headers["webhook-signature"] = _signatures(self._secrets.keys(secret), message)
        return headers

    async def _post(self, endpoint: Endpoint, headers: Headers, body: bytes) -> tuple[int, str | None]:
        """Return the status and the ``Retry-After`` of the answer."""
        try:
            async with asyncio.timeout(self._timeout), self._request(endpoint, headers, body) as response:
                await _drain(response)
                return response.status, _header(response, b"retry-after")
        except TimeoutError:
            late = f"{endpoint.host} did not answer within {self._timeout:g} seconds"
            raise DeliveryError(late, retryable=True) from None
        except _UNUSABLE as error:
            raise DeliveryError(f"could not ask {endpoint.host}: {error}", retryable=False) from error
        except _PASSING as error:
            raise DeliveryError(f"lost {endpoint.host}: {_reason(error)}", retryable=True) from error

    def _request(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Any:
        url = httpcore.URL(
            scheme=endpoint.scheme.encode(),
            host=endpoint.host.encode(),
            port=endpoint.port,
            target=endpoint.target.encode(),
        )
        timeouts = {"connect": min(CONNECT_SECONDS, self._timeout)}
        return self._pool.stream("POST", url, headers=headers, content=body, extensions={"timeout": timeouts})


def _signatures(keys: list[bytes], message: DeliveryMessage) -> str:
    """Return one signature per key, over the exact bytes of the body."""
    try:
        text = message.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DeliveryError(f"could not sign the body: byte {error.start} is no UTF-8", retryable=False) from error
    moment = message.at.astimezone(UTC)
    return " ".join(Webhook(key).sign(message.key, moment, text) for key in keys)


async def _drain(response: httpcore.Response) -> None:
    """Read a short body so that the connection can be used again; the status stands whatever comes of it."""
    with suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
        chunks = cast("AsyncGenerator[bytes, None]", response.aiter_stream())
        async with asyncio.timeout(DRAIN_SECONDS), aclosing(chunks):
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if size > MAX_RESPONSE_BYTES:
                    return


def _header(response: httpcore.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


def _reason(error: BaseException) -> str:
    """Return what went wrong at the bottom, in words of the system or of a library, never of the other side."""
    while below := error.__cause__ or error.__context__:
        error = below
    if isinstance(error, ssl.SSLError):
        return str(error)[:MAX_REASON_LENGTH]
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error).partition(":")[0][:MAX_REASON_LENGTH] or type(error).__name__
