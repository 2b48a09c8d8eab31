"""The values of FHIR's primitive types: JSON kind, form, range and calendar.

https://hl7.org/fhir/R4/datatypes.html#primitive

Every expression here runs in time linear in its input: no alternative of a repetition can begin as another does,
and in little memory: repeated groups are possessive, or each round would keep a way back, a hundred bytes for each.
The published expressions are read as XML Schema reads them, where `\\S` is anything but space, tab and line ends,
so that a no-break space is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from shared.domain.fhir.fhirpath.temporal import days_in_month

MAX_STRING_CHARACTERS: Final = 1024 * 1024
"""https://hl7.org/fhir/R4/datatypes.html#string: strings SHALL NOT exceed 1MB."""

_YEAR: Final = r"(?!0000)\d{4}"
_ZONE: Final = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_CLOCK: Final = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_DAY: Final = rf"({_YEAR})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"

_DATE: Final = rf"{_DAY}|{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_DATE_TIME: Final = rf"{_DAY}(?:T{_CLOCK}{_ZONE})?|{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_INSTANT: Final = rf"{_DAY}T{_CLOCK}{_ZONE}"
_ID: Final = r"[A-Za-z0-9\-.]{1,64}"
_CODE: Final = r"[^ \t\r\n\f\v]++(?: [^ \t\r\n\f\v]++)*+"
_OID: Final = r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*+))++"
_UUID: Final = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]++={0,2}")
"""Where the length is a multiple of four: to ask each group of four takes ten times as long."""
_SPACE: Final = re.compile(r"[ \t\r\n\f\v]")
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")
_ACTIVE: Final = (
    r"<(?:script|iframe|object|embed|applet|svg|style|link|meta|form)[\s/>]"
    r"|<[a-z][^<>]{0,200}?\son[a-z]{2,20}\s*="
)


@cache
def _matcher(expression: str, flags: int = re.ASCII) -> re.Pattern[str]:
    """Compiled when it is first needed: to compile all takes a tenth of what the validator takes to load."""
    return re.compile(expression, flags)


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with one value: `rule` is stable, `text` for a person and without the value."""

    rule: str
    text: str
    severity: str = "error"
    code: str = "value"


_NOT_STRING: Final = Fault("json-string", "This element must be a JSON string, in double quotes.")
_NOT_BOOLEAN: Final = Fault("json-boolean", "This element must be true or false, without quotes.")
_NOT_NUMBER: Final = Fault("json-number", "This element must be a JSON number, without quotes.")
_NOT_WHOLE: Final = Fault(
    "json-integer", "This element must be a whole JSON number, without decimal point or exponent."
)
_EMPTY: Final = Fault("json-empty", "A string must not be empty: leave the element out.")
_TOO_LONG: Final = Fault("string-length", "A string must not be longer than 1 MB (1,048,576 characters).")
_HAS_CONTROL: Final = Fault(
    "string-control",
    "A string must not hold control characters other than tab, line feed and carriage return.",
)
_BLANK: Final = Fault(
    "string-blank", "A string should hold more than white space: leave the element out.", "warning"
)
_EMBEDDED: Final = Fault(
    "string-markup",
    "The text looks like it holds HTML tags: software that shows it unescaped is at risk.",
    "warning",
)
_SCRIPTED: Final = Fault(
    "string-active",
    "The text holds HTML that runs or loads something where it is shown unescaped: only narratives hold markup.",
)
_BLANK_URI: Final = Fault("uri-space", "A URI must not hold white space.")


def primitive_fault(type_name: str, value: Any) -> Fault | None:
    """What is wrong with `value` as a `type_name`, the gravest first; None where nothing is.

    A name that is no primitive type of R4 raises KeyError.
    """
    return _CHECKS[type_name](value)


def is_primitive(type_name: str) -> bool:
    """Whether `type_name` is one of R4's primitive types."""
    return type_name in _CHECKS


def is_absolute(uri: str) -> bool:
    """Whether the URI begins with a scheme: `http://…`, `urn:oid:…`."""
    return _SCHEME.match(uri) is not None


def looks_like_markup(text: str) -> bool:
    """Whether a tag may open in `text`: `<b`, `</`, `<!`; `a < b` and `<5` do not."""
    return _MARKUP.search(text) is not None


def _boolean(value: Any) -> Fault | None:
    return None if isinstance(value, bool) else _NOT_BOOLEAN


def _whole(low: int, high: int, words: str) -> Callable[[Any], Fault | None]:
    beyond = Fault("integer-range", words)

    def check(value: Any) -> Fault | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return _NOT_WHOLE
        return None if low <= value <= high else beyond

    return check


def _decimal(value: Any) -> Fault | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return _NOT_NUMBER
    finite = value == value and value not in (float("inf"), float("-inf"))  # noqa: PLR0124 - NaN is not itself
    return None if finite else _NOT_NUMBER


def _any_text(value: Any) -> Fault | None:
    if not isinstance(value, str):
        return _NOT_STRING
    if not value:
        return _EMPTY
    if len(value) > MAX_STRING_CHARACTERS:
        return _TOO_LONG
    return _HAS_CONTROL if _CONTROL.search(value) else None


