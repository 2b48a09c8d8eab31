"""Which invariants hold for every object with the same properties, whatever their values: decided once for a shape.

Of the 240 invariants of R4 most only ask which elements are there: `code.empty() or system.exists()`. An expression is
evaluated with what is known of its elements: absent or present. Where that does not suffice it is not surely true.
https://hl7.org/fhir/R4/fhirpath.html, http://hl7.org/fhirpath/N1/#boolean-logic
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from shared.domain.fhir.fhirpath.syntax import Binary, Call, Literal, Member, Node, Special


class Result:
    """What is known of the collection that an expression gives. No enumeration: those take ten times as long to make."""

    TRUE: Final = "true"
    FALSE: Final = "false"
    EMPTY: Final = "empty"
    PRESENT: Final = "one or more items"
    UNKNOWN: Final = "unknown"


_OF: Final = {True: Result.TRUE, False: Result.FALSE, None: Result.EMPTY}
Range = tuple[int, int | None]
"""The least and the most that a number is; None where there is no most."""
_NOTHING_FROM_NOTHING: Final = frozenset(
    {"where", "select", "first", "last", "tail", "ofType", "as", "matches", "startsWith", "endsWith", "contains",
     "toInteger", "toString", "substring", "not", "resolve"}
)  # fmt: skip
_TRUE_OF_NOTHING: Final = frozenset({"empty", "all", "isDistinct", "allTrue", "allFalse"})
_FALSE_OF_NOTHING: Final = frozenset({"exists", "hasValue", "anyTrue", "anyFalse"})


def surely_holds(tree: Node, present: Set[str], type_name: str) -> bool:
    """Whether the expression is true of every element of a type that has exactly the elements `present`."""
    return _Shape(present, type_name).result(tree) is Result.TRUE


class _Shape:
    def __init__(self, present: Set[str], type_name: str) -> None:
        self._present = present
        self._type_name = type_name

    def result(self, node: Node) -> str:
        if isinstance(node, Member):
            return self._member(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, Literal):
            return _OF[node.value] if isinstance(node.value, bool) else Result.PRESENT
        if isinstance(node, Special) and node.name == "this":
            return Result.PRESENT
        return Result.UNKNOWN

    def _member(self, node: Member) -> str:
        if node.source is None:
            if node.name == self._type_name:
                return Result.PRESENT
            return Result.PRESENT if node.name in self._present else Result.EMPTY
        if _is_itself(node.source, self._type_name):
            return self.result(Member(None, node.name))
        return Result.EMPTY if self.result(node.source) is Result.EMPTY else Result.UNKNOWN

    def _call(self, node: Call) -> str:
        source = Result.PRESENT if node.source is None else self.result(node.source)
        name = node.name
        if name == "trace":
            return source
        if source is Result.EMPTY:
            if name in _NOTHING_FROM_NOTHING:
                return Result.EMPTY
            if name in _TRUE_OF_NOTHING:
                return Result.TRUE
            return Result.FALSE if name in _FALSE_OF_NOTHING else Result.UNKNOWN
        if name == "not":
            return _OF[source is Result.FALSE] if source in _DECIDED else Result.UNKNOWN
        if source is Result.UNKNOWN or node.arguments:
            return Result.UNKNOWN
        if name == "exists":
            return Result.TRUE
        return Result.FALSE if name == "empty" else Result.UNKNOWN

    def _binary(self, node: Binary) -> str:
        left, right = self.result(node.left), self.result(node.right)
        if node.operator == "and":
            return _both(left, right)
        if node.operator == "or":
            return _either(left, right)
        if node.operator == "implies":
            if left is Result.FALSE or right is Result.TRUE:
                return Result.TRUE
            return right if left is Result.TRUE and right in _DECIDED else Result.UNKNOWN
        if node.operator in ("=", "!=", "xor"):
            if node.operator != "xor" and Result.EMPTY in (left, right):
                return Result.EMPTY
            if left in _DECIDED and right in _DECIDED:
                return _OF[(left is right) == (node.operator == "=")]
        if node.operator in _ORDERS:
            return _compared(self._number(node.left), node.operator, self._number(node.right))
        return Result.UNKNOWN

    def _number(self, node: Node) -> Range | None:
        """What a whole number or a count lies between; None for what may be no number."""
        if isinstance(node, Literal) and type(node.value) is int:
            return node.value, node.value
        if isinstance(node, Call) and node.name == "count" and node.source is not None:
            counted = self.result(node.source)
            if counted is not Result.UNKNOWN:
                return (0, 0) if counted is Result.EMPTY else (1, None)
        return None


def _compared(left: Range | None, operator: str, right: Range | None) -> str:
    if left is None or right is None:
        return Result.UNKNOWN
    if operator in (">", "<="):
        left, right = right, left
    # Now it is asked whether left < right, or whether it is not.
    (least, most), (low, high) = left, right
    is_less = operator in ("<", ">")
    if most is not None and most < low:
        return _OF[is_less]
    return _OF[not is_less] if high is not None and least >= high else Result.UNKNOWN


_ORDERS: Final = frozenset({"<", "<=", ">", ">="})
_DECIDED: Final = (Result.TRUE, Result.FALSE)


def _is_itself(node: Node, type_name: str) -> bool:
    return isinstance(node, Member) and node.source is None and node.name == type_name


def _both(left: str, right: str) -> str:
    if Result.FALSE in (left, right):
        return Result.FALSE
    return Result.TRUE if left is right is Result.TRUE else Result.UNKNOWN


def _either(left: str, right: str) -> str:
    if Result.TRUE in (left, right):
        return Result.TRUE
    return Result.FALSE if left is right is Result.FALSE else Result.UNKNOWN
