"""A judge of JSON against the keywords that our own schema uses; any other keyword is an error of the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Schema = dict[str, Any]
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float, Decimal),
    "boolean": bool,
    "null": type(None),
}
_ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description"}
_KEYWORDS = {
    "$ref", "oneOf", "type", "const", "enum", "pattern", "minLength", "maxLength", "minimum", "properties", "required",
    "additionalProperties", "items", "minItems", "maxItems",
}  # fmt: skip


def faults(schema: Schema, value: Any, root: Schema | None = None, at: str = "") -> Iterator[str]:
    """What is wrong with the value, each as a place and a reason."""
    root = root or schema
    unknown = schema.keys() - _ANNOTATIONS - _KEYWORDS
    assert not unknown, f"the schema uses {unknown}"
    if "$ref" in schema:
        yield from faults(_resolved(root, schema["$ref"]), value, root, at)
    if "oneOf" in schema:
        found = [list(faults(option, value, root, at)) for option in schema["oneOf"]]
        if sum(not each for each in found) != 1:
            yield f"{at}: not exactly one of {len(found)} forms: {found}"
    if "type" in schema and not _is(schema["type"], value):
        yield f"{at}: no {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']!r}"
    if "enum" in schema and not any(
        each == value and isinstance(each, bool) == isinstance(value, bool) for each in schema["enum"]
    ):
        yield f"{at}: not one of {schema['enum']}"
    if isinstance(value, str):
        yield from _of_text(schema, value, at)
    if "minimum" in schema and _is("number", value) and value < schema["minimum"]:
        yield f"{at}: below {schema['minimum']}"
    if isinstance(value, list):
        yield from _of_array(schema, value, root, at)
    if isinstance(value, dict):
        yield from _of_object(schema, value, root, at)


def _of_text(schema: Schema, value: str, at: str) -> Iterator[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: does not match {schema['pattern']}"
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{at}: {len(value)} characters"


def _of_array(schema: Schema, value: list[Any], root: Schema, at: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at}: {len(value)} items"
    for number, child in enumerate(value):
        yield from faults(schema.get("items", {}), child, root, f"{at}/{number}")


def _of_object(schema: Schema, value: dict[str, Any], root: Schema, at: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}/{name}: missing"
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, child in value.items():
        if name in properties:
            yield from faults(properties[name], child, root, f"{at}/{name}")
        elif others is False:
            yield f"{at}/{name}: not allowed"
        elif others is not True:
            yield from faults(others, child, root, f"{at}/{name}")


def _is(kind: str | list[str], value: Any) -> bool:
    if isinstance(kind, list):
        return any(_is(each, value) for each in kind)
    return isinstance(value, _TYPES[kind]) and not (kind in ("integer", "number") and isinstance(value, bool))


def _resolved(root: Schema, reference: str) -> Schema:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    assert isinstance(found, dict)
    return found
