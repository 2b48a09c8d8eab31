"""http://hl7.org/fhirpath/N1/#string-manipulation, and the additions of https://build.fhir.org/ig/HL7/FHIRPath/"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, Final

from shared.domain.fhir.fhirpath.element import EMPTY, Items
from shared.domain.fhir.fhirpath.environment import Environment, require_text
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.registry import (
    Arguments,
    Operation,
    function,
    one_integer,
    one_item,
    one_text,
)


def _of_texts(name: str, apply: Callable[..., Any], count: int) -> None:
    """Registers `apply(text, *arguments)` of `count` texts; empty if any of them is."""

    def bind(arguments: Arguments) -> Operation:
        def operate(env: Environment, items: Items, this: Items) -> Items:
            texts = [one_text(items), *(one_text(argument.items(env, this)) for argument in arguments)]
            return EMPTY if None in texts else env.spend_text(one_item(apply(*texts)))

        return operate

    function(name, count)(bind)


def _replace(text: str, pattern: str, substitution: str) -> str:
    require_text(len(text) + text.count(pattern) * max(len(substitution) - len(pattern), 0))
    return text.replace(pattern, substitution)


def _encode(text: str, form: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    require_text(len(raw) * 2)
    if form == "hex":
        return raw.hex()
    if form == "base64":
        return base64.b64encode(raw).decode("ascii")
    if form == "urlbase64":
        return base64.urlsafe_b64encode(raw).decode("ascii")
    raise FhirPathError("encode() and decode() know the forms hex, base64 and urlbase64.")


def _decode(text: str, form: str) -> str:
    readers: dict[str, Callable[[str], bytes]] = {
        "hex": bytes.fromhex,
        "base64": lambda coded: base64.b64decode(coded, validate=True),
        "urlbase64": lambda coded: base64.b64decode(coded, altchars=b"-_", validate=True),
    }
    if form not in readers:
        raise FhirPathError("encode() and decode() know the forms hex, base64 and urlbase64.")
    try:
        return readers[form](text).decode("utf-8")
    except ValueError:
        raise FhirPathError("decode() is given a text that is not in the form it names.") from None


def _escape(text: str, target: str) -> str:
    require_text(len(text) * 6)
    if target == "html":
        import html

        return html.escape(text)
    if target == "json":
        return json.dumps(text, ensure_ascii=False)[1:-1]
    raise FhirPathError("escape() and unescape() know the targets html and json.")


_JSON_ESCAPE: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_JSON_SIGNS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescape(text: str, target: str) -> str:
    if target == "html":
        import html

        return html.unescape(text)
    if target == "json":
        return _JSON_ESCAPE.sub(_unescaped, text)
    raise FhirPathError("escape() and unescape() know the targets html and json.")


def _unescaped(match: re.Match[str]) -> str:
    code, sign = match.groups()
    return chr(int(code, 16)) if code else _JSON_SIGNS.get(sign, sign)


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


_of_texts("indexOf", str.find, 1)
_of_texts("lastIndexOf", str.rfind, 1)
_of_texts("startsWith", str.startswith, 1)
_of_texts("endsWith", str.endswith, 1)
_of_texts("contains", str.__contains__, 1)
_of_texts("upper", str.upper, 0)
_of_texts("lower", str.lower, 0)
_of_texts("length", len, 0)
_of_texts("trim", str.strip, 0)
_of_texts("replace", _replace, 2)
_of_texts("encode", _encode, 1)
_of_texts("decode", _decode, 1)
_of_texts("escape", _escape, 1)
_of_texts("unescape", _unescape, 1)


@function("toChars")
def _to_chars(_: Arguments) -> Operation:
    return lambda env, items, this: list(one_text(items) or "")


@function("split", 1)
def _split_text(arguments: Arguments) -> Operation:
    (separator,) = arguments

    def operate(env: Environment, items: Items, this: Items) -> Items:
        text, sign = one_text(items), one_text(separator.items(env, this))
        return EMPTY if text is None else [text] if sign is None else _split(text, sign)

    return operate


@function("join", 0, 1)
def _join(arguments: Arguments) -> Operation:
    def operate(env: Environment, items: Items, this: Items) -> Items:
        separator = (one_text(arguments[0].items(env, this)) if arguments else None) or ""
        texts = [text for text in (one_text((item,)) for item in items) if text is not None]
        require_text(sum(len(text) + len(separator) for text in texts))
        return env.spend_text((separator.join(texts),)) if texts else EMPTY

    return operate


@function("substring", 1, 2)
def _substring(arguments: Arguments) -> Operation:
    """Empty where it would begin outside the text; a negative length gives the empty text."""

    def operate(env: Environment, items: Items, this: Items) -> Items:
        text = one_text(items)
        start = one_integer(arguments[0].items(env, this))
        if text is None or start is None or not 0 <= start < len(text):
            return EMPTY
        length = one_integer(arguments[1].items(env, this)) if len(arguments) > 1 else None
        return (text[start:] if length is None else text[start : start + max(length, 0)],)

    return operate
