"""FHIRPath's functions as SQL: those that mean exactly the same there. http://hl7.org/fhirpath/N1/#functions"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.fhirpath.functions.keys import REFERENCE
from shared.domain.fhir.fhirpath.syntax import Literal, Node
from shared.domain.fhir.fhirpath.types import type_name
from shared.domain.fhir.views import Kind
from spark.views.plan.navigation import child, narrowed
from spark.views.plan.values import (
    NOTHING,
    NotPlanned,
    Value,
    array_of,
    boolean,
    integer,
    is_there,
    once,
    quoted,
    single,
    text,
    truth,
    with_item,
)


class Scope(Protocol):
    """What a function may ask: the definitions, and an argument's value with a given `$this`."""

    model: PackedDefinitions

    def value(self, node: Node, this: Value) -> Value: ...


Function = Callable[[Scope, Value, tuple[Node, ...], Value], Value]
"""Scope, input, arguments, and the `$this` of the place where it is called."""


def _where(scope: Scope, source: Value, arguments: tuple[Node, ...], _: Value) -> Value:
    return _filtered(scope, source, arguments[0])


def _filtered(scope: Scope, source: Value, criterion: Node) -> Value:
    if source.is_nothing:
        return NOTHING
    if source.choices:
        raise NotPlanned("where() on a choice of types that ofType() does not narrow")
    if not source.is_many:
        sql = f"CASE WHEN {truth(scope.value(criterion, source))} THEN {source.sql} END"
        return Value(sql, source.type, used=source.used, is_computed=source.is_computed)
    sql = with_item(
        source.sql,
        "filter",
        lambda name: f"coalesce({truth(scope.value(criterion, source.item(name)))}, false)",
    )
    return Value(sql, source.type, is_many=True, used=source.used, is_computed=source.is_computed)


def _exists(scope: Scope, source: Value, arguments: tuple[Node, ...], _: Value) -> Value:
    return boolean(is_there(_filtered(scope, source, arguments[0]) if arguments else source))


def _empty(_scope: Scope, source: Value, _arguments: tuple[Node, ...], _: Value) -> Value:
    return boolean(f"(NOT {is_there(source)})")


def _all(scope: Scope, source: Value, arguments: tuple[Node, ...], _: Value) -> Value:
    if source.is_nothing:
        return boolean("true")
    sql = with_item(
        array_of(source), "forall",
        lambda name: f"coalesce({truth(scope.value(arguments[0], source.item(name)))}, false)",
    )  # fmt: skip
    return boolean(sql)


def _select(scope: Scope, source: Value, arguments: tuple[Node, ...], _: Value) -> Value:
    if source.is_nothing:
        return NOTHING
    if not source.is_many:
        return scope.value(arguments[0], source)
    probe = scope.value(arguments[0], source.item("probe"))
    if probe.is_nothing or probe.choices:
        raise NotPlanned("select() of nothing or of a choice of types")
    mapped = with_item(source.sql, "transform", lambda name: scope.value(arguments[0], source.item(name)).sql)
    sql = f"flatten(array_compact({mapped}))" if probe.is_many else f"array_compact({mapped})"
    return Value(sql, probe.type, is_many=True, used=probe.used, is_computed=probe.is_computed)


def _not(_scope: Scope, source: Value, _arguments: tuple[Node, ...], _: Value) -> Value:
    return boolean(f"(NOT {truth(source)})")


def _count(_scope: Scope, source: Value, _arguments: tuple[Node, ...], _: Value) -> Value:
    if source.choices:
        raise NotPlanned("count() of a choice of types that ofType() does not narrow")
    return integer("0" if source.is_nothing else f"size({array_of(source)})")


def _first(_scope: Scope, source: Value, _arguments: tuple[Node, ...], _: Value) -> Value:
    return item_at(source, "0")


def item_at(source: Value, place: str) -> Value:
    """The item of a collection at a place from 0; empty where there is none."""
    if source.is_many:
        return source.item(f"get({source.sql}, {place})")
    if source.is_nothing or place == "0":
        return source
    if source.choices:
        raise NotPlanned("an index into a choice of types")
    return source.item(f"CASE WHEN {place} = 0 THEN {source.sql} END")


def _last(_scope: Scope, source: Value, _arguments: tuple[Node, ...], _: Value) -> Value:
    return source.item(f"try_element_at({source.sql}, -1)") if source.is_many else source


