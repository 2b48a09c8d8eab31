"""Chooses what part of a filter the inverted index answers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from ..index import NO_TERM, IndexSpec, term_of
from .syntax import And, Binary, Call, Constant, Expression, OneOf, Or, Parameter, path_of

Parameters = dict[str, Any]
Lookup = Callable[[IndexSpec, Any], set[Any]]


class Node(Protocol):
    """A part of a filter for which the index knows the items."""

    def specs(self) -> Iterable[IndexSpec]:
        """Yields the indexes it needs."""

    def find(self, parameters: Parameters, lookup: Lookup) -> set[Any] | None:
        """Returns exactly the items for which it is true, None where a value is no term."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`path = value`, `path IN (values)`, `ARRAY_CONTAINS(path, value)`."""

    spec: IndexSpec
    values: tuple[Constant | Parameter, ...]

    def specs(self) -> Iterable[IndexSpec]:
        """Yields the one index."""
        return (self.spec,)

    def find(self, parameters: Parameters, lookup: Lookup) -> set[Any] | None:
        """Returns the items with one of the terms."""
        sets: list[set[Any]] = []
        for value in self.values:
            given = parameters.get(value.name, NO_TERM) if isinstance(value, Parameter) else value.value
            term = NO_TERM if given is NO_TERM else term_of(given)
            if term is NO_TERM:
                return None
            sets.append(lookup(self.spec, term))
        return sets[0] if len(sets) == 1 else set().union(*sets)


@dataclass(frozen=True, slots=True)
class All:
    """Every part is true."""

    parts: tuple[Node, ...]

    def specs(self) -> Iterable[IndexSpec]:
        """Yields the indexes of the parts."""
        return (spec for part in self.parts for spec in part.specs())

    def find(self, parameters: Parameters, lookup: Lookup) -> set[Any] | None:
        """Returns the items that all parts have in common."""
        sets: list[set[Any]] = []
        for part in self.parts:
            found = part.find(parameters, lookup)
            if found is None:
                return None
            sets.append(found)
        sets.sort(key=len)
        return sets[0] if len(sets) == 1 else sets[0].intersection(*sets[1:])


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part is true."""

    parts: tuple[Node, ...]

    def specs(self) -> Iterable[IndexSpec]:
        """Yields the indexes of the parts."""
        return (spec for part in self.parts for spec in part.specs())

    def find(self, parameters: Parameters, lookup: Lookup) -> set[Any] | None:
        """Returns the items of all parts together."""
        found: set[Any] = set()
        for part in self.parts:
            items = part.find(parameters, lookup)
            if items is None:
                return None
            found |= items
        return found


def node_of(expression: Expression, root: str) -> Node | None:
    """Returns how the index answers a condition on the root's items exactly, None where it cannot."""
    if isinstance(expression, Binary) and expression.sign == "=":
        for path, value in ((expression.left, expression.right), (expression.right, expression.left)):
            if isinstance(value, (Constant, Parameter)):
                return _terms(path, (value,), False, root)
        return None
    if isinstance(expression, OneOf):
        values = tuple(choice for choice in expression.choices if isinstance(choice, (Constant, Parameter)))
        return (
            _terms(expression.operand, values, False, root)
            if len(values) == len(expression.choices)
            else None
        )
    if isinstance(expression, Call) and expression.name.upper() == "ARRAY_CONTAINS":
        if len(expression.arguments) == 2 and isinstance(expression.arguments[1], (Constant, Parameter)):
            return _terms(expression.arguments[0], (expression.arguments[1],), True, root)
        return None
    if isinstance(expression, (And, Or)):
        parts = [node_of(part, root) for part in expression.parts]
        known = tuple(part for part in parts if part is not None)
        if len(known) < len(parts):
            return None
        return All(known) if isinstance(expression, And) else Either(known)
    return None


def _terms(
    path: Expression, values: tuple[Constant | Parameter, ...], elements: bool, root: str
) -> Node | None:
    found = path_of(path)
    if found is None or found[0].name != root or not found[1]:
        return None
    return Terms(IndexSpec(found[1], elements), values)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path >= value` and its like, on the root's items: simple enough to be tested without a closure."""

    path: tuple[str, ...]
    compare: Callable[[Any, Any], bool]
    value: Constant | Parameter

    def operand(self, parameters: Parameters) -> Any:
        """Returns the value to compare with."""
        return parameters.get(self.value.name) if isinstance(self.value, Parameter) else self.value.value


_ORDERINGS: dict[str, tuple[Callable[[Any, Any], bool], Callable[[Any, Any], bool]]] = {
    ">": (operator.gt, operator.lt), ">=": (operator.ge, operator.le),
    "<": (operator.lt, operator.gt), "<=": (operator.le, operator.ge),
}  # fmt: skip


def comparison_of(expression: Expression, root: str) -> Comparison | None:
    """Returns the comparison that an expression is, None where it is something else."""
    if not isinstance(expression, Binary) or expression.sign not in _ORDERINGS:
        return None
    forward, backward = _ORDERINGS[expression.sign]
    sides = ((expression.left, expression.right, forward), (expression.right, expression.left, backward))
    for path, value, compare in sides:
        found = path_of(path)
        if isinstance(value, (Constant, Parameter)) and found and found[1] and found[0].name == root:
            return Comparison(found[1], compare, value)
    return None
