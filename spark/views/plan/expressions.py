"""FHIRPath's syntax tree to SQL over the struct that a resource is parsed into."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.fhirpath import Element
from shared.domain.fhir.fhirpath.functions.conversion import to_string
from shared.domain.fhir.fhirpath.syntax import (
    Binary,
    Call,
    Constant,
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
from spark.views.plan.functions import FUNCTIONS, is_of, item_at
from spark.views.plan.navigation import child, narrowed
from spark.views.plan.operators import binary, negated
from spark.views.plan.values import NOTHING, NotPlanned, Value, boolean, integer, quoted, single, text

_OWN = {Date: "System.Date", DateTime: "System.DateTime", Time: "System.Time"}


class Expressions:
    """Compiles the paths of one view. `row_index` is the SQL of `%rowIndex` where the compiler stands."""

    def __init__(self, model: PackedDefinitions, root: Value, constants: Mapping[str, Any]) -> None:
        self.model = model
        self.row_index = "0"
        self._root = root
        self._constants = constants

    def value(self, node: Node, this: Value) -> Value:
        """`node` where `$this` is the single value `this`. Raises NotPlanned for what has no exact counterpart."""
        match node:
            case Empty():
                return NOTHING
            case Literal():
                return _literal(node.value)
            case Variable():
                return self._variable(node.name)
            case Special(name="this"):
                return this
            case Member():
                return self._member(node, this)
            case Index():
                place = single(self.value(node.index, this))
                return item_at(self.value(node.source, this), place.sql)
            case Call():
                return self._call(node, this)
            case Unary(operator="-"):
                return negated(self.value(node.operand, this))
            case Binary():
                return binary(node.operator, self.value(node.left, this), self.value(node.right, this))
            case TypeTest() if node.type.namespace != "System":
                source = self.value(node.operand, this)
                kept = narrowed(self.model, source, node.type.name)
                return kept if node.operator == "as" else is_of(source, kept)
        raise NotPlanned(f"{type(node).__name__} of this kind")

    def _member(self, node: Member, this: Value) -> Value:
        if node.source is None and node.name[:1].isupper():
            if this.type and self.model.is_subtype(this.type, node.name):
                return this
            raise NotPlanned("a path that begins with the name of another type")
        source = this if node.source is None else self.value(node.source, this)
        return child(self.model, source, node.name)

    def _call(self, node: Call, this: Value) -> Value:
        function = FUNCTIONS.get(node.name)
        if function is None:
            raise NotPlanned(f"the function {node.name}()")
        source = this if node.source is None else self.value(node.source, this)
        return function(self, source, node.arguments, this)

    def _variable(self, name: str) -> Value:
        if name in self._constants:
            constant = self._constants[name]
            return (
                _constant(constant.value, constant.type)
                if type(constant) is Element
                else integer(f"{constant}L")
            )
        if name == "rowIndex":
            return integer(self.row_index)
        if name in ("resource", "rootResource"):
            return self._root
        if name in _URLS:
            return text(quoted(_URLS[name]))
        raise NotPlanned(f"the variable %{name}")


_URLS = {"ucum": "http://unitsofmeasure.org", "sct": "http://snomed.info/sct", "loinc": "http://loinc.org"}


def _constant(value: Any, type_name: str) -> Value:
    if isinstance(value, bool):
        return Value("true" if value else "false", type_name)
    if isinstance(value, int) and type_name != "decimal":
        return Value(f"{value}L", type_name)
    return Value(quoted(str(value)), type_name)


def _literal(value: Constant) -> Value:
    if isinstance(value, bool):
        return boolean("true" if value else "false")
    if isinstance(value, int):
        return integer(f"{value}L") if value.bit_length() < 63 else NOTHING
    if isinstance(value, str):
        return text(quoted(value))
    if isinstance(value, Decimal):
        return Value(quoted(f"{value.normalize():f}"), "System.Decimal")
    if type(value) in _OWN:
        return Value(quoted(to_string(value) or ""), _OWN[type(value)])
    raise NotPlanned("a quantity")
