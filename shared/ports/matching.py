"""What a predicate means: the semantics that every adapter of the records has, for an item at hand."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from shared.domain.records import Item
from shared.ports.records import AllOf, AnyOf, Compare, Has, In, Not, Predicate

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ABSENT: Final = object()


def value_at(item: Item, path: str) -> Any:
    """The value at a dotted path; where there is none, something that equals nothing."""
    node: Any = item
    for name in path.split("."):
        node = node.get(name, _ABSENT) if isinstance(node, dict) else _ABSENT
    return node


def _same_kind(left: object, right: object) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    return any(isinstance(left, kind) and isinstance(right, kind) for kind in (str, int | float))


def holds(predicate: Predicate, item: Item) -> bool:
    """Whether an item satisfies a predicate: an absent path satisfies nothing."""
    match predicate:
        case Has(path, value):
            array = value_at(item, path)
            return isinstance(array, list) and value in array
        case Compare(path, op, value):
            found = value_at(item, path)
            return _same_kind(found, value) and _OPERATORS[op](found, value)
        case In(path, values):
            return value_at(item, path) in values
        case AnyOf(predicates):
            return any(holds(each, item) for each in predicates)
        case AllOf(predicates):
            return all(holds(each, item) for each in predicates)
        case Not(inner):
            return not holds(inner, item)
