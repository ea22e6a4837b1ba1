import msgspec
import pytest

from callboard.events.errors import InvalidValueError
from callboard.events.submission import parse


def refusal(data: bytes) -> InvalidValueError:
    with pytest.raises(InvalidValueError) as refused:
        parse(data)
    return refused.value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty body"),
        (b" ", "expected a JSON object"),
        (b"hello", "expected a JSON object"),
        (b"{", "expected a JSON object"),
        (b'{"input":1', "expected a JSON object"),
        (b'{"input":1}}', "expected a JSON object"),
        (b'{"input":1,}', "expected a JSON object"),
        (b"{'input':1}", "expected a JSON object"),
        (b'\xef\xbb\xbf{"input":1}', "expected a JSON object"),
        (b'{"input":"line\nbreak"}', "expected a JSON object"),
        (b'{"input":"nul \x00"}', "expected a JSON object"),
        (b'{"input":NaN}', "expected a JSON object"),
        (b'{"input":-Infinity}', "expected a JSON object"),
        (b'{"input":01}', "expected a JSON object"),
        (b'{"input":"\\ud800"}', "expected a JSON object"),
        (b'{"input":"\\udc00\\ud800"}', "expected a JSON object"),
        (b'{"input":{"\\ud800":1}}', "expected a JSON object"),
        (b'{"input":1,"metadata":{"a":"\\ud800"}}', "expected a JSON object"),
        (b'{"input":1,"metadata":{"a":NaN}}', "expected a JSON object"),
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (b'"text"', "Expected `object`, got `str`"),
    ],
)
def test_what_is_not_a_json_object_is_refused(data: bytes, message: str) -> None:
    error = refusal(data)
    assert message in str(error)
    assert error.field is None


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b'{"input":"\xff"}',
        b'{"input":{"k\xc3":1}}',
        b'{"input":"\xed\xa0\x80"}',
        b'{"input":"\xc0\x80"}',
        b'{"input":1,"kind":"\xe2\x82"}',
        b'{"input":1,"metadata":{"\xfe":1}}',
        b'{"input":1,"in\xffput":1}',
        '{"input":1}'.encode("utf-16"),
    ],
)
def test_bytes_that_are_not_utf8_are_refused_wherever_they_stand(data: bytes) -> None:
    assert "expected UTF-8, got byte" in str(refusal(data))


@pytest.mark.parametrize("value", [b"1e400", b"-1e400", b'[1,{"a":1e309}]', b"9" * 5_000, b"9" * 400 + b".5"])
def test_a_number_that_no_reader_can_hold_is_refused_in_the_input_too(value: bytes) -> None:
    error = refusal(b'{"input":' + value + b"}")
    assert error.field == "input"
    assert "out of range" in str(error)
    assert refusal(b'{"input":1,"metadata":{"a":' + value + b"}}").field == "metadata"
    assert refusal(b'{"input":1,"delivery":[{"channel":"log","a":' + value + b"}]}").field == "delivery[0]"


@pytest.mark.parametrize("depth", [200, 5_000, 100_000])
@pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_json_nested_too_deep_is_refused(depth: int, left: bytes, right: bytes) -> None:
    nested = left * depth + b"1" + right * depth
    for data in (nested, b'{"input":' + nested + b"}", b'{"input":1,"metadata":{"a":' + nested + b"}}"):
        assert str(refusal(data)) == "expected JSON nested at most 128 deep"
    assert str(refusal(left * depth)) == "expected JSON nested at most 128 deep"


def test_json_is_taken_up_to_the_limit_of_its_depth() -> None:
    value = b"[" * 127 + b"]" * 127
    assert bytes(parse(b'{"input":' + value + b"}").input) == value
    assert "deep" in str(refusal(b'{"input":' + b"[" * 128 + b"]" * 128 + b"}"))


def test_brackets_inside_of_strings_are_text() -> None:
    value = msgspec.json.encode("[{" * 5_000 + '\\"[' * 500)
    assert bytes(parse(b'{"input":' + value + b"}").input) == value


def test_many_brackets_side_by_side_are_not_deep() -> None:
    value = b"[" + b",".join([b'{"a":[]}'] * 1_000) + b"]"
    assert bytes(parse(b'{"input":' + value + b"}").input) == value
