"""Strict JSON in, exact JSON out: decimals keep their digits, duplicates and non-JSON numbers are refused.

RFC 8259 and https://hl7.org/fhir/R4/json.html

Two readers with one meaning. msgspec takes a seventh of the time, but keeps the last of two equal names and has no limits:
what it read is taken only if it can be shown that nothing was lost. Every other text, and every wrong one, is read by
simplejson with hooks, which says what is wrong and where.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
import orjson

from shared.domain.fhir.outcome import Issue, error
from shared.errors import InputError

if TYPE_CHECKING:
    from simplejson import JSONDecodeError

MAX_DEPTH: Final = 64
"""Levels of nesting. The deepest official R4 example has 21; https://hl7.org/fhir/R4/ sets no limit."""

_BOM: Final = b"\xef\xbb\xbf"
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPED_COLON: Final = re.compile(rb"\\u003[aA]")
MAX_INTEGER_DIGITS: Final = 308
"""Within a double's range, as decimals must be too."""
_FEW_VALUES: Final = 100_000
_MANY_VALUES: Final = 4_000_000
_BYTES_A_VALUE: Final = 6
"""Bundles have 23 bytes a value, lists of bare codes seven; `[{},{},…` has less than two and takes thirty times its size."""


class ExactDecimal(Decimal):
    """A decimal that is written as it was read: `1.10` stays `1.10`, `1e-7` stays `1e-7`."""

    __slots__ = ("text",)
    text: str

    def __str__(self) -> str:
        return self.text

    def __copy__(self) -> ExactDecimal:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ExactDecimal:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _decimal, (self.text,)


def _decimal(text: str) -> ExactDecimal:
    try:
        # Without an exponent no number of this length can leave a double's range.
        if (len(text) > MAX_INTEGER_DIGITS or "e" in text or "E" in text) and not math.isfinite(float(text)):
            raise _refuse("A number is too large for any FHIR type.")
        number = ExactDecimal(text)
    except InvalidOperation:
        raise _refuse("A number has an exponent beyond any FHIR type.") from None
    number.text = text
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise _refuse("A number has too many digits for any FHIR type.")
    return int(text)


