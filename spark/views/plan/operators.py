"""FHIRPath's operators as SQL. http://hl7.org/fhirpath/N1/#operations

SQL's three-valued logic is FHIRPath's own. What could differ by a digit or by a rule of precision is not planned.
"""

from __future__ import annotations

from typing import Final

from shared.domain.fhir.fhirpath.inference import NUMBERS, WHOLE
from shared.domain.fhir.views import Kind
from spark.views.plan.values import (
    MOMENTS,
    NOTHING,
    TIMES,
    NotPlanned,
    Value,
    array_of,
    boolean,
    integer,
    is_there,
    number,
    once,
    single,
    text,
    truth,
)

_NO_BOOLEAN: Final = "CAST(NULL AS BOOLEAN)"
_LOGIC: Final = {
    "and": "({0} AND {1})",
    "or": "({0} OR {1})",
    "xor": "({0} <> {1})",
    "implies": "(NOT {0} OR {1})",
}
_ORDERS: Final = frozenset({"<", "<=", ">", ">="})
_DAY: Final = 10
_ZONED: Final = "'(Z|[+-][0-9]{2}:[0-9]{2})$'"


def binary(operator: str, left: Value, right: Value) -> Value:
    """The value of `left operator right`."""
    if operator in _LOGIC:
        return boolean(_LOGIC[operator].format(truth(left), truth(right)))
    if operator == "=":
        return boolean(_equal(left, right))
    if operator == "!=":
        return boolean(f"(NOT {_equal(left, right)})")
    if operator in _ORDERS:
        return boolean(_ordered(operator, left, right))
    if operator == "|":
        return _union(left, right)
    if operator == "in":
        return boolean(_is_in(left, right))
    if operator == "contains":
        return boolean(_is_in(right, left))
    if operator == "&":
        return text(f"concat({_text_or_empty(left)}, {_text_or_empty(right)})")
    if operator in ("+", "-"):
        return _added(operator, left, right)
    raise NotPlanned(f"the operator {operator}")


def negated(value: Value) -> Value:
    """`-value`"""
    one = single(value)
    if one.kind is Kind.INTEGER:
        return integer(f"(-{one.sql})")
    return Value(f"(-{number(one)})", "System.Decimal", is_computed=True)


def _equal(left: Value, right: Value) -> str:
    if left.is_nothing or right.is_nothing:
        return _NO_BOOLEAN
    if left.is_many and right.is_many:
        raise NotPlanned("the equality of two collections")
    if right.is_many:
        left, right = right, left
    if not left.is_many:
        return _equal_items(left, right)
    return once(
        left.sql,
        lambda name: (
            f"CASE WHEN NOT {is_there(right)} THEN NULL WHEN size({name}) > 1 THEN false "
            f"ELSE {_equal_items(left.item(f'get({name}, 0)'), right)} END"
        ),
    )


def _equal_items(left: Value, right: Value) -> str:
    """A primitive that has extensions alone is an item, and equal to no value."""
    if left.choices or right.choices:
        raise NotPlanned("the equality of a choice of types that ofType() does not narrow")
    if left.beside and right.beside:
        raise NotPlanned("the equality of two elements, which may both have extensions alone")
    if right.beside:
        left, right = right, left
    values = _equal_values(left, right)
    if not left.beside:
        return values
    without_value = f"{left.sql} IS NULL AND {left.beside().sql} IS NOT NULL AND {right.sql} IS NOT NULL"
    return f"CASE WHEN {without_value} THEN false ELSE {values} END"


def _equal_values(left: Value, right: Value) -> str:
    if left.type in NUMBERS and right.type in NUMBERS:
        return f"({number(left)} = {number(right)})"
    if {left.kind, right.kind} == {Kind.BOOLEAN}:
        return f"({left.sql} = {right.sql})"
    if _are_of(MOMENTS, left, right) or _are_of(TIMES, left, right):
        return f"({_order(left, right)} = 0)"
    _require_texts(left, right)
    return f"({left.sql} = {right.sql})"


def _ordered(operator: str, left: Value, right: Value) -> str:
    if left.is_nothing or right.is_nothing:
        return _NO_BOOLEAN
    one, other = single(left), single(right)
    if one.type in NUMBERS and other.type in NUMBERS:
        return f"({number(one)} {operator} {number(other)})"
    if _are_of(MOMENTS, one, other) or _are_of(TIMES, one, other):
        return f"({_order(one, other)} {operator} 0)"
    _require_texts(one, other)
    return f"({one.sql} {operator} {other.sql})"


