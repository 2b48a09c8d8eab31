"""JSON kept as it arrived: strict reading, system properties cut off and put on, digits preserved.

https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from json.scanner import make_scanner
from typing import Any, NoReturn, cast

from .errors import bad_request

SYSTEM_NAMES = ("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn")
# Clients send back what they read, so our own properties usually are the last members of the text.
_TRAILING_SYSTEM = re.compile(
    rb'(?:,\s*"_(?:rid|self|etag|attachments|ts|lsn)"\s*:\s*(?:"(?:[^"\\]|\\.)*"|\d+)\s*)+\}$'
)
_TAIL_BYTES = 1024
# A number that would lose digits travels through the encoder as a marked string.
_MARK = "\x00#"
_MARKED = re.compile(rb'"\\u0000#([^"]*)"')


class DigitWatch:
    """Reads fractions as floats and remembers whether one of them would be written otherwise.

    What no double holds is refused: written again it would be no JSON.
    """

    __slots__ = ("rough",)

    def __init__(self) -> None:
        self.rough = False

    def __call__(self, text: str) -> float:
        number = float(text)
        if repr(number) != text:
            if math.isinf(number):
                raise ValueError("a number beyond the largest double")
            self.rough = True
        return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_watch = DigitWatch()
_reader = json.JSONDecoder(parse_constant=_refuse, parse_float=_watch)
_keeping_reader = json.JSONDecoder(parse_float=lambda text: _MARK + text)
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def invalid() -> Exception:
    """Returns the 400 for a body that is not JSON."""
    return bad_request("The request payload is invalid. Ensure to provide a valid request payload.")


def decode(raw: bytes) -> str:
    """Returns the text of a body."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid() from None


def parse(raw: bytes | str) -> Any:
    """Returns the value of a strict JSON text; raises the service's 400 where it is none."""
    return parse_watched(raw)[0]


def parse_watched(raw: bytes | str) -> tuple[Any, bool]:
    """Returns the value and whether writing it again would change the digits of a number."""
    text = decode(raw) if isinstance(raw, bytes) else raw
    _watch.rough = False
    try:
        return _reader.decode(text), _watch.rough
    except (ValueError, RecursionError):
        raise invalid() from None


def value_of(text: str) -> Any:
    """Returns the value of a strict JSON text; raises ValueError where it is none."""
    try:
        return _reader.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_keeping_digits(raw: bytes) -> Any:
    """Returns the value with each fraction as a marked string, for `dump_keeping_digits`."""
    return _keeping_reader.decode(raw.decode("utf-8", "surrogatepass"))


def is_kept_number(value: Any) -> bool:
    """Returns whether the value is a fraction read by `parse_keeping_digits`."""
    return isinstance(value, str) and value.startswith(_MARK)


def number_of(value: Any) -> Any:
    """Returns the number behind a kept fraction, anything else as it is."""
    return float(value[len(_MARK) :]) if is_kept_number(value) else value


def dump(value: Any) -> bytes:
    """Returns the compact text of a value."""
    return _encode(value).encode()


def dump_keeping_digits(value: Any) -> bytes:
    """Returns the compact text of a value read by `parse_keeping_digits`, its digits as they came."""
    return _MARKED.sub(rb"\1", dump(value))


def without_system(raw: bytes, document: dict[str, Any]) -> bytes:
    """Returns the object's text without system properties, and takes them out of `document` too."""
    present = [name for name in SYSTEM_NAMES if name in document]
    if not present:
        return raw
    for name in present:
        del document[name]
    tail = _TRAILING_SYSTEM.search(raw, max(0, len(raw) - _TAIL_BYTES))
    if tail and tail.group().count(b'"_') >= len(present):
        cut = raw[: tail.start()] + b"}"
        if not any(name in parse(cut) for name in present):
            return cut
    kept = parse_keeping_digits(raw)
    for name in present:
        del kept[name]
    return dump_keeping_digits(kept)


def with_members(raw: bytes, members: bytes) -> bytes:
    """Returns a non-empty object's text with further members (`"a":1,"b":2`) at its end."""
    return raw[:-1] + b"," + members + b"}"


Member = tuple[Any, bool, int, int]


def array_of_objects(text: str) -> Iterator[dict[str, Member]]:
    """Yields each object of a JSON array as name → (value, rough, start and end of the value's own text).

    One level is walked here, what is below is left to the fast scanner.
    """
    try:
        at = _match(_OPENING, text, 0).end()
        if text[at - 1] == "]":
            _match(_END, text, at)
            return
        while True:
            members, at = _members(text, at)
            yield members
            separator = _match(_SEPARATOR, text, at)
            at = separator.end()
            if separator.group(1) == "]":
                _match(_END, text, at)
                return
            at = _match(_OBJECT, text, at).end()
    except (ValueError, RecursionError, StopIteration):
        raise invalid() from None


_OPENING = re.compile(r"\s*\[\s*[\]{]")
_OBJECT = re.compile(r"\s*\{")
_NAME = re.compile(r'\s*"([^"\\]*)"\s*:\s*')
_SEPARATOR = re.compile(r"\s*([,}\]])")
_END = re.compile(r"\s*\Z")
_scan: Callable[[str, int], tuple[Any, int]] = cast(Any, make_scanner)(_reader)


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    found = pattern.match(text, at)
    if found is None:
        raise ValueError(at)
    return found


def _members(text: str, at: int) -> tuple[dict[str, Member], int]:
    """Returns the members of the object whose brace was just read, and where it ends."""
    members: dict[str, Member] = {}
    mark = ","
    while mark == ",":
        name = _NAME.match(text, at)
        if name is None:
            if members:
                raise ValueError(at)
            return members, _match(re.compile(r"\s*}"), text, at).end()
        start = name.end()
        _watch.rough = False
        value, at = _scan(text, start)
        members[name.group(1)] = value, _watch.rough, start, at
        separator = _match(_SEPARATOR, text, at)
        at, mark = separator.end(), separator.group(1)
    if mark != "}":
        raise ValueError(at)
    return members, at
