"""Resources made from the definitions, and the ways to break them.

Values are plausible, not always valid together: half of what is made breaks an invariant, which is as good a test.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from shared.domain.fhir.definitions.model import Element, Kind, Strength, TypeRef
from shared.domain.fhir.definitions.reader import r4

_VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "boolean": (True, False),
    "integer": (0, 1, -7, 2**31 - 1),
    "unsignedInt": (0, 3),
    "positiveInt": (1, 12),
    "decimal": (0, 1.5, -2.25),
    "string": ("text", "a < b", "ünïcode", "two  spaces"),
    "markdown": ("*text*", "a <b>bold</b> word"),
    "code": ("active", "final", "a b"),
    "id": ("a1", "A-1.b"),
    "uri": ("http://example.org/x", "urn:oid:1.2.3", "relative"),
    "url": ("https://example.org/y",),
    "canonical": ("http://example.org/z|1", "http://hl7.org/fhir/ValueSet/languages"),
    "oid": ("urn:oid:1.2.840",),
    "uuid": ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520",),
    "base64Binary": ("QUJD", "QQ=="),
    "date": ("2024-02-29", "2024-02", "1999"),
    "dateTime": ("2024-02-29T12:00:00Z", "2024-01-31", "2023-07", "2024-02-29T12:00:00.5+05:30"),
    "instant": ("2024-02-29T12:00:00.123Z", "2024-01-28T00:00:00-14:00"),
    "time": ("12:30:00",),
    "xhtml": ('<div xmlns="http://www.w3.org/1999/xhtml">text</div>',),
}
_REFERENCES: Final = (
    "Patient/1",
    "Observation/a",
    "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "http://a.org/Group/2",
)
_NO_VALUES: Final[tuple[Any, ...]] = (
    None,
    "",
    [],
    {},
    3,
    "x",
    True,
    [None],
    ["x"],
    {"id": "x"},
    {"a": 1},
    [[]],
    1e400,
)
_DEEPEST: Final = 4


def resource_of(type_name: str, random: Random) -> dict[str, Any]:
    """A resource with its required elements and some of the others."""
    return {"resourceType": type_name, **_object(type_name, random, 0)}


def broken(resource: dict[str, Any], random: Random) -> dict[str, Any]:
    """A copy with one thing dropped, doubled, renamed or made of another type."""
    changed = copy.deepcopy(resource)
    owner, key = random.choice(list(_places(changed)))
    value = owner[key]
    kind = random.randrange(5)
    if kind == 0:
        del owner[key]
    elif kind == 1 and isinstance(value, list):
        owner[key] = value + value if random.random() < 0.5 else value[0]
    elif kind == 1:
        owner[key] = [value, value]
    elif kind == 2 and isinstance(key, str):
        del owner[key]
        owner[random.choice((key.upper(), key + "s", "_" + key, key[:-1], "value" + key.title()))] = value
    else:
        owner[key] = random.choice(_NO_VALUES)
    return changed


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(entries):
        yield node, key
        yield from _places(value)


def _object(type_name: str, random: Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for element in r4().type(type_name).elements.values():
        wanted = random.random() < (0.25 if depth < 2 else 0.1)
        if element.low == 0 and (
            not wanted or depth >= _DEEPEST or element.name in ("id", "contained", "modifierExtension")
        ):
            continue
        name = random.choice(list(element.properties))
        value = _value(element, element.properties[name], random, depth)
        if value is not None:
            made[name] = [value] if element.is_array else value
    if not made:
        made = {"extension": [{"url": "http://example.org/e", "valueBoolean": True}]}
    return made


def _value(element: Element, reference: TypeRef, random: Random, depth: int) -> Any:
    if reference.name == "Resource":
        return None
    if reference.name == "Extension":
        return {"url": "http://example.org/e", random.choice(("valueString", "valueCode")): "x"}
    if r4().type(reference.name).kind is not Kind.PRIMITIVE:
        if reference.name == "Reference":
            return {"reference": random.choice(_REFERENCES)}
        return _object(reference.name, random, depth + 1)
    if element.binding is not None and element.binding.strength is Strength.REQUIRED:
        codes = r4().value_set(element.binding.value_set)
        if codes is not None and codes.systems:
            return random.choice(sorted(random.choice(sorted(map(sorted, codes.systems.values())))))
    return random.choice(_VALUES[reference.name])
