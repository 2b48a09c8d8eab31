"""Turns expressions into closures over a frame: slot 0 holds the parameters, slot 1 the item, the others inputs."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Protocol

from ..rids import item_number
from .errors import UNKNOWN_FUNCTION, UNKNOWN_NAME, WRONG_ARGUMENTS, AbsentError, SqlError
from .evaluators import Evaluator, Frame, equality, joined, on_numbers, path_evaluator, step
from .functions import FUNCTIONS
from .syntax import (
    And,
    ArrayLiteral,
    Between,
    Binary,
    Call,
    Coalesce,
    Conditional,
    Constant,
    Element,
    Expression,
    Like,
    Name,
    Not,
    ObjectLiteral,
    OneOf,
    Or,
    Parameter,
    Property,
    Query,
    Subquery,
    Unary,
    path_of,
)
from .values import (
    UNDEFINED,
    equal,
    greater,
    greater_or_equal,
    is_number,
    less,
    less_or_equal,
    like,
    unequal,
)

PARAMETERS_SLOT, ITEM_SLOT = 0, 1
AGGREGATES = frozenset({"COUNT", "COUNTIF", "SUM", "MIN", "MAX", "AVG"})
EVERYTHING = "*"
_SPATIAL = "ST_"
_NEWER = (
    "AGO", "ARRAY_AVG", "ARRAY_MAX", "ARRAY_MEDIAN", "ARRAY_MIN", "ARRAY_SUM", "CONTAINS_ALL_CI", "CONTAINS_ALL_CS",
    "CONTAINS_ANY_CI", "CONTAINS_ANY_CS", "DATETIMEFORMAT", "DAY", "FIRST", "IS_DATETIME", "LAST", "LASTINDEXOF",
    "LASTSUBSTRINGAFTER", "LASTSUBSTRINGBEFORE", "MAKELIST", "MAKESET", "MONTH", "NOW", "SETEQUAL", "SUBSTRINGAFTER",
    "SUBSTRINGBEFORE", "YEAR",
)  # fmt: skip
_ABSENT = {
    "VECTORDISTANCE": "vector search", "RRF": "hybrid search",
    **{name: f"the newer function {name}" for name in _NEWER},
    **dict.fromkeys(
        ("FULLTEXTCONTAINS", "FULLTEXTCONTAINSALL", "FULLTEXTCONTAINSANY", "FULLTEXTSCORE"), "full-text search"
    ),
}  # fmt: skip

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": equal, "!=": unequal, "<": less, "<=": less_or_equal, ">": greater, ">=": greater_or_equal,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": math.fmod,
}  # fmt: skip
_BITWISE: dict[str, Callable[[int, int], int]] = {
    "&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift,
    ">>>": lambda left, right: (left & 0xFFFFFFFF) >> right,
}  # fmt: skip


class Rows(Protocol):
    """A compiled subquery."""

    def values(self, frame: Frame) -> Any:
        """Yields its values for the frame around it."""


class Scope:
    """Which name is in which slot; inner scopes see the outer ones."""

    def __init__(self, names: dict[str, int], outer: Scope | None = None) -> None:
        self.names = names
        self.outer = outer

    def slot(self, name: Name) -> int:
        """Returns the slot of a name."""
        scope: Scope | None = self
        while scope is not None:
            if name.name in scope.names:
                return scope.names[name.name]
            scope = scope.outer
        message = f"Identifier '{name.name}' could not be resolved."
        raise SqlError(UNKNOWN_NAME, message, name.start, name.end)


class Compiler:
    """Compiles the expressions of one query text; `compile_query` is supplied by whoever compiles queries."""

    def __init__(self, compile_query: Callable[[Compiler, Query, Scope], Rows]) -> None:
        self.slots = 2
        # The item's top-level properties that were named so far; EVERYTHING where it is used as a whole.
        self.touched: set[str] = set()
        # Aggregates of the query being compiled: (name, argument, slot of the result); None: not allowed here.
        self.aggregates: list[tuple[str, Evaluator, int]] | None = None
        self._compile_query = compile_query

    def new_slot(self) -> int:
        """Returns a slot that nothing else uses."""
        self.slots += 1
        return self.slots - 1

    def compile(self, node: Expression, scope: Scope) -> Evaluator:
        """Returns the evaluator of an expression."""
        method: Callable[[Any, Scope], Evaluator] = getattr(self, _METHODS[type(node)])
        return method(node, scope)

    def _constant(self, node: Constant, _: Scope) -> Evaluator:
        value = node.value
        return lambda frame: value

    def _parameter(self, node: Parameter, _: Scope) -> Evaluator:
        name = node.name
        return lambda frame: frame[PARAMETERS_SLOT].get(name, UNDEFINED)

    def _path(self, node: Expression, scope: Scope) -> Evaluator:
        found = path_of(node)
        if found is None:
            assert isinstance(node, Property)
            return step(self.compile(node.base, scope), node.name)
        root, names = found
        slot = scope.slot(root)
        if slot == ITEM_SLOT:
            self.touched.add(names[0] if names else EVERYTHING)
        return path_evaluator(slot, names)

    def _element(self, node: Element, scope: Scope) -> Evaluator:
        base, key = self.compile(node.base, scope), self.compile(node.key, scope)

        def element(frame: Frame) -> Any:
            value, at = base(frame), key(frame)
            if isinstance(value, dict) and isinstance(at, str):
                return value.get(at, UNDEFINED)
            if isinstance(value, list) and is_number(at) and at == int(at) and 0 <= at < len(value):
                return value[int(at)]
            return UNDEFINED

        return element

    def _call(self, node: Call, scope: Scope) -> Evaluator:
        name = node.name.upper()
        if name in AGGREGATES:
            return self._aggregate(node, name, scope)
        if name == "DOCUMENTID":
            return self._document_id(node, scope)
        if name.startswith(_SPATIAL) or name in _ABSENT:
            raise AbsentError(UNKNOWN_FUNCTION, _ABSENT.get(name, "spatial functions"), node.start, node.end)
        if name not in FUNCTIONS:
            message = f"'{node.name}' is not a recognized built-in function name."
            raise SqlError(UNKNOWN_FUNCTION, message, node.start, node.end)
        function, least, most = FUNCTIONS[name]
        if len(node.arguments) < least or (most is not None and len(node.arguments) > most):
            wanted = str(least) if most == least else f"{least} to {most}" if most else f"at least {least}"
            message = f"The {name} function requires {wanted} argument(s)."
            raise SqlError(WRONG_ARGUMENTS, message, node.start, node.end)
        arguments = [self.compile(argument, scope) for argument in node.arguments]
        if len(arguments) == 1:
            only = arguments[0]
            return lambda frame: function(only(frame))
        if len(arguments) == 2:
            first, second = arguments
            return lambda frame: function(first(frame), second(frame))
        return lambda frame: function(*[argument(frame) for argument in arguments])

    def _document_id(self, node: Call, scope: Scope) -> Evaluator:
        """The number of an item in its physical partition, which is the last part of its resource id."""
        only = node.arguments[0] if len(node.arguments) == 1 else None
        if not isinstance(only, Name) or scope.slot(only) != ITEM_SLOT:
            message = "The DOCUMENTID function requires 1 argument(s): the name of the item."
            raise SqlError(WRONG_ARGUMENTS, message, node.start, node.end)
        rid = self._path(Property(only, "_rid"), scope)

        def document_id(frame: Frame) -> Any:
            found = rid(frame)
            return item_number(found) if isinstance(found, str) else UNDEFINED

        return document_id

    def _aggregate(self, node: Call, name: str, scope: Scope) -> Evaluator:
        if self.aggregates is None or len(node.arguments) != 1:
            message = f"The aggregate {name} takes one argument and stands in the SELECT clause only."
            raise SqlError(WRONG_ARGUMENTS, message, node.start, node.end)
        outer, self.aggregates = self.aggregates, None
        argument = self.compile(node.arguments[0], scope)
        self.aggregates = outer
        slot = self.new_slot()
        self.aggregates.append((name, argument, slot))
        return lambda frame: frame[slot]

    def _unary(self, node: Unary, scope: Scope) -> Evaluator:
        operand, sign = self.compile(node.operand, scope), node.sign

        def unary(frame: Frame) -> Any:
            value = operand(frame)
            if not is_number(value):
                return UNDEFINED
            return -value if sign == "-" else ~int(value) if sign == "~" else value

        return unary

    def _binary(self, node: Binary, scope: Scope) -> Evaluator:
        left, right = self.compile(node.left, scope), self.compile(node.right, scope)
        sign = node.sign
        if sign == "=":
            return equality(left, right)
        if sign in _COMPARISONS:
            compare = _COMPARISONS[sign]
            return lambda frame: compare(left(frame), right(frame))
        if sign == "||":
            return lambda frame: joined(left(frame), right(frame))
        if sign in _BITWISE:
            bitwise = _BITWISE[sign]
            return lambda frame: on_numbers(bitwise, left(frame), right(frame), True)
        compute = _ARITHMETIC[sign]
        return lambda frame: on_numbers(compute, left(frame), right(frame), False)

    def _and(self, node: And, scope: Scope) -> Evaluator:
        parts = [self.compile(part, scope) for part in node.parts]

        def conjunction(frame: Frame) -> Any:
            result: Any = True
            for part in parts:
                value = part(frame)
                if value is False:
                    return False
                if value is not True:
                    result = UNDEFINED
            return result

        return conjunction

    def _or(self, node: Or, scope: Scope) -> Evaluator:
        parts = [self.compile(part, scope) for part in node.parts]

        def disjunction(frame: Frame) -> Any:
            result: Any = False
            for part in parts:
                value = part(frame)
                if value is True:
                    return True
                if value is not False:
                    result = UNDEFINED
            return result

        return disjunction

    def _not(self, node: Not, scope: Scope) -> Evaluator:
        operand = self.compile(node.operand, scope)

        def negation(frame: Frame) -> Any:
            value = operand(frame)
            return not value if value is True or value is False else UNDEFINED

        return negation

    def _one_of(self, node: OneOf, scope: Scope) -> Evaluator:
        operand = self.compile(node.operand, scope)
        choices = [self.compile(choice, scope) for choice in node.choices]
        if all(isinstance(choice, Constant) and isinstance(choice.value, str) for choice in node.choices):
            texts = frozenset(choice.value for choice in node.choices if isinstance(choice, Constant))

            def one_of_texts(frame: Frame) -> Any:
                value = operand(frame)
                return (
                    value in texts if value.__class__ is str else UNDEFINED if value is UNDEFINED else False
                )

            return one_of_texts

        def one_of(frame: Frame) -> Any:
            value = operand(frame)
            if value is UNDEFINED:
                return UNDEFINED
            return any(equal(value, choice(frame)) is True for choice in choices)

        return one_of

    def _between(self, node: Between, scope: Scope) -> Evaluator:
        operand = self.compile(node.operand, scope)
        low, high = self.compile(node.low, scope), self.compile(node.high, scope)

        def between(frame: Frame) -> Any:
            value = operand(frame)
            above, below = greater_or_equal(value, low(frame)), less_or_equal(value, high(frame))
            if above is False or below is False:
                return False
            return True if above is True and below is True else UNDEFINED

        return between

    def _like(self, node: Like, scope: Scope) -> Evaluator:
        operand, pattern = self.compile(node.operand, scope), self.compile(node.pattern, scope)
        if node.escape is None:
            return lambda frame: like(operand(frame), pattern(frame))
        escape = self.compile(node.escape, scope)
        return lambda frame: like(operand(frame), pattern(frame), escape(frame))

    def _conditional(self, node: Conditional, scope: Scope) -> Evaluator:
        condition = self.compile(node.condition, scope)
        then, otherwise = self.compile(node.then, scope), self.compile(node.otherwise, scope)
        return lambda frame: then(frame) if condition(frame) is True else otherwise(frame)

    def _coalesce(self, node: Coalesce, scope: Scope) -> Evaluator:
        left, right = self.compile(node.left, scope), self.compile(node.right, scope)

        def coalesced(frame: Frame) -> Any:
            value = left(frame)
            return right(frame) if value is UNDEFINED else value

        return coalesced

    def _array(self, node: ArrayLiteral, scope: Scope) -> Evaluator:
        elements = [self.compile(element, scope) for element in node.elements]
        return lambda frame: [
            value for value in [element(frame) for element in elements] if value is not UNDEFINED
        ]

    def _object(self, node: ObjectLiteral, scope: Scope) -> Evaluator:
        return object_evaluator([(name, self.compile(value, scope)) for name, value in node.members])

    def _subquery(self, node: Subquery, scope: Scope) -> Evaluator:
        rows = self._compile_query(self, node.query, scope)
        if node.form == "exists":
            return lambda frame: next(iter(rows.values(frame)), UNDEFINED) is not UNDEFINED
        if node.form == "array":
            return lambda frame: list(rows.values(frame))
        return lambda frame: next(iter(rows.values(frame)), UNDEFINED)


def object_evaluator(members: list[tuple[str, Evaluator]]) -> Evaluator:
    """Returns the evaluator of an object; undefined members are left out."""

    def build(frame: Frame) -> Any:
        result = {}
        for name, evaluate in members:
            value = evaluate(frame)
            if value is not UNDEFINED:
                result[name] = value
        return result

    return build


_METHODS: dict[type, str] = {
    Constant: "_constant", Parameter: "_parameter", Name: "_path", Property: "_path", Element: "_element",
    Call: "_call", Unary: "_unary", Binary: "_binary", And: "_and", Or: "_or", Not: "_not", OneOf: "_one_of",
    Between: "_between", Like: "_like", Conditional: "_conditional", Coalesce: "_coalesce",
    ArrayLiteral: "_array", ObjectLiteral: "_object", Subquery: "_subquery",
}  # fmt: skip