def _string(value: Any) -> Fault | None:
    found = _any_text(value)
    if found is None:
        if not value.strip():
            return _BLANK
        if looks_like_markup(value):
            return _SCRIPTED if _matcher(_ACTIVE, re.IGNORECASE).search(value) else _EMBEDDED
    return found


def _markdown(value: Any) -> Fault | None:
    found = _any_text(value)
    return _BLANK if found is None and not value.strip() else found


def _formed(expression: str, rule: str, words: str) -> Callable[[Any], Fault | None]:
    malformed = Fault(rule, words)

    def check(value: Any) -> Fault | None:
        if not isinstance(value, str):
            return _NOT_STRING
        if not value:
            return _EMPTY
        if len(value) > MAX_STRING_CHARACTERS:
            return _TOO_LONG
        return None if _matcher(expression).fullmatch(value) else malformed

    return check


def _dated(expression: str, rule: str, words: str) -> Callable[[Any], Fault | None]:
    malformed = Fault(rule, words)
    impossible = Fault(f"{rule}-calendar", "This day does not exist in the calendar.")

    def check(value: Any) -> Fault | None:
        if not isinstance(value, str):
            return _NOT_STRING
        if not value:
            return _EMPTY
        match = _matcher(expression).fullmatch(value)
        if match is None:
            return malformed
        year, month, day = match.group(1, 2, 3)
        return impossible if day and int(day) > days_in_month(int(year), int(month)) else None

    return check


_BAD_OID: Final = Fault("uri-oid", "urn:oid: must be followed by an OID: digits and dots, such as 1.2.3.")
_BAD_UUID: Final = Fault(
    "uri-uuid", "urn:uuid: must be followed by a UUID: 32 hexadecimal digits in five groups."
)
_BARE_NAME: Final = Fault("uri-urn", "An OID or UUID as a URI begins with urn:oid: or urn:uuid:.")


def _uri(value: Any) -> Fault | None:
    found = _any_text(value)
    if found is not None:
        return found
    if _SPACE.search(value):
        return _BLANK_URI
    if value.startswith("urn:oid:"):
        return None if _matcher(_OID).fullmatch(value) else _BAD_OID
    if value.startswith("urn:uuid:"):
        return None if _matcher(_UUID, re.IGNORECASE | re.ASCII).fullmatch(value) else _BAD_UUID
    return _BARE_NAME if value.startswith(("oid:", "uuid:")) else None


def _canonical(value: Any) -> Fault | None:
    """A URI that a version may follow: `urn:oid:1.2.3|4.0.1`."""
    return _uri(value.partition("|")[0] or value if isinstance(value, str) else value) or (
        _BLANK_URI if _SPACE.search(value) else None
    )


def _base64(value: Any) -> Fault | None:
    if not isinstance(value, str):
        return _NOT_STRING
    if not value:
        return _EMPTY
    if len(value) % 4 == 0 and _BASE64.fullmatch(value):
        return None
    packed = _SPACES.sub("", value)
    return None if len(packed) % 4 == 0 and _BASE64.fullmatch(packed) else _BAD_BASE64


_BAD_BASE64: Final = Fault(
    "base64Binary", "Base64 is letters, digits, + and / in groups of four, padded with = at the end only."
)


def _xhtml(value: Any) -> Fault | None:
    """The text of a narrative is judged by `shared.domain.fhir.narrative`."""
    return None if isinstance(value, str) else _NOT_STRING


_CHECKS: Final[dict[str, Callable[[Any], Fault | None]]] = {
    "boolean": _boolean,
    "integer": _whole(-(2**31), 2**31 - 1, "An integer lies between -2,147,483,648 and 2,147,483,647."),
    "unsignedInt": _whole(0, 2**31 - 1, "An unsignedInt lies between 0 and 2,147,483,647."),
    "positiveInt": _whole(1, 2**31 - 1, "A positiveInt lies between 1 and 2,147,483,647."),
    "decimal": _decimal,
    "string": _string,
    "markdown": _markdown,
    "uri": _uri,
    "url": _uri,
    "canonical": _canonical,
    "base64Binary": _base64,
    "xhtml": _xhtml,
    "date": _dated(_DATE, "date", "A date is written YYYY, YYYY-MM or YYYY-MM-DD."),
    "dateTime": _dated(
        _DATE_TIME,
        "dateTime",
        "A dateTime is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz; a time needs seconds and zone.",
    ),
    "instant": _dated(
        _INSTANT, "instant", "An instant is written YYYY-MM-DDThh:mm:ss+zz:zz, with seconds and time zone."
    ),
    "time": _formed(_CLOCK, "time", "A time is written hh:mm:ss, 24 hours, without time zone."),
    "code": _formed(
        _CODE,
        "code",
        "A code has no white space at its ends and none but single spaces within.",
    ),
    "id": _formed(_ID, "id", "An id is 1 to 64 letters (A-Z, a-z), digits, hyphens and dots."),
    "oid": _formed(_OID, "oid", "An oid is written urn:oid: and digits in groups with dots."),
    "uuid": _formed(
        _UUID, "uuid", "A uuid is written urn:uuid: and 32 lower-case hexadecimal digits in five groups."
    ),
}