def _join(scope: Scope, source: Value, arguments: tuple[Node, ...], this: Value) -> Value:
    if source.is_nothing:
        return NOTHING
    if source.choices or source.kind is not Kind.TEXT:
        raise NotPlanned("join() of something that is no text")
    separator = single(scope.value(arguments[0], this)).sql if arguments else "''"
    sql = once(
        array_of(source), lambda name: f"CASE WHEN size({name}) > 0 THEN array_join({name}, {separator}) END"
    )
    return text(sql)


def _of_type(scope: Scope, source: Value, arguments: tuple[Node, ...], _: Value) -> Value:
    wanted = type_name(arguments[0])
    if wanted.namespace == "System":
        raise NotPlanned("a test for one of FHIRPath's own types")
    return narrowed(scope.model, source, wanted.name)


def _is(scope: Scope, source: Value, arguments: tuple[Node, ...], this: Value) -> Value:
    return is_of(source, _of_type(scope, source, arguments, this))


def is_of(source: Value, kept: Value) -> Value:
    """Whether the single item of `source` is among `kept`, what of it is of a type; empty for none."""
    if source.choices:
        every = is_there(source)
        return boolean(f"CASE WHEN {every} THEN {is_there(kept)} END")
    return boolean(f"CASE WHEN {is_there(single(source))} THEN {'false' if kept.is_nothing else 'true'} END")


def _extension(scope: Scope, source: Value, arguments: tuple[Node, ...], this: Value) -> Value:
    extensions = child(scope.model, source, "extension")
    url = single(scope.value(arguments[0], this)).sql
    if extensions.is_nothing:
        return NOTHING
    sql = with_item(extensions.sql, "filter", lambda name: f"coalesce({name}.url = {url}, false)")
    assert extensions.used is not None
    extensions.used.read("url", "uri", is_array=False)
    return Value(sql, "Extension", is_many=True, used=extensions.used)


def _resource_key(scope: Scope, source: Value, _arguments: tuple[Node, ...], _: Value) -> Value:
    if "." in source.type or source.type not in scope.model.resource_types:
        return NOTHING
    return child(scope.model, source, "id")


def _reference_key(scope: Scope, source: Value, arguments: tuple[Node, ...], _: Value) -> Value:
    reference = NOTHING if source.is_nothing else child(scope.model, source, "reference")
    if source.type != "Reference" or reference.is_nothing:
        return NOTHING
    node = arguments[0] if arguments else None
    wanted = ""
    if node is not None:
        wanted = str(node.value) if isinstance(node, Literal) else type_name(node).name
    whole = quoted(f"^(?:{REFERENCE.pattern})$")

    def key(name: str) -> str:
        is_of = f" AND regexp_extract({name}, {whole}, 1) = {quoted(wanted)}" if wanted else ""
        return f"CASE WHEN {name} RLIKE {whole}{is_of} THEN regexp_extract({name}, {whole}, 2) END"

    if reference.is_many:
        return text(f"array_compact({with_item(reference.sql, 'transform', key)})", is_many=True)
    return text(once(reference.sql, key))


def _of_texts(pattern: str, *, gives: Callable[[str], Value] = text) -> Function:
    """A function of single texts; null if any of them is."""

    def function(scope: Scope, source: Value, arguments: tuple[Node, ...], this: Value) -> Value:
        values = [source, *(scope.value(argument, this) for argument in arguments)]
        if any(value.is_nothing for value in values):
            return NOTHING
        if any(value.choices or value.kind is not Kind.TEXT for value in values):
            raise NotPlanned("a function of text on something else")
        return gives(pattern.format(*(single(value).sql for value in values)))

    return function


FUNCTIONS: Final[dict[str, Function]] = {
    "where": _where,
    "exists": _exists,
    "empty": _empty,
    "all": _all,
    "select": _select,
    "not": _not,
    "count": _count,
    "first": _first,
    "last": _last,
    "join": _join,
    "ofType": _of_type,
    "as": _of_type,
    "is": _is,
    "extension": _extension,
    "getResourceKey": _resource_key,
    "getReferenceKey": _reference_key,
    "startsWith": _of_texts("startswith({0}, {1})", gives=boolean),
    "endsWith": _of_texts("endswith({0}, {1})", gives=boolean),
    "contains": _of_texts("contains({0}, {1})", gives=boolean),
    "length": _of_texts("CAST(char_length({0}) AS BIGINT)", gives=integer),
    "upper": _of_texts("upper({0})"),
    "lower": _of_texts("lower({0})"),
    "indexOf": _of_texts("CAST(instr({0}, {1}) - 1 AS BIGINT)", gives=integer),
}