def _constant(_: str) -> NoReturn:
    raise _refuse("NaN and Infinity are not JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _refuse("An object has the same property twice.")
    return result


def _refuse(text: str, *, code: str = "structure") -> InputError:
    issue: Issue = error(code, text, rule="json")
    return InputError(text, issues=[issue])


_QUICK: Final = msgspec.json.Decoder(float_hook=_decimal)
_TOO_FAR_IN: Final = b"\n" + b"  " * (MAX_DEPTH + 1)


# simplejson is loaded when it is first needed: few processes ever read a text that is wrong.
@cache
def _strict_decoder() -> Any:
    import simplejson

    return simplejson.JSONDecoder(
        object_pairs_hook=_object,
        parse_float=_decimal,
        parse_int=_integer,
        parse_constant=_constant,
        strict=True,
    )


@cache
def _large_integers(*, in_order: bool) -> Any:
    import simplejson

    return simplejson.JSONEncoder(
        separators=(",", ":"),
        ensure_ascii=False,
        use_decimal=True,
        allow_nan=False,
        check_circular=False,
        sort_keys=in_order,
    )


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _dump(value: Any, *, in_order: bool) -> bytes:
    """orjson takes a tenth of simplejson's time and no integer beyond 64 bits: for those simplejson writes."""
    try:
        return orjson.dumps(value, _number, option=orjson.OPT_SORT_KEYS if in_order else None)
    except orjson.JSONEncodeError:
        text: str = _large_integers(in_order=in_order).encode(value)
        return text.encode("utf-8", "surrogatepass")


def decode(body: bytes | str) -> Any:
    """The JSON value of `body` (UTF-8 when bytes; a byte order mark is skipped).

    Raises InputError (400) for anything that is not exactly one JSON text: other encodings, duplicate properties,
    NaN, numbers beyond a double's range, lone surrogates, more than `MAX_DEPTH` levels, more values than a text of this
    length has in FHIR.
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if raw.startswith(_BOM):
        raw = raw[len(_BOM) :]
    _refuse_crowd(raw)
    try:
        value = _QUICK.decode(raw)
        if _is_whole(raw, value):
            return value
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InputError):
        pass
    return _decode_strictly(raw)


def _is_whole(raw: bytes, value: Any) -> bool:
    """Whether `value` holds every property of `raw` and is not too deep: True is certain, False is not.

    Written again, the value has as many colons as the text unless a property was dropped, which takes at least its own with
    it: those of the strings are the same on both sides, because only `\\u003a` writes one as an escape. And in an indented
    text, where no string holds a bare line break, what lies deeper than `MAX_DEPTH` follows a break and its indentation.
    """
    if b"\\u003" in raw and _ESCAPED_COLON.search(raw):
        return False
    long = len(raw) > _FEW_VALUES
    try:
        # `bool` answers for each decimal: its digits do not matter here.
        text = orjson.dumps(value, bool, None if long else orjson.OPT_INDENT_2)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, or far too deep
        return False
    if text.count(b":") != raw.count(b":"):
        return False
    if not long:
        return _TOO_FAR_IN not in text
    _refuse_depth(value)  # an indented copy could be a hundred times as large
    return True


def _decode_strictly(raw: bytes) -> Any:
    import simplejson

    if not raw.strip():
        raise _refuse("The body is empty: a JSON object is expected.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _refuse("The body is not UTF-8, which FHIR JSON must be.") from None
    try:
        value = _strict_decoder().decode(text)
    except RecursionError:
        raise _too_deep() from None
    except simplejson.JSONDecodeError as failure:
        raise _not_json(text, failure) from None
    if _ESCAPED_SURROGATE.search(raw):
        _refuse_lone_surrogates(value)
    _refuse_depth(value)
    return value


def _not_json(text: str, failure: JSONDecodeError) -> InputError:
    """What the text is instead, as far as its first and its last character tell."""
    first = text.lstrip()[0]
    where = f"line {failure.lineno}, column {failure.colno}"
    if first == "<":
        return _refuse("XML is not supported: convert it to FHIR JSON.", code="not-supported")
    if first not in "{[":
        return _refuse("It does not look like JSON: it begins with neither { nor [.")
    if failure.pos >= len(text.rstrip()) or failure.msg.startswith("Unterminated string"):
        return _refuse(f"Not JSON: it ends before the JSON is complete, at {where}.")
    return _refuse(f"Not JSON: a mistake at {where}.")


def decode_object(body: bytes | str) -> dict[str, Any]:
    """As `decode`, and the value must be an object."""
    value = decode(body)
    if isinstance(value, list):
        raise _refuse("This is an array of resources: send a Bundle, or NDJSON with one resource a line.")
    if not isinstance(value, dict):
        raise _refuse("A JSON object is expected.")
    return value


def decode_own(text: bytes) -> dict[str, Any]:
    """An object that this platform wrote: a raw line holds whatever arrived, whose crowd of values is text in it."""
    value: dict[str, Any] = _strict_decoder().decode(text.decode("utf-8"))
    return value


def _too_deep() -> InputError:
    return _refuse(f"The JSON is nested more than {MAX_DEPTH} levels deep.", code="too-costly")


def _refuse_crowd(raw: bytes) -> None:
    """Before anything is built: counting bytes costs a thousandth of decoding them."""
    if len(raw) > _FEW_VALUES:
        values = raw.count(b",") + raw.count(b"{") + raw.count(b"[")
        if values > min(_MANY_VALUES, max(_FEW_VALUES, len(raw) // _BYTES_A_VALUE)):
            raise _refuse(
                "The JSON has far more values than FHIR of its length: send less.", code="too-costly"
            )


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                below.extend(node.values())
            elif type(node) is list:
                below.extend(node)
        if not below:
            return
        level = below
    raise _too_deep()


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        _large_integers(in_order=False).encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise _refuse("A string holds half of a surrogate pair, which is not a character.") from None


def encode(value: Any) -> str:
    """Compact JSON text, keys in the order they have, decimals as they were read."""
    return _dump(value, in_order=False).decode("utf-8", "surrogatepass")


def content_hash(resource: dict[str, Any]) -> str:
    """SHA-256 over the resource with sorted keys, without `meta.versionId` and `meta.lastUpdated`: equality of content."""
    import hashlib

    meta = resource.get("meta")
    if isinstance(meta, dict) and ("versionId" in meta or "lastUpdated" in meta):
        kept = {key: value for key, value in meta.items() if key not in ("versionId", "lastUpdated")}
        resource = {**resource, "meta": kept} if kept else {k: v for k, v in resource.items() if k != "meta"}
    return hashlib.sha256(_dump(resource, in_order=True)).hexdigest()
