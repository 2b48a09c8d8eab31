"""Google's lists of valid and invalid primitive values: every value of R4 is judged as its list says.

https://github.com/google/fhir (Apache-2.0), testdata/r4/validation. Needs GALEN_TEST_DATA with primitives-google. Each
value is put where a resource has one of its type; null stands for a primitive that only has extensions.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.explain import explain
from shared.domain.fhir.validation.primitives import primitive_fault
from tests.unit.validation.corpora.archives import archive, failures, ndjson

_LIST: Final = re.compile(r"r4/validation/(\w+)\.(valid|invalid)\.ndjson")
_TYPES: Final = {
    "base64_binary": "base64Binary",
    "date_time": "dateTime",
    "positive_int": "positiveInt",
    "unsigned_int": "unsignedInt",
}
_ABSENT: Final = {"extension": [{"url": "http://example.org/why", "valueCode": "unknown"}]}


def _lists() -> list[tuple[str, bool, list[Any]]]:
    found = []
    for name, text in sorted(archive("primitives-google").items()):
        match = _LIST.fullmatch(name)
        if match is not None:
            found.append((match[1], match[2] == "valid", list(ndjson(text))))
    assert len(found) > 15
    return found


def _is_accepted(kind: str, value: Any) -> bool:
    if kind == "xhtml":
        # The list is of JSON kinds: its valid values have no namespace or no text, which a Narrative must have.
        return value is not None and primitive_fault("xhtml", value) is None
    if kind == "reference":
        return not failures(explain(_carrier("valueReference", value), r4()))
    type_name = _TYPES.get(kind, kind)
    name = f"value{type_name[0].upper()}{type_name[1:]}"
    return not failures(explain(_carrier(name, value), r4()))


def _carrier(name: str, value: Any) -> dict[str, Any]:
    held = {f"_{name}": _ABSENT} if value is None else {name: value}
    return {
        "resourceType": "Basic",
        "code": {"text": "a carrier"},
        "extension": [{"url": "http://example.org/held", **held}],
    }


def test_every_value_is_judged_as_its_list_says() -> None:
    wrong = [
        (kind, value, is_valid)
        for kind, is_valid, values in _lists()
        for value in values
        # A bare blank is a string to FHIR, and no canonical, uuid or code.
        if _is_accepted(kind, value) != is_valid
    ]
    assert wrong == []
