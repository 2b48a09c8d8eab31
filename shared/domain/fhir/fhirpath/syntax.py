"""The syntax tree of an expression: immutable, hashable, and the same for every reader of it.

http://hl7.org/fhirpath/N1/grammar.html. `at` is where the node's own sign begins in the text; equality leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

import msgspec

from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time

Constant: TypeAlias = bool | int | Decimal | str | Date | DateTime | Time | Quantity


class _Placed(msgspec.Struct, frozen=True, eq=False):
    """A node with the place where it begins in the text, `at`: equal to one that says the same elsewhere."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash((type(self), self._said()))

    def _said(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name != "at")


class Empty(_Placed, frozen=True, eq=False):
    """`{}`"""

    at: int = 0


class Literal(_Placed, frozen=True, eq=False):
    """`'text'`, `3`, `1.50`, `true`, `@2012-04`, `@T12:00`, `4 days`, `10 'mg'`."""

    value: Constant
    at: int = 0


class Variable(_Placed, frozen=True, eq=False):
    """`%resource`, `` %`vs-name` ``: an environment variable, named without its sign."""

    name: str
    at: int = 0


class Special(_Placed, frozen=True, eq=False):
    """`this`, `index` or `total`: what `$this`, `$index` and `$total` stand for."""

    name: str
    at: int = 0


class Member(_Placed, frozen=True, eq=False):
    """`source.name`; without a source the name is looked up in the context, which it may also name the type of."""

    source: Node | None
    name: str
    at: int = 0


class Call(_Placed, frozen=True, eq=False):
    """`source.name(arguments)`; without a source the function is applied to the context."""

    source: Node | None
    name: str
    arguments: tuple[Node, ...]
    at: int = 0


class Index(_Placed, frozen=True, eq=False):
    """`source[index]`"""

    source: Node
    index: Node
    at: int = 0


class Unary(_Placed, frozen=True, eq=False):
    """`-operand` or `+operand`"""

    operator: str
    operand: Node
    at: int = 0


class Binary(_Placed, frozen=True, eq=False):
    """`left operator right` for every operator between two expressions."""

    operator: str
    left: Node
    right: Node
    at: int = 0


class TypeName(msgspec.Struct, frozen=True):
    """`FHIR.Patient`, `System.Boolean`, or a bare name with the namespace `""`."""

    namespace: str
    name: str


class TypeTest(_Placed, frozen=True, eq=False):
    """`operand is type` or `operand as type`; the functions of these names are a `Call`."""

    operator: str
    operand: Node
    type: TypeName
    at: int = 0


Node: TypeAlias = Empty | Literal | Variable | Special | Member | Call | Index | Unary | Binary | TypeTest


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it; the arguments of `ofType` and its like, which are types, are among them."""
    yield node
    for child in _below(node):
        yield from walk(child)


def _below(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Call):
        return (node.source, *node.arguments) if node.source is not None else node.arguments
    if isinstance(node, Member):
        return (node.source,) if node.source is not None else ()
    if isinstance(node, Index):
        return (node.source, node.index)
    if isinstance(node, Binary):
        return (node.left, node.right)
    if isinstance(node, Unary | TypeTest):
        return (node.operand,)
    return ()
