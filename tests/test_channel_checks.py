"""A delivery target is checked before the submission is taken, and the error says which field of which target."""

from typing import Any

import pytest

from callboard.actors.channels.channel import Channel, DeliveryError, DeliveryMessage, SpecError, check
from callboard.actors.channels.log import LogChannel
from callboard.actors.channels.secrets import Secrets
from callboard.actors.channels.stream import StreamChannel
from callboard.actors.channels.webhook import WebhookChannel
from callboard.events.errors import InvalidValueError

URL = "https://example.com/hook"


async def nowhere(_subject: str, _body: bytes, _headers: dict[str, str], *, jetstream: bool) -> dict[str, Any]:
    raise DeliveryError(f"a check does no I/O (jetstream: {jetstream})", retryable=False)


class PickyChannel:
    """A channel of somebody else's, whose errors know nothing of places."""

    name = "picky"

    def check(self, _spec: dict[str, Any]) -> None:
        raise InvalidValueError("expected another day")

    def lane(self, _spec: dict[str, Any]) -> None:
        pass

    async def send(self, _spec: dict[str, Any], _message: DeliveryMessage) -> Any:
        return None

    async def close(self) -> None:
        pass


def channels(*, allow_private: bool = False) -> dict[str, Channel]:
    known: list[Channel] = [
        LogChannel(),
        StreamChannel(nowhere),
        WebhookChannel(Secrets({}), allow_private=allow_private),
        PickyChannel(),
    ]
    return {channel.name: channel for channel in known}


def refused(spec: dict[str, Any], *, allow_private: bool = False) -> InvalidValueError:
    """The error about ``spec`` as the second of two targets."""
    with pytest.raises(InvalidValueError) as caught:
        check([{"channel": "log"}, spec], channels(allow_private=allow_private))
    return caught.value


@pytest.mark.parametrize(
    "spec",
    [
        {"channel": "log"},
        {"channel": "stream", "subject": "results"},
        {"channel": "stream", "subject": "results.eu.größe", "jetstream": True},
        {"channel": "webhook", "url": URL},
        {"channel": "webhook", "url": "http://example.com:8080/?a=b#c", "secret": "env:HOOK_1"},
        {"channel": "webhook", "url": "https://münchen.example/ü", "secret": None},
        {"channel": "webhook", "url": "https://[2606:4700:4700::1111]/"},
        {"channel": "webhook", "url": "HTTPS://EXAMPLE.COM"},
        {"channel": "webhook", "url": "https://a_b.example./"},
    ],
)
def test_good_targets_pass(spec: dict[str, Any]) -> None:
    check([spec, spec], channels())


def test_no_target_is_fine() -> None:
    check([], channels())


