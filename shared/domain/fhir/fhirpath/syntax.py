"""The syntax tree of an expression: immutable, hashable, and the same for every reader of it.

http://hl7.org/fhirpath/N1/grammar.html. `at` is where the node's own sign begins in the text; equality leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time

Constant: TypeAlias = bool | int | Decimal | str | Date | DateTime | Time | Quantity


@dataclass(frozen=True, slots=True)
class Empty:
    """`{}`"""

    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """`'text'`, `3`, `1.50`, `true`, `@2012-04`, `@T12:00`, `4 days`, `10 'mg'`."""

    value: Constant
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """`%resource`, `` %`vs-name` ``: an environment variable, named without its sign."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Special:
    """`this`, `index` or `total`: what `$this`, `$index` and `$total` stand for."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`source.name`; without a source the name is looked up in the context, which it may also name the type of."""

    source: Node | None
    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`source.name(arguments)`; without a source the function is applied to the context."""

    source: Node | None
    name: str
    arguments: tuple[Node, ...]
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`source[index]`"""

    source: Node
    index: Node
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-operand` or `+operand`"""

    operator: str
    operand: Node
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right` for every operator between two expressions."""

    operator: str
    left: Node
    right: Node
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TypeName:
    """`FHIR.Patient`, `System.Boolean`, or a bare name with the namespace `""`."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is type` or `operand as type`; the functions of these names are a `Call`."""

    operator: str
    operand: Node
    type: TypeName
    at: int = field(default=0, compare=False, repr=False)


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
