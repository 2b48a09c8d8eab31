"""The source lines of what FHIRPath expressions with indices point at, in JSON text.

Meant for failing input only: the text is scanned once, and only what lies on the way to an expression is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

_TOKEN: Final = re.compile(
    r'[ \t\r\n]*+(?:([{}\[\],:])|"([^"\\]*+(?:\\.[^"\\]*+)*+)"|[^{}\[\],:" \t\r\n]++)', re.DOTALL
)
"""Possessive: a way back kept for each character of a long string would take 150 times its size."""
_TO_BRACKET: Final = re.compile(
    r'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+([{}\[\]])', re.DOTALL
)
"""Over strings, numbers and names to the next bracket: what is not on the way to an expression is passed in few steps."""
_STEP: Final = re.compile(r"([^.\[\]()]+)(?:\.ofType\((\w+)\))?(?:\[(\d+)\])?(?:\.|\Z)")


class _Wanted(msgspec.Struct):
    """A node on the way to expressions: by property name or array index to the nodes below it."""

    below: dict[str | int, _Wanted] = msgspec.field(default_factory=dict)
    expressions: list[str] = msgspec.field(default_factory=list)
    is_found: bool = False


class _Open(msgspec.Struct):
    """An object or array being read. `index` counts an array's values; an object's is -1."""

    wanted: _Wanted | None
    index: int


def lines_of(text: bytes | str, expressions: Iterable[str]) -> dict[str, int]:
    """Expression → line (from 1) where its element begins, or the nearest element around it that the text has.

    `text` is one JSON object. An expression begins with the resource type, as `Patient.name[0].given[1]`.
    """
    source = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    source = source.removeprefix("\ufeff")
    root = _Wanted()
    for expression in expressions:
        _want(root, expression)
    lines: dict[str, int] = {}
    _scan(source, root, lines, _count(root))
    return lines


def _count(wanted: _Wanted) -> int:
    return 1 + sum(map(_count, wanted.below.values()))


def _want(root: _Wanted, expression: str) -> None:
    node = root
    node.expressions.append(expression)
    _, _, rest = expression.partition(".")
    for match in _STEP.finditer(rest):
        name, type_name, index = match.groups()
        steps: list[str | int] = [name if type_name is None else name + type_name[0].upper() + type_name[1:]]
        if index is not None:
            steps.append(int(index))
        for step in steps:
            node = node.below.setdefault(step, _Wanted())
            node.expressions.append(expression)


def _scan(source: str, root: _Wanted, lines: dict[str, int], left: int) -> None:
    """Sets every expression's line at each node on its way, so that the deepest one that exists stays.

    `left` is the number of nodes: with the last of them the reading ends.
    """
    stack: list[_Open] = []
    position, line, counted = 0, 1, 0
    name: str | None = None
    pending: _Wanted | None = root
    while (token := _TOKEN.match(source, position)) is not None:
        sign, text = token.group(1, 2)
        start, position = token.start(1 if sign else 0), token.end()
        if sign in (",", ":"):
            continue
        if sign in ("}", "]"):
            if stack:
                stack.pop()
            continue
        parent = stack[-1] if stack else None
        if parent is not None and parent.index < 0 and name is None:
            name = text or ""
            pending = parent.wanted.below.get(name.removeprefix("_")) if parent.wanted else None
        else:
            if parent is not None and parent.index >= 0:
                pending = parent.wanted.below.get(parent.index) if parent.wanted else None
                parent.index += 1
            name = None
        if pending is not None:
            where = start if sign else token.start() + len(token[0]) - len(token[0].lstrip())
            line, counted = line + source.count("\n", counted, where), where
            for expression in pending.expressions:
                # A property's own line, not that of its value, and the first of `given` and `_given`.
                lines[expression] = line
            if name is not None:
                pending.expressions = []
            if not pending.is_found:
                pending.is_found = True
                left -= 1
                if not left:
                    return
        if sign and pending is None:
            position = _after_container(source, position)
        elif sign == "{":
            stack.append(_Open(pending, -1))
        elif sign == "[":
            stack.append(_Open(pending, 0))


def _after_container(source: str, position: int) -> int:
    """Where the object or array ends whose bracket stands before `position`."""
    depth = 1
    while depth and (found := _TO_BRACKET.match(source, position)) is not None:
        position = found.end()
        depth += 1 if found[1] in "{[" else -1
    return position