def _are_of(types: frozenset[str], left: Value, right: Value) -> bool:
    return left.type in types and right.type in types


def _require_texts(left: Value, right: Value) -> None:
    for value in (left, right):
        if value.kind is not Kind.TEXT or value.type in MOMENTS | TIMES or value.type == "System.Quantity":
            raise NotPlanned(f"a comparison of {left.type} and {right.type}")


def _order(left: Value, right: Value) -> str:
    """-1, 0, 1, or null where the precision leaves it open: http://hl7.org/fhirpath/N1/#datetime-comparison"""
    if left.type in TIMES:
        return once(left.sql, lambda a: once(right.sql, lambda b: _order_of_times(a, b)))
    return once(left.sql, lambda a: once(right.sql, lambda b: _order_of_moments(a, b)))


def _order_of_moments(a: str, b: str) -> str:
    """Two instants on the line of time; where one is only a day, as far as both are written."""
    instants = f"try_to_timestamp({a})", f"try_to_timestamp({b})"
    length = f"least(length({a}), length({b}), {_DAY})"
    start, other = f"left({a}, {length})", f"left({b}, {length})"
    return (
        f"CASE WHEN length({a}) > {_DAY} AND length({b}) > {_DAY} THEN "
        f"CASE WHEN {a} RLIKE {_ZONED} AND {b} RLIKE {_ZONED} THEN {_sign(*instants)} END "
        f"WHEN {start} <> {other} THEN {_sign(start, other)} "
        f"WHEN length({a}) = length({b}) THEN 0 END"
    )


def _order_of_times(a: str, b: str) -> str:
    whole = "8"
    fractions = f"rpad(substring({a}, 10), 12, '0')", f"rpad(substring({b}, 10), 12, '0')"
    return (
        f"CASE WHEN length({a}) >= {whole} AND length({b}) >= {whole} "
        f"THEN {_sign(f'concat(left({a}, {whole}), {fractions[0]})', f'concat(left({b}, {whole}), {fractions[1]})')} "
        f"WHEN length({a}) = length({b}) THEN {_sign(a, b)} END"
    )


def _sign(left: str, right: str) -> str:
    return f"CASE WHEN {left} < {right} THEN -1 WHEN {left} > {right} THEN 1 WHEN {left} = {right} THEN 0 END"


def _union(left: Value, right: Value) -> Value:
    if left.is_nothing or right.is_nothing:
        value = right if left.is_nothing else left
        return (
            value
            if value.is_nothing
            else Value(f"array_distinct({array_of(value)})", value.type, is_many=True)
        )
    if left.choices or right.choices or left.kind is not right.kind or left.kind not in _PLAIN:
        raise NotPlanned("the union of other values than text, booleans or whole numbers")
    if {left.type, right.type} & (MOMENTS | TIMES):
        raise NotPlanned("the union of dates")
    return Value(f"array_distinct(concat({array_of(left)}, {array_of(right)}))", left.type, is_many=True)


_PLAIN: Final = frozenset({Kind.TEXT, Kind.BOOLEAN, Kind.INTEGER})


def _is_in(item: Value, items: Value) -> str:
    if item.is_nothing:
        return _NO_BOOLEAN
    if items.is_nothing:
        return f"CASE WHEN {single(item).sql} IS NOT NULL THEN false END"
    one = single(item)
    if one.kind is not items.kind or one.kind not in _PLAIN or {one.type, items.type} & (MOMENTS | TIMES):
        raise NotPlanned(f"a search for {one.type} among {items.type}")
    return once(
        one.sql,
        lambda name: f"CASE WHEN {name} IS NOT NULL THEN array_contains({array_of(items)}, {name}) END",
    )


def _text_or_empty(value: Value) -> str:
    if value.is_nothing:
        return "''"
    one = single(value)
    if one.kind is not Kind.TEXT:
        raise NotPlanned("text put together from something that is no text")
    return f"coalesce({one.sql}, '')"


def _added(operator: str, left: Value, right: Value) -> Value:
    if left.is_nothing or right.is_nothing:
        return NOTHING
    one, other = single(left), single(right)
    if one.type in NUMBERS and other.type in NUMBERS:
        sql = f"({number(one)} {operator} {number(other)})"
        return (
            integer(sql)
            if {one.type, other.type} <= WHOLE
            else Value(sql, "System.Decimal", is_computed=True)
        )
    if operator == "+":
        _require_texts(one, other)
        return text(f"concat({one.sql}, {other.sql})")
    raise NotPlanned("a difference of dates")
