"""A webhook connects to the address that was checked, and to no other."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from callboard.actors.channels.addresses import resolve
from callboard.actors.channels.channel import DeliveryError, Lane
from callboard.actors.channels.webhook import WebhookChannel
from tests.support.deliveries import channel, message, webhook
from tests.support.receiver import Receiver, answering

METADATA = "169.254.169.254"
TLS = Path(__file__).parent / "data" / "tls"


class Names:
    """A resolver that gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def refused(hooks: WebhookChannel, url: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await hooks.send(webhook(url), message())
    await hooks.close()
    return caught.value


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "localhost", "127。0。0。1"])
async def test_loopback_is_refused_however_it_is_spelled(host: str) -> None:
    async with Receiver(answering(200)) as receiver:
        error = await refused(channel(allow_private=False), f"http://{host}:{receiver.port}/")
    assert "it leads to a loopback address" in str(error)
    assert not error.retryable
    assert receiver.connections == 0


@pytest.mark.parametrize("host", [METADATA, "0xa9fea9fe", "2852039166", "[::ffff:169.254.169.254]", "[fe80::1%25lo]"])
async def test_metadata_and_link_local_addresses_are_refused_in_development_too(host: str) -> None:
    error = await refused(channel(allow_private=True), f"http://{host}/latest/meta-data/")
    assert not error.retryable


async def test_one_forbidden_address_among_good_ones_is_enough() -> None:
    error = await refused(channel(allow_private=False, resolve=Names(["1.1.1.1", "10.0.0.1"])), "http://hooks.test/")
    assert str(error) == "refused to connect to hooks.test: it leads to a private address"


async def test_a_name_is_looked_up_once_and_the_connection_goes_to_that_answer() -> None:
    names = Names(["127.0.0.1"], [METADATA])
    async with Receiver(answering(200)) as receiver:
        hooks = channel(resolve=names)
        await hooks.send(webhook(f"http://hooks.test:{receiver.port}/"), message())
        await hooks.close()
    assert names.asked == [("hooks.test", receiver.port)]
    assert receiver.requests[0].headers["host"] == f"hooks.test:{receiver.port}"


async def test_a_name_that_leads_elsewhere_at_the_next_attempt_is_refused_then() -> None:
    hooks = channel(resolve=Names(["127.0.0.1"], [METADATA]))
    async with Receiver(answering(503, "Connection: close\r\n")) as receiver:
        url = f"http://hooks.test:{receiver.port}/"
        with pytest.raises(DeliveryError, match="answered 503"):
            await hooks.send(webhook(url), message())
        error = await refused(hooks, url)
    assert "it leads to a link-local address" in str(error)
    assert receiver.connections == 1


async def test_an_address_that_does_not_answer_leaves_the_turn_to_the_next() -> None:
    async with Receiver(answering(200)) as receiver:
        hooks = channel(resolve=Names(["127.0.0.2", "127.0.0.1"]))
        assert await hooks.send(webhook(f"http://hooks.test:{receiver.port}/"), message()) == {"status": 200}
        await hooks.close()


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a" * 63 + ".invalid"])
async def test_a_name_that_is_not_known_may_be_known_later(host: str) -> None:
    error = await refused(channel(), f"http://{host}/")
    assert str(error).startswith(f"could not resolve {host}: ")
    assert error.retryable


async def test_the_systems_resolver_gives_every_address_once() -> None:
    addresses = await resolve("localhost", 80)
    assert "127.0.0.1" in addresses
    assert len(addresses) == len(set(addresses))


async def test_proxies_in_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver(answering(200)) as proxy, Receiver(answering(200)) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        hooks = channel()
        await hooks.send(webhook(receiver.url), message())
        await hooks.close()
    assert (proxy.connections, receiver.connections) == (0, 1)


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "hooks.test.pem")
    return context


async def test_tls_is_asked_for_by_name_and_checked_against_it() -> None:
    trusting = ssl.create_default_context(cafile=TLS / "authority.pem")
    async with Receiver(answering(200), server_context()) as receiver:
        hooks = channel(resolve=Names(["127.0.0.1"]), ssl_context=trusting)
        await hooks.send(webhook(f"https://hooks.test:{receiver.port}/"), message())
        error = await refused(hooks, f"https://other.test:{receiver.port}/")
    assert receiver.server_names == ["hooks.test", "other.test"]
    assert "Hostname mismatch" in str(error)
    assert len(receiver.requests) == 1


async def test_a_certificate_nobody_vouches_for_is_an_error() -> None:
    async with Receiver(answering(200), server_context()) as receiver:
        url = f"https://hooks.test:{receiver.port}/"
        error = await refused(channel(resolve=Names(["127.0.0.1"])), url)
    assert "certificate verify failed" in str(error)
    assert error.retryable
    assert receiver.requests == []


def test_the_deliveries_to_one_host_share_a_lane() -> None:
    hooks = channel(per_host=3)
    assert hooks.lane(webhook("https://example.com/a")) == Lane("webhook:example.com", 3)
    assert hooks.lane(webhook("http://EXAMPLE.com:8080/b?c")) == Lane("webhook:example.com", 3)
    assert hooks.lane(webhook("https://www.example.com/a")) != hooks.lane(webhook("https://example.com/a"))
    assert hooks.lane(webhook("ftp://example.com/")) is None
