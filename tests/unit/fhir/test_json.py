"""Strict JSON in, exact JSON out."""

from __future__ import annotations

import pytest

from shared.domain.fhir import json
from shared.errors import InputError

REFUSED = {
    "empty": b"",
    "blank": b" \n",
    "only a mark": b"\xef\xbb\xbf",
    "not JSON": b"{a:1}",
    "trailing comma": b'{"a":1,}',
    "two values": b"{} {}",
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "duplicate": b'{"a":1,"a":1}',
    "deep duplicate": b'{"a":{"b":1,"b":1}}',
    "lone surrogate": b'{"a":"\\uD83D"}',
    "lone surrogate in a name": b'{"\\udc00":1}',
    "raw surrogate": b'{"a":"\xed\xa0\x80"}',
    "bad UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "control character": b'{"a":"\x01"}',
    "beyond a double": b'{"a":1e400}',
    "endless exponent": b'{"a":0e99999999999999999999}',
    "long integer": b"[" + b"9" * 5_000 + b"]",
    "deep array": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "just too deep": b"[" * 66 + b"1" + b"]" * 66,
    "leading zero": b"[01]",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    with pytest.raises(InputError) as refused:
        json.decode(REFUSED[name])
    assert refused.value.issues[0].severity == "error"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b" <Patient/>", "XML is not supported: convert it to FHIR JSON"),
        (b"id,canary4711\n1,2", "does not look like JSON"),
        (b'{"resourceType":', "ends before the JSON is complete"),
        (b'{"id":"canary4711', "ends before the JSON is complete"),
        (b'[{"a":1},{"b"', "ends before the JSON is complete"),
        (b"{a:1}", "a mistake at line 1, column 2"),
        (b"[1]", "This is an array of resources: send a Bundle"),
        (b"7", "A JSON object is expected"),
    ],
)
def test_says_what_a_body_is_instead_and_nothing_that_is_in_it(body: bytes, said: str) -> None:
    with pytest.raises(InputError) as refused:
        json.decode_object(body)
    assert said in refused.value.issues[0].text
    assert "canary" not in refused.value.issues[0].text


@pytest.mark.parametrize(
    "text",
    ["1.10", "1e-7", "0.0", "1E5", "-0.50", "100000000000000000000.1", "123", "3.14159265358979323846"],
)
def test_numbers_keep_their_digits(text: str) -> None:
    assert json.encode(json.decode(f'{{"v":{text}}}')) == f'{{"v":{text}}}'


@pytest.mark.parametrize("text", ['"é"', '"😀"', '"\\\\ud800"', '"\\u0000"'])
def test_strings_come_back_as_they_were(text: str) -> None:
    value = json.decode(f'{{"a":{text}}}')
    assert json.decode(json.encode(value)) == value


def test_a_byte_order_mark_is_skipped_and_escaped_pairs_are_one_character() -> None:
    assert json.decode(b'\xef\xbb\xbf{"a":"\\ud83d\\ude00"}') == {"a": "😀"}


def test_an_object_is_asked_for() -> None:
    with pytest.raises(InputError):
        json.decode_object(b"[]")


def test_content_is_equal_whatever_the_order_and_the_server_meta() -> None:
    one = json.decode('{"resourceType":"Basic","meta":{"versionId":"1","lastUpdated":"x"},"n":1.0}')
    two = json.decode('{"n":1.0,"resourceType":"Basic"}')
    other = json.decode('{"n":1.00,"resourceType":"Basic"}')
    assert json.content_hash(one) == json.content_hash(two) != json.content_hash(other)
