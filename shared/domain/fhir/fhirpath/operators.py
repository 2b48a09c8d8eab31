"""Operators to closures. http://hl7.org/fhirpath/N1/#operations"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.domain.fhir.fhirpath import arithmetic
from shared.domain.fhir.fhirpath.code import Code, Decide, of_truth
from shared.domain.fhir.fhirpath.comparison import compare
from shared.domain.fhir.fhirpath.element import EMPTY, Element, Items
from shared.domain.fhir.fhirpath.environment import Environment, require_size
from shared.domain.fhir.fhirpath.equality import equal, equivalent, key
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.conversion import to_string
from shared.domain.fhir.fhirpath.functions.existence import distinct, keys_of
from shared.domain.fhir.fhirpath.functions.registry import one, one_item, one_value
from shared.domain.fhir.fhirpath.functions.typing import decide_is, operate_as
from shared.domain.fhir.fhirpath.syntax import Binary, Literal, TypeTest, Unary
from shared.domain.fhir.fhirpath.types import as_test, is_test

_MOMENTS: Final = frozenset({"date", "dateTime", "instant", "time"})


def compile_unary(node: Unary, operand: Code) -> Code:
    """`+` and `-` of a single number or quantity."""
    items = operand.items
    sign = (
        arithmetic.negate
        if node.operator == "-"
        else lambda value: arithmetic.negate(arithmetic.negate(value))
    )

    def compute(env: Environment, this: Items) -> Items:
        value = one_value(items(env, this))
        return EMPTY if value is None else (sign(value),)

    return Code(node, compute, parts=(operand,))


def compile_type_test(node: TypeTest, operand: Code) -> Code:
    """`is` and `as`."""
    items = operand.items
    if node.operator == "is":
        decide = decide_is(is_test(node.type))
        return of_truth(node, lambda env, this: decide(env, items(env, this), this), (operand,))
    operate = operate_as(as_test(node.type))
    return Code(node, lambda env, this: operate(env, items(env, this), this), parts=(operand,))


def compile_binary(node: Binary, left: Code, right: Code) -> Code:
    """Every operator between two expressions."""
    operator = node.operator
    if operator in _LOGIC:
        return of_truth(node, _LOGIC[operator](left.truth, right.truth), (left, right))
    if operator in ("in", "contains"):
        sides = (left, right) if operator == "in" else (right, left)
        return of_truth(node, _membership(*sides), (left, right))
    if operator in _RELATIONS:
        if operator in ("=", "!=") and isinstance(right.node, Literal) and isinstance(right.node.value, str):
            return of_truth(
                node, _equals_text(left, right.node.value, is_same=operator == "="), (left, right)
            )
        return of_truth(node, _relation(_RELATIONS[operator], left, right), (left, right))
    combine = _COLLECTIONS.get(operator) or _arithmetic(_ARITHMETIC[operator])
    one_side, other_side = left.items, right.items

    def compute(env: Environment, this: Items) -> Items:
        return env.spend_text(combine(one_side(env, this), other_side(env, this)))

    return Code(node, compute, parts=(left, right))


def _and(left: Decide, right: Decide) -> Decide:
    def decide(env: Environment, this: Items) -> bool | None:
        one = left(env, this)
        if one is False:
            return False
        other = right(env, this)
        return False if other is False else one and other

    return decide


def _or(left: Decide, right: Decide) -> Decide:
    def decide(env: Environment, this: Items) -> bool | None:
        one = left(env, this)
        if one:
            return True
        other = right(env, this)
        return True if other else None if one is None or other is None else False

    return decide


def _xor(left: Decide, right: Decide) -> Decide:
    def decide(env: Environment, this: Items) -> bool | None:
        one, other = left(env, this), right(env, this)
        return None if one is None or other is None else one is not other

    return decide


def _implies(left: Decide, right: Decide) -> Decide:
    def decide(env: Environment, this: Items) -> bool | None:
        one = left(env, this)
        if one is False:
            return True
        other = right(env, this)
        return True if other else other if one else None

    return decide


_LOGIC: Final[dict[str, Callable[[Decide, Decide], Decide]]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
}


def _equals_text(left: Code, text: str, *, is_same: bool) -> Decide:
    """The commonest comparison: a single element with a literal, decided without building anything."""
    items, literal = left.items, (text,)

    def decide(env: Environment, this: Items) -> bool | None:
        found = items(env, this)
        if len(found) == 1:
            item = found[0]
            value = item.value if type(item) is Element and item.type not in _MOMENTS else item
            if value.__class__ is str:
                return (value == text) is is_same
        same = equal(found, literal)
        return None if same is None else same is is_same

    return decide


def _relation(decide: Callable[[Items, Items], bool | None], left: Code, right: Code) -> Decide:
    one_side, other_side = left.items, right.items
    return lambda env, this: decide(one_side(env, this), other_side(env, this))


def _unequal(left: Items, right: Items) -> bool | None:
    same = equal(left, right)
    return None if same is None else not same


def _ordered(is_right: Callable[[int], bool]) -> Callable[[Items, Items], bool | None]:
    def decide(left: Items, right: Items) -> bool | None:
        order = compare(left, right)
        return None if order is None else is_right(order)

    return decide


def _membership(left: Code, right: Code) -> Decide:
    """`in`, and `contains` with its sides exchanged."""
    one_side, other_side = left.items, right.items

    def decide(env: Environment, this: Items) -> bool | None:
        item = one(one_side(env, this))
        return None if item is None else key(item) in keys_of(env, other_side(env, this))

    return decide


_RELATIONS: Final[dict[str, Callable[[Items, Items], bool | None]]] = {
    "=": equal,
    "!=": _unequal,
    "~": equivalent,
    "!~": lambda left, right: not equivalent(left, right),
    "<": _ordered(lambda order: order < 0),
    "<=": _ordered(lambda order: order <= 0),
    ">": _ordered(lambda order: order > 0),
    ">=": _ordered(lambda order: order >= 0),
}


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Items, Items], Items]:
    def operate(left: Items, right: Items) -> Items:
        one_side, other_side = one_value(left), one_value(right)
        return EMPTY if one_side is None or other_side is None else one_item(compute(one_side, other_side))

    return operate


def _join(left: Items, right: Items) -> Items:
    return (arithmetic.join(_text(left), _text(right)),)


def _text(items: Items) -> str:
    value = one_value(items)
    text = "" if value is None else to_string(value)
    if text is None:
        raise FhirPathError("& joins texts, and is given something that has none.")
    return text


_COLLECTIONS: Final[dict[str, Callable[[Items, Items], Items]]] = {
    "|": lambda left, right: require_size(distinct([*left, *right])),
    "&": _join,
}
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "div": arithmetic.whole_quotient,
    "mod": arithmetic.remainder,
}