@pytest.mark.parametrize("channel", [None, 7, "fax", ["log"]])
def test_an_unknown_channel_is_named_with_those_that_are_known(channel: object) -> None:
    error = refused({"channel": channel})
    assert error.field == "delivery[1].channel"
    assert f"delivery[1].channel: expected one of log, picky, stream, webhook, got {channel!r}" == str(error)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"channel": "log", "level": "info"}, "delivery[1].level: unknown field, expected only channel"),
        ({"channel": "webhook"}, "delivery[1]: Object missing required field `url`"),
        ({"channel": "webhook", "url": 7}, "delivery[1].url: Expected `str`, got `int`"),
        ({"channel": "stream", "subject": "a", "jetstream": 1}, "delivery[1].jetstream: Expected `bool`, got `int`"),
        ({"channel": "picky"}, "delivery[1]: expected another day"),
    ],
)
def test_fields_are_checked(spec: dict[str, Any], message: str) -> None:
    assert str(refused(spec)) == message


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "another scheme"),
        ("example.com/hook", "another scheme"),
        ("//example.com/hook", "another scheme"),
        ("ftp://example.com/", "another scheme"),
        ("file:///etc/passwd", "another scheme"),
        ("javascript:alert(1)", "another scheme"),
        ("http://", "expected a host"),
        ("http:///path", "expected a host"),
        ("http:example.com", "expected a host"),
        ("https://user:hunter2@example.com/", "no user name or password"),
        ("https://hunter2@example.com/", "no user name or password"),
        ("http://example.com\\@127.0.0.1/hunter2", "no user name or password"),
        ("http://example.com:0/", "expected a port"),
        ("http://example.com:65536/", "expected a port"),
        ("http://example.com:port/hunter2", "malformed"),
        ("http://exam ple.com/", "a host name or an IP address"),
        ("http://a..b/", "a host name or an IP address"),
        ("http://%31%32%37.0.0.1/", "a host name or an IP address"),
        ("http://[fe80::1%25eth0]/", "a host name or an IP address"),
        (f"http://{'a' * 64}.com/", "a host name or an IP address"),
        ("http://exam\nple.com/hunter2", "malformed"),
        ("http://[::1/hunter2", "malformed"),
        ("http://0251.0376.0251.0376/", "malformed"),
        ("http://\ud800/", "malformed"),
        ("https://example.com/" + "a" * 2_048, "at most 2048 characters, got 2068"),
    ],
)
def test_urls_are_checked_and_not_repeated(url: str, problem: str) -> None:
    error = refused({"channel": "webhook", "url": url})
    assert error.field == "delivery[1].url"
    assert problem in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "[::ffff:192.168.0.1]", "[fd00::1]"])
def test_a_private_address_is_refused_at_once_unless_allowed(host: str) -> None:
    spec = {"channel": "webhook", "url": f"http://{host}:8080/"}
    assert "expected a public address, got a " in str(refused(spec))
    check([spec], channels(allow_private=True))


def test_metadata_services_are_refused_at_once_in_development_too() -> None:
    spec = {"channel": "webhook", "url": "http://169.254.169.254/latest/meta-data/"}
    assert "got a link-local address" in str(refused(spec, allow_private=True))


@pytest.mark.parametrize("secret", ["hunter2", "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==", "", "env:", "env:A B"])
def test_a_secret_itself_is_refused_and_not_repeated(secret: str) -> None:
    error = refused({"channel": "webhook", "url": URL, "secret": secret})
    assert error.field == "delivery[1].secret"
    assert str(error).endswith(
        "expected a reference, env:NAME or file:/path, not the secret itself: submissions are stored"
    )


@pytest.mark.parametrize(
    "subject", ["", ".", "a.", ".a", "a..b", "a.*", "*", "a.>", ">", "a b", "a\tb", "a\r\nb", "a\x00", "x" * 257, "a*b"]
)
def test_a_subject_is_one_subject(subject: str) -> None:
    error = refused({"channel": "stream", "subject": subject})
    assert error.field == "delivery[1].subject"
    assert "without wildcards or spaces" in str(error)


@pytest.mark.parametrize(
    "subject",
    [
        "callboard",
        "callboard.submit",
        "callboard.events.task.t-1.7.completed",
        "callboard.cancel.t-1",
        "$JS.API.STREAM.DELETE.CALLBOARD_EVENTS",
        "$SYS.REQ.SERVER.PING",
        "$KV.bucket.key",
        "$",
        "_INBOX.abc.def",
        "_INBOX_worker.1",
        "_R_.1",
    ],
)
def test_a_result_cannot_pass_for_a_command_an_event_a_reply_or_a_system_message(subject: str) -> None:
    assert "expected a subject outside of callboard.>" in str(refused({"channel": "stream", "subject": subject}))


def test_subjects_that_only_look_alike_are_free() -> None:
    for subject in ("callboards.x", "my.callboard.submit", "a._INBOX", "a.$JS"):
        check([{"channel": "stream", "subject": subject}], channels())


def test_a_spec_error_says_where_it_stands() -> None:
    error = SpecError("url", "expected another").at("delivery[7]")
    assert (str(error), error.field) == ("delivery[7].url: expected another", "delivery[7].url")
