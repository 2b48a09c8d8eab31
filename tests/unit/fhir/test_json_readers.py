"""The quick reader and the strict one give one answer to every text."""

from __future__ import annotations

import copy
import json as stdlib
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.fhir import json
from shared.errors import InputError

_CHARACTERS = st.sampled_from([*':{}[]",\\/ \n\t01eE.-+au', "é", "😀", "\u2028", "\x00", "\x7f"])
_STRINGS = st.text(_CHARACTERS, max_size=6)
_NAMES = st.sampled_from(["a", "b", ":", "a:b", "é", "\\", '"', "\\u003a"]) | _STRINGS
_NUMBERS = st.sampled_from(
    ["0", "-0", "-0.0", "1.10", "1e-7", "1E5", "1E+400", "18446744073709551616", "-9223372036854775809"]
)
_LEAVES = st.none() | st.booleans() | _NUMBERS.map(lambda text: (text,)) | _STRINGS
_SPACES = st.sampled_from(["", "", " ", "\n", "\t \r\n"])


class Pairs(list[tuple[str, Any]]):
    """An object that may have a name twice."""


_VALUES: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(_NAMES, inner), max_size=4).map(Pairs),
    max_leaves=20,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """JSON texts with doubled names, strange spaces and any kind of escape."""
    space = draw(_SPACES)
    escape_colons, ascii_only = draw(st.booleans()), draw(st.booleans())

    def string(value: str) -> str:
        text = stdlib.dumps(value, ensure_ascii=ascii_only)
        return text.replace(":", "\\u003a" if len(text) % 2 else "\\u003A") if escape_colons else text

    def write(value: Any) -> str:
        if isinstance(value, Pairs):
            inner = f"{space},".join(f"{space}{string(name)}{space}:{write(each)}" for name, each in value)
            return "{" + inner + space + "}"
        if isinstance(value, list):
            return "[" + f",{space}".join(map(write, value)) + space + "]"
        if isinstance(value, tuple):
            return str(value[0])
        return string(value) if isinstance(value, str) else stdlib.dumps(value)

    return write(draw(_VALUES))


def outcome(read: Any, text: bytes) -> Any:
    """What was read, digit for digit and in its order, or what was said of the text."""
    try:
        return json.encode(read(text))
    except InputError as refused:
        return refused.issues


@given(texts())
@settings(max_examples=250, deadline=None, derandomize=True)
def test_both_readers_agree_on_texts_with_doubled_names(text: str) -> None:
    body = text.encode()
    assert outcome(json.decode, body) == outcome(json._decode_strictly, body)


@given(texts(), st.integers(0, 200), st.binary(max_size=3))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_both_readers_agree_on_damaged_texts(text: str, at: int, put: bytes) -> None:
    body = text.encode()
    damaged = body[: at % (len(body) + 1)] + put + body[at % (len(body) + 1) + 1 :]
    assert outcome(json.decode, damaged) == outcome(json._decode_strictly, damaged)


@given(texts())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_text_is_whole_only_if_no_name_came_twice(text: str) -> None:
    """The colons against the standard library's own hook."""
    doubled = False

    def see(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        doubled = doubled or len(dict(pairs)) < len(pairs)
        return dict(pairs)

    stdlib.loads(text, object_pairs_hook=see)
    read = outcome(json.decode, text.encode())
    assert isinstance(read, str) is not doubled or any("number" in issue.text for issue in read)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("depth", [1, 63, 64, 65, 66, 200, 300, 2_000])
@pytest.mark.parametrize("inner", ["1", '"\\n' + " " * 140 + '"', ""])
def test_depth_is_counted_alike(opening: str, closing: str, depth: int, inner: str) -> None:
    if not inner and opening != "[":
        inner = "{}"
    body = (opening * depth + inner + closing * depth).encode()
    assert outcome(json.decode, body) == outcome(json._decode_strictly, body)


@pytest.mark.parametrize("depth", [64, 65])
def test_depth_is_counted_in_long_texts(depth: int) -> None:
    body = f'["{"x" * 200_000}",{"[" * (depth - 1)}1{"]" * (depth - 1)}]'.encode()
    assert outcome(json.decode, body) == outcome(json._decode_strictly, body)


def test_a_copied_decimal_keeps_its_digits() -> None:
    number = json.decode('{"v":1.10}')["v"]
    for other in (copy.copy(number), copy.deepcopy(number), pickle.loads(pickle.dumps(number))):
        assert str(other) == "1.10"
