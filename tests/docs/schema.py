"""A judge of JSON against the keywords that our own schema uses; any other keyword is an error of the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_TYPES: dict[str, type | tuple[type, ...]] = {"object": dict, "string": str, "integer": int, "boolean": bool}
_ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description"}
_KEYWORDS = {
    "$ref", "oneOf", "type", "const", "enum", "pattern", "minLength", "minimum", "properties", "required",
    "additionalProperties",
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
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not one of {schema['enum']}"
    if isinstance(value, str):
        yield from _of_text(schema, value, at)
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{at}: below {schema['minimum']}"
    if isinstance(value, dict):
        yield from _of_object(schema, value, root, at)


def _of_text(schema: Schema, value: str, at: str) -> Iterator[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: does not match {schema['pattern']}"
    if len(value) < schema.get("minLength", 0):
        yield f"{at}: too short"


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


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and not (kind == "integer" and isinstance(value, bool))


def _resolved(root: Schema, reference: str) -> Schema:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    assert isinstance(found, dict)
    return found
