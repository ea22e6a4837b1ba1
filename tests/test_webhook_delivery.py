"""A webhook is posted as Standard Webhooks says, and its answer is understood."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook

from callboard.actors.channels.channel import DeliveryError
from callboard.actors.channels.secrets import Secrets
from callboard.actors.channels.webhook import WebhookChannel
from tests.support.deliveries import BODY, KEY, SECRET, channel, message, webhook
from tests.support.receiver import Receiver, answering


@asynccontextmanager
async def opened(hooks: WebhookChannel) -> AsyncIterator[WebhookChannel]:
    try:
        yield hooks
    finally:
        await hooks.close()


async def failure_of(answer_status: int, headers: str = "") -> DeliveryError:
    async with Receiver(answering(answer_status, headers)) as receiver, opened(channel()) as hooks:
        with pytest.raises(DeliveryError) as caught:
            await hooks.send(webhook(receiver.url), message())
    assert len(receiver.requests) == 1
    return caught.value


async def test_the_exact_body_is_posted_as_json_and_the_receipt_is_the_status() -> None:
    async with Receiver(answering(200, body=b"thanks")) as receiver, opened(channel()) as hooks:
        assert await hooks.send(webhook(f"{receiver.url}?k=v%20w&ü"), message()) == {"status": 200}
    request = receiver.requests[0]
    assert (request.method, request.target, request.body) == ("POST", "/hook?k=v%20w&%C3%BC", BODY)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(status: int) -> None:
    async with Receiver(answering(status)) as receiver, opened(channel()) as hooks:
        assert await hooks.send(webhook(receiver.url), message()) == {"status": status}


async def test_the_library_of_the_standard_verifies_the_signature() -> None:
    async with Receiver(answering(204)) as receiver, opened(channel()) as hooks:
        await hooks.send(webhook(receiver.url, secret="env:HOOK"), message())
    request = receiver.requests[0]
    assert Webhook(SECRET).verify(request.body, request.headers)["status"] == "completed"


async def test_the_signature_is_the_hmac_of_id_time_and_body() -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 900_000, tzinfo=UTC).astimezone()
    async with Receiver(answering(204)) as receiver, opened(channel()) as hooks:
        await hooks.send(webhook(receiver.url, secret="env:HOOK"), message(task_id="a_b-C", index=3, at=at))
    headers = receiver.requests[0].headers
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("a_b-C-3", "1772366400")
    signed = hmac.new(KEY, b"a_b-C-3.1772366400." + BODY, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()


async def test_while_secrets_are_exchanged_every_one_of_them_signs() -> None:
    old = "whsec_" + base64.b64encode(bytes(24)).decode()
    hooks = WebhookChannel(Secrets({"BOTH": f"{SECRET} {old}\n"}), allow_private=True)
    async with Receiver(answering(204)) as receiver, opened(hooks):
        await hooks.send(webhook(receiver.url, secret="env:BOTH"), message())
    request = receiver.requests[0]
    for secret in (SECRET, old):
        Webhook(secret).verify(request.body, request.headers)


async def test_without_a_secret_there_is_an_id_and_a_time_but_no_signature() -> None:
    async with Receiver(answering(204)) as receiver, opened(channel()) as hooks:
        await hooks.send(webhook(receiver.url), message())
    headers = receiver.requests[0].headers
    assert headers["webhook-id"] == "t-1-0"
    assert "webhook-signature" not in headers


async def test_the_id_is_the_same_at_every_attempt_and_the_time_is_not() -> None:
    first = datetime.now(UTC)
    async with Receiver(answering(503)) as receiver, opened(channel()) as hooks:
        for attempt in (1, 2):
            with pytest.raises(DeliveryError):
                await hooks.send(webhook(receiver.url), message(attempt=attempt, at=first + timedelta(minutes=attempt)))
    before, after = (request.headers for request in receiver.requests)
    assert before["webhook-id"] == after["webhook-id"]
    assert int(after["webhook-timestamp"]) - int(before["webhook-timestamp"]) == 60


async def test_deliveries_in_a_row_share_one_connection() -> None:
    async with Receiver(answering(200, body=b"x" * 1_000)) as receiver, opened(channel()) as hooks:
        for index in range(3):
            await hooks.send(webhook(receiver.url), message(index=index))
    assert (len(receiver.requests), receiver.connections) == (3, 1)


async def test_cookies_of_a_receiver_are_not_kept() -> None:
    async with Receiver(answering(200, "Set-Cookie: session=1; Path=/\r\n")) as receiver, opened(channel()) as hooks:
        for _ in range(2):
            await hooks.send(webhook(receiver.url), message())
    assert all("cookie" not in request.headers for request in receiver.requests)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599, 700])
async def test_what_may_pass_may_be_tried_again(status: int) -> None:
    error = await failure_of(status)
    assert error.retryable
    assert error.retry_after is None
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 410, 413, 422, 499])
async def test_what_stays_the_same_is_final(status: int) -> None:
    error = await failure_of(status, "Retry-After: 5\r\n")
    assert not error.retryable
    assert error.retry_after is None
    assert str(status) in str(error)


async def test_a_redirect_is_not_followed_and_the_error_says_what_to_do() -> None:
    async with Receiver(answering(200)) as trap:
        error = await failure_of(307, f"Location: {trap.url}\r\n")
    assert trap.connections == 0
    assert "redirects are not followed: submit with the URL it leads to" in str(error)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 0), ("999999999999", 86_400), ("soon", None)])
async def test_retry_after_in_seconds_is_honoured_up_to_a_day(status: int, header: str, seconds: int | None) -> None:
    assert (await failure_of(status, f"Retry-After: {header}\r\n")).retry_after == seconds


async def test_retry_after_as_a_date_is_honoured() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    wait = (await failure_of(503, f"Retry-After: {date}\r\n")).retry_after
    assert wait is not None
    assert 570 < wait <= 600


async def test_a_secret_that_is_not_there_yet_may_be_there_later() -> None:
    async with opened(channel()) as hooks:
        with pytest.raises(DeliveryError, match="expected the variable NONE to be set") as caught:
            await hooks.send(webhook("http://127.0.0.1:9/", secret="env:NONE"), message())
    assert caught.value.retryable


async def test_a_target_that_no_longer_passes_the_check_is_final() -> None:
    async with opened(channel()) as hooks:
        with pytest.raises(DeliveryError, match=r"^delivery\.url: expected an http or https URL") as caught:
            await hooks.send(webhook("ftp://127.0.0.1/"), message())
    assert not caught.value.retryable


async def test_a_body_that_is_no_text_cannot_be_signed() -> None:
    async with opened(channel()) as hooks:
        with pytest.raises(DeliveryError, match="byte 1 is no UTF-8") as caught:
            await hooks.send(webhook("http://127.0.0.1:9/", secret="env:HOOK"), message(b'"\xff"'))
    assert not caught.value.retryable
