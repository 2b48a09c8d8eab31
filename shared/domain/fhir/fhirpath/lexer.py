"""The tokens of an expression. http://hl7.org/fhirpath/N1/grammar.html"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from shared.domain.fhir.fhirpath.errors import FhirPathSyntaxError

_TOKEN: Final = re.compile(
    r"""
      (?P<space>     \s+ | //[^\n\r]* | /\*.*?\*/ )
    | (?P<time>      @T\d\d (?: :\d\d (?: :\d\d (?: \.\d+ )? )? )? (?![\dZ:]) )
    | (?P<datetime>  @\d{4} (?: -\d\d (?: -\d\d )? )? T
                     (?: \d\d (?: :\d\d (?: :\d\d (?: \.\d+ )? )? )? (?: Z | [+-]\d\d:\d\d )? )? )
    | (?P<date>      @\d{4} (?: -\d\d (?: -\d\d )? )? (?!\d) )
    | (?P<number>    \d+ (?: \.\d+ | L\b )? )
    | (?P<string>    ' (?: [^'\\] | \\. )* ' )
    | (?P<quoted>    ` (?: [^`\\] | \\. )* ` )
    | (?P<word>      [A-Za-z_][A-Za-z0-9_]* )
    | (?P<special>   \$ (?: this | index | total ) \b )
    | (?P<sign>      <= | >= | != | !~ | /(?!\*) | [.,()\[\]{}%+\-*&|<>=~] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\u[dD]([89abAB][0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)", re.DOTALL
)
_ESCAPED: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_END: Final = "end"


class Token(msgspec.Struct, frozen=True):
    """`kind` is a group of the grammar: word, quoted, string, number, date, datetime, time, special, sign or end."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """All tokens of `text` without blanks and comments, an `end` last; texts of strings and quoted names unescaped."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise FhirPathSyntaxError(f"The expression cannot be read from {where(text, place)}.", at=place)
        kind = match.lastgroup
        if kind in ("string", "quoted"):
            found.append(Token(kind, _unescape(match.group()[1:-1]), place))
        elif kind != "space":
            found.append(Token(kind, match.group(), place))
        place = match.end()
    found.append(Token(_END, "", len(text)))
    return found


def where(text: str, at: int) -> str:
    """`line 1, column 5`: for people, both from one."""
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _unescape(raw: str) -> str:
    """The grammar lets a backslash stand before any character: before one that it does not name it means nothing."""
    return _ESCAPE.sub(_unescaped, raw) if "\\" in raw else raw


def _unescaped(match: re.Match[str]) -> str:
    high, low, code, sign = match.groups()
    if high is not None:
        return chr(0x10000 + ((int(high, 16) - 0x800) << 10) + int(low, 16) - 0xC00)
    if code is not None:
        return chr(int(code, 16))
    return _ESCAPED.get(sign, sign)
