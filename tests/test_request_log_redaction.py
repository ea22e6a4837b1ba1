"""What is secret does not come into a line: neither from JSON at any depth, nor from forms, nor from queries."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.events.request_line import parse
from callboard.events.secret_names import REDACTED
from callboard.request_log.annotations import Annotations, said
from callboard.request_log.record import Record, kept
from callboard.request_log.redaction import Redaction
from callboard.request_log.rendering import MAX_LINE_BYTES, Rendering
from callboard.request_log.settings import SettingFields, Settings
from callboard.request_log.tally import Tally

JSON = b"application/json; charset=utf-8"
FORM = b"application/x-www-form-urlencoded"
SECRET = "hunter2"
NAMES = ["password", "PassWord", "PASSWORD", "apiKey", "api-key", "API_KEY", "user[password]", "login.secret"]
NAMES += ["user_password", "newPassword2", "x_token", "X-Api-Key", "myAPIKey", "openaiApiKey[0]", "SESSION TOKEN"]
OTHERS = ["passwordless", "tokens", "key", "api", "keyApi", "compass", "_", ""]
OMITTED: dict[str, tuple[bytes, bytes, str]] = {
    "a file": (b"multipart/form-data; boundary=x", b"--x--", "neither JSON nor a urlencoded form"),
    "no type": (b"", b"hello", "neither JSON nor a urlencoded form"),
    "broken JSON": (JSON, b'{"password": "hunter2"', "no valid JSON"),
    "not UTF-8": (JSON, b'{"a": "\xff"}', "no valid JSON"),
    "too deep": (JSON, b"[" * 127 + b"]" * 127, "nested too deep"),
    "too many fields": (FORM, b"a&" * 2_000, "more than 1000 fields"),
}


class Login(Struct):
    user_password: str
    more: list[dict[str, list[str]]]


tree = st.recursive(st.just(SECRET), lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner))


def record(**fields: Any) -> Record:
    given: dict[str, Any] = {
        "at": 1.0e9,
        "response_ms": 1.0,
        "status": 200,
        "method": "POST",
        "path": "/login",
        "query": b"",
        "headers": {},
        "body": None,
        "body_too_large": False,
        "user_id": None,
        "said": said(Annotations()),
    }
    return Record(**{**given, **fields})


def rendered(tally: Tally | None = None, settings: SettingFields | None = None, **fields: Any) -> dict[str, Any]:
    data = Rendering(Settings.build(**(settings or {})), tally or Tally(60)).line(record(**fields))
    parse(data)
    line: dict[str, Any] = msgspec.json.decode(data)
    return line


def sent(kind: bytes, *body: bytes, **fields: Any) -> Any:
    return rendered(headers=kept([(b"Content-Type", kind)]), body=b"".join(body), **fields)["request"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_hidden_however_it_is_written(name: str) -> None:
    data = msgspec.json.encode({"list": [{"deep": {name: {"more": SECRET}}}], "other": 1})
    assert sent(JSON, data) == {"body": {"list": [{"deep": {name: "[redacted]"}}], "other": 1}}
    assert sent(FORM, f"{name}={SECRET}&a=1&a=2&b=".encode()) == {
        "body": {name: "[redacted]", "a": ["1", "2"], "b": ""}
    }
    assert rendered(query=f"x=1&{name}={SECRET}".encode())["request"] == {"query": {"x": "1", name: "[redacted]"}}


def test_other_names_are_shown() -> None:
    shown = dict.fromkeys(OTHERS, "known")
    assert sent(JSON, msgspec.json.encode(shown)) == {"body": shown}


@pytest.mark.parametrize("name", NAMES)
def test_entities_and_what_they_hold_are_hidden_like_bodies(name: str) -> None:
    entities = {"city": "Bern", name: SECRET, "login": Login(SECRET, [{name: [SECRET]}])}
    line = rendered(said=said(Annotations(intent="log_in", entities=entities)))
    assert line["entities"] == {
        "city": "Bern",
        name: "[redacted]",
        "login": {"user_password": "[redacted]", "more": [{name: "[redacted]"}]},
    }
    assert SECRET not in str(line)


@given(st.text(max_size=40))
def test_a_name_of_any_letters_is_hidden_as_it_stands(name: str) -> None:
    hidden = Redaction([name]).value(msgspec.json.encode({name: 1}))
    assert hidden == {name: "[redacted]" if any(map(str.isalnum, name)) else 1}


def test_a_long_name_takes_no_long_time() -> None:
    assert sent(JSON, msgspec.json.encode({"a_" * 8_000: 1, "password" * 1_000: 2}))["body"].values()


def test_an_escaped_name_in_a_query_is_hidden() -> None:
    assert SECRET not in str(rendered(query=b"p%61ssword=hunter2"))


@given(tree)
def test_nothing_below_a_secret_name_is_seen(value: Any) -> None:
    data = msgspec.json.encode([{"Token": value}, {"a": {"b": [{"secret": value}]}}])
    assert SECRET not in str(sent(b"application/problem+json", data))


def test_the_names_can_be_chosen() -> None:
    settings: SettingFields = {"redact": ["email"]}
    body = sent(JSON, b'{"eMail": "a@b.c", "password": "known"}', settings=settings)["body"]
    assert body == {"eMail": "[redacted]", "password": "known"}


@pytest.mark.parametrize("case", OMITTED)
def test_what_cannot_be_read_is_left_out_and_said_so(case: str) -> None:
    kind, body, reason = OMITTED[case]
    assert sent(kind, body) == {"body_omitted": reason}


def test_a_compressed_body_is_left_out() -> None:
    line = rendered(headers={b"content-type": JSON, b"content-encoding": b"gzip"}, body=b"{}")
    assert line["request"] == {"body_omitted": "compressed"}


def test_a_body_above_the_limit_is_left_out() -> None:
    assert rendered(body=b"", body_too_large=True)["request"] == {"body_omitted": "more than 16384 bytes"}


def test_a_body_in_parts_is_read_as_one() -> None:
    assert sent(JSON, b'{"a": "\xc3', b'\xa9"}') == {"body": {"a": "é"}}


def test_without_capture_there_is_no_request() -> None:
    assert "request" not in rendered(settings={"capture_request": False}, query=b"a=1")


@pytest.mark.parametrize(
    "notes",
    [
        Annotations(action="a\nb"),
        Annotations(entities={"what": object()}),
        Annotations(entities={"text": "x" * MAX_LINE_BYTES}),
        Annotations(tool=7),  # type: ignore[arg-type] # what an application may get wrong
        Annotations(intent="\ud800"),
    ],
)
def test_what_a_handler_got_wrong_costs_its_words_and_not_the_line(notes: Annotations) -> None:
    tally = Tally(60)
    line = rendered(tally, said=said(notes))
    assert line.keys() == {"user_id", "endpoint", "method", "status", "response_ms", "at"}
    assert tally.counts.lines_mended == 1


def test_a_path_that_is_no_text_and_too_long_is_still_a_line() -> None:
    assert len(rendered(path="/\udcff" + "x" * 5_000)["endpoint"]) == 2_048


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"exclude": "health"}, "exclude"),
        ({"exclude": ["health"]}, "exclude"),
        ({"max_body_bytes": -1}, "max_body_bytes"),
        ({"max_lines": 0}, "max_lines"),
        ({"nats_url": "http://here"}, "nats"),
        ({"redacted": []}, "redacted"),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings: Any, field: str) -> None:
    with pytest.raises(InvalidValueError, match="expected") as refused:
        Settings.build(**settings)
    assert refused.value.field == field


def test_paths_are_excluded_with_what_is_below_them() -> None:
    settings = Settings.build(exclude=["/health/", "/"])
    assert [settings.excludes(path) for path in ("/health", "/health/live", "/healthy", "/", "/a")] == [
        *(True, True, False),
        *(True, False),
    ]


def test_secrets_have_names_by_default() -> None:
    assert {"password", "token", "api_key", "authorization"} <= set(REDACTED)
