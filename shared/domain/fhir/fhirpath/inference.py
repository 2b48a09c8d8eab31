"""Which types an expression can give, told without any data. http://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias

from shared.domain.fhir.fhirpath.functions.registry import FUNCTIONS
from shared.domain.fhir.fhirpath.model import TypeModel
from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.syntax import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Unary,
    Variable,
)
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time
from shared.domain.fhir.fhirpath.types import type_name

Types: TypeAlias = frozenset[str] | None
"""FHIR's types by name, FHIRPath's own as `System.Boolean`; empty where nothing can come, None where that is not known."""

BOOLEAN: Final[Types] = frozenset({"System.Boolean"})
INTEGER: Final[Types] = frozenset({"System.Integer"})
DECIMAL: Final[Types] = frozenset({"System.Decimal"})
STRING: Final[Types] = frozenset({"System.String"})
_NOTHING: Final[Types] = frozenset()

_SAME: Final = frozenset(
    {
        "where", "first", "last", "tail", "skip", "take", "single", "distinct", "exclude", "intersect", "trace",
        "union", "combine", "abs", "ceiling", "floor", "round", "truncate", "lowBoundary", "highBoundary", "sort",
        "getValue",
    }
)  # fmt: skip
"""Functions that give what they are applied to, or a value of its type."""
_GIVES: Final[dict[str, Types]] = {
    **dict.fromkeys(("count", "length", "indexOf", "lastIndexOf", "toInteger", "precision"), INTEGER),
    **dict.fromkeys(("toDecimal", "sqrt", "ln", "exp", "log", "power", "avg"), DECIMAL),
    **dict.fromkeys(
        (
            "join", "substring", "upper", "lower", "replace", "replaceMatches", "trim", "split", "toChars", "toString",
            "encode", "decode", "escape", "unescape", "getReferenceKey",
        ),
        STRING,
    ),
    "getResourceKey": frozenset({"id"}),
    "extension": frozenset({"Extension"}),
}  # fmt: skip
_LOGICAL: Final = frozenset(
    {"and", "or", "xor", "implies", "in", "contains", "=", "~", "!=", "!~", "<", "<=", ">", ">="}
)
_OWN: Final[dict[type, str]] = {
    bool: "Boolean", int: "Integer", Decimal: "Decimal", str: "String", Date: "Date", DateTime: "DateTime", Time: "Time",
    Quantity: "Quantity",
}  # fmt: skip
_OWN_NAMES: Final = frozenset({*_OWN.values(), "Any"})
WHOLE: Final = frozenset({"integer", "positiveInt", "unsignedInt", "integer64", "System.Integer"})
NUMBERS: Final = WHOLE | {"decimal", "System.Decimal"}
_OPEN: Final = frozenset({"", "Resource", "DomainResource"})


class Inference:
    """Types of expressions over `model`. `missing` collects (type, element) for steps that no data of the model has.

    `impossible` collects the elements that none of the types has at which an expression looks for them.
    """

    def __init__(self, model: TypeModel, variables: Mapping[str, Types]) -> None:
        self._model = model
        self._variables = variables
        self.missing: list[tuple[str, str]] = []
        self.impossible: list[str] = []

    def types(self, node: Node, this: Types) -> Types:
        """What `node` can give where `$this` is of the types `this`."""
        if isinstance(node, Empty):
            return _NOTHING
        if isinstance(node, Literal):
            return frozenset({f"System.{_OWN[type(node.value)]}"})
        if isinstance(node, Variable):
            return self._variables.get(node.name)
        if isinstance(node, Special):
            return {"this": this, "index": INTEGER}.get(node.name)
        if isinstance(node, Member):
            return self._member(node, this)
        if isinstance(node, Call):
            return self._call(node, this)
        if isinstance(node, Index):
            self.types(node.index, this)
            return self.types(node.source, this)
        if isinstance(node, Unary):
            return self.types(node.operand, this)
        if isinstance(node, TypeTest):
            found = self.types(node.operand, this)
            return (
                BOOLEAN
                if node.operator == "is"
                else self._narrowed(found, node.type.namespace, node.type.name)
            )
        return self._binary(node, this)

    def _member(self, node: Member, this: Types) -> Types:
        source = this if node.source is None else self.types(node.source, this)
        if source is None:
            return None
        if node.source is None and node.name[:1].isupper():
            named = {name for name in source if self._model.is_subtype(name, node.name)}
            if named:
                return frozenset(named)
        found: set[str] = set()
        for name in sorted(source):
            if name in _OPEN:
                return None
            if not name.startswith("System."):
                found |= self._child(name, node.name)
        if source and not found and not any(name.startswith("System.") for name in source):
            self.impossible.append(node.name)
        return None if found & _OPEN else frozenset(found)

    def _child(self, owner: str, element: str) -> set[str]:
        properties = self._model.properties(owner, element)
        if properties is None:
            self.missing.append((owner, element))
            return set()
        return set(properties.values())

    def _call(self, node: Call, this: Types) -> Types:
        source = this if node.source is None else self.types(node.source, this)
        name = node.name
        if name in ("is", "as", "ofType", "getReferenceKey"):
            if name in ("is", "getReferenceKey"):
                return BOOLEAN if name == "is" else STRING
            wanted = type_name(node.arguments[0])
            return self._narrowed(source, wanted.namespace, wanted.name)
        function = FUNCTIONS[name]
        found = [
            self.types(each, source if function.is_loop or name == "iif" else this) for each in node.arguments
        ]
        if function.bind_predicate is not None or name in ("exists", "empty"):
            return BOOLEAN
        if name in ("union", "combine"):
            return _either(source, *found)
        if name in _SAME:
            return source
        if name == "iif":
            return _either(*found[1:])
        return found[0] if name == "select" else _GIVES.get(name)

    def _narrowed(self, source: Types, namespace: str, name: str) -> Types:
        """What `ofType` leaves: a name that no type of the source has is the expression's own affair."""
        if namespace == "System" or (namespace == "" and name in _OWN_NAMES and not self._is_fhir(name)):
            return frozenset({f"System.{name}"})
        if source is None:
            return frozenset({name})
        kept = {each for each in source if each == name or self._model.is_subtype(each, name)}
        return frozenset(kept)

    def _is_fhir(self, name: str) -> bool:
        return self._model.properties(name, "id") is not None

    def _binary(self, node: Binary, this: Types) -> Types:
        left, right = self.types(node.left, this), self.types(node.right, this)
        if node.operator in _LOGICAL:
            return BOOLEAN
        if node.operator == "|":
            return _either(left, right)
        if node.operator == "&":
            return STRING
        if left is None or right is None:
            return None
        if left | right <= NUMBERS:
            whole = left | right <= WHOLE and node.operator != "/"
            return INTEGER if whole or node.operator == "div" else DECIMAL
        return left


def _either(*several: Types) -> Types:
    known = [types for types in several if types is not None]
    return frozenset().union(*known) if len(known) == len(several) else None
