"""Splits a query into tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import SYNTAX, SqlError

KEYWORDS = frozenset(
    [
        "select",
        "distinct",
        "top",
        "value",
        "from",
        "join",
        "in",
        "where",
        "group",
        "by",
        "order",
        "asc",
        "desc",
        "offset",
        "limit",
        "and",
        "or",
        "not",
        "between",
        "like",
        "exists",
        "array",
        "as",
        "null",
        "true",
        "false",
        "undefined",
        "escape",
    ]
)

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<parameter>@[A-Za-z_0-9]+)
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*)
    |(?P<sign>\?\?|\|\||<=|>=|!=|<>|<<|>>>|>>|[-+*/%=<>().,\[\]{}:?&|^~])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)|''|\"\"", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Token(NamedTuple):
    """`kind` is number, string, parameter, name, keyword, sign or end; keywords are in lower case."""

    kind: str
    value: str
    start: int
    end: int
    text: str


def tokenize(query: str) -> list[Token]:
    """Returns the tokens, the last one of kind `end`."""
    tokens: list[Token] = []
    at = 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:
            raise SqlError(SYNTAX, f"Syntax error, invalid token '{query[at]}'.", at, at + 1)
        kind, text, start, at = match.lastgroup or "", match.group(), at, match.end()
        if kind == "space":
            continue
        if kind == "name" and text.lower() in KEYWORDS:
            tokens.append(Token("keyword", text.lower(), start, at, text))
        elif kind == "string":
            tokens.append(Token(kind, _unquote(text), start, at, text))
        else:
            tokens.append(Token(kind, text, start, at, text))
    tokens.append(Token("end", "", at, at, ""))
    return tokens


def _unquote(text: str) -> str:
    quote = text[0]

    def replace(match: re.Match[str]) -> str:
        escaped = match.group(1)
        if escaped is None:
            return quote if match.group()[0] == quote else match.group()
        if len(escaped) > 1:
            return chr(int(escaped[1:], 16))
        return _ESCAPED.get(escaped, escaped)

    return _ESCAPE.sub(replace, text[1:-1])
