"""`matches`, `matchesFull` and `replaceMatches`. http://hl7.org/fhirpath/N1/#matchesregex-string-boolean

Single-line mode: `.` is any character, `^` and `$` are the text's own edges. The flags are those of
https://build.fhir.org/ig/HL7/FHIRPath/#matchesregex--string-flags--string--boolean.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from shared.domain.fhir.fhirpath.element import EMPTY, Items
from shared.domain.fhir.fhirpath.environment import Environment, require_text
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.registry import (
    Arguments,
    Operation,
    Predicate,
    function,
    one_text,
    predicate,
)
from shared.domain.fhir.fhirpath.regex import Pattern, compile_pattern

_REFERENCE: Final = re.compile(r"\\(.)|\$(?:(\d)|\{([A-Za-z][A-Za-z0-9_]*)\})", re.DOTALL)


@predicate("matches", 1, 2)
def _matches(arguments: Arguments) -> Predicate:
    return _decision(arguments, lambda pattern, text, env: pattern.is_found(text, env.spend))


@predicate("matchesFull", 1, 2)
def _matches_full(arguments: Arguments) -> Predicate:
    return _decision(arguments, lambda pattern, text, env: pattern.is_whole(text, env.spend))


def _decision(arguments: Arguments, matches: Callable[[Pattern, str, Environment], bool]) -> Predicate:
    expression, *rest = arguments

    def decide(env: Environment, items: Items, this: Items) -> bool | None:
        text, pattern = one_text(items), one_text(expression.items(env, this))
        flags = one_text(rest[0].items(env, this)) if rest else ""
        return (
            None
            if text is None or pattern is None
            else matches(compile_pattern(pattern, flags or ""), text, env)
        )

    return decide


@function("replaceMatches", 2)
def _replace_matches(arguments: Arguments) -> Operation:
    """`$1` and `${name}` stand for groups; an empty pattern replaces nothing."""

    def operate(env: Environment, items: Items, this: Items) -> Items:
        text, *found = one_text(items), *(one_text(argument.items(env, this)) for argument in arguments)
        pattern, substitution = found
        if text is None or pattern is None or substitution is None:
            return EMPTY
        return (_replaced(text, compile_pattern(pattern), substitution, env) if pattern else text,)

    return operate


def _replaced(text: str, pattern: Pattern, substitution: str, env: Environment) -> str:
    parts: list[str] = []
    place = length = 0
    is_plain = _REFERENCE.search(substitution) is None
    for start, end in pattern.matches(text, env.spend):
        new = substitution if is_plain else _filled(substitution, text, pattern, (start, end), env)
        length += len(new)
        require_text(len(text) + length)
        parts += (text[place:start], new)
        place = end
    return "".join((*parts, text[place:]))


def _filled(substitution: str, text: str, pattern: Pattern, span: tuple[int, int], env: Environment) -> str:
    edges = pattern.captures(text, *span, env.spend)

    def group(match: re.Match[str]) -> str:
        sign, digit, name = match.groups()
        if sign is not None:
            return sign
        number = pattern.names.get(name, -1) if name else int(digit)
        if not 0 <= number <= pattern.groups:
            raise FhirPathError("A substitution names a group that its regular expression does not have.")
        start, end = edges[2 * number : 2 * number + 2]
        return "" if start is None or end is None else text[start:end]

    return _REFERENCE.sub(group, substitution)
