"""Whatever an expression is applied to, it answers or raises an error of ours: data is not always what it should be."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.fhirpath.functions.registry import FUNCTIONS

OPERANDS = (
    *(
        "{}",
        "true",
        "0",
        "-7",
        "2.50",
        "1000000000000000000000000000000.000000001",
        "'text'",
        "''",
        "'1'",
        "'('",
    ),
    *(
        "@2012",
        "@2012-04-15",
        "@2012-04-15T10:30:00.5+02:00",
        "@0001-01-01T00:00Z",
        "@T10:30",
        "3 'mg'",
        "1 year",
    ),
    *(
        "0 'Cel'",
        "5 'nonsense'",
        "(1 | 'a' | 2.0)",
        "%resource",
        "%resource.children()",
        "birthDate",
        "name",
        "$this",
    ),
    *(
        "identifier",
        "active",
        "value",
        "extension",
        "maritalStatus",
        "1e",
        "contact.relationship",
        "name.given[0]",
    ),
)
OPERATORS = (
    *("+", "-", "*", "/", "div", "mod", "&", "|", "=", "!=", "~", "!~", "<", "<=", ">", ">="),
    *("in", "contains", "and", "or", "xor", "implies"),
)
WRONG: dict[str, Any] = {
    "resourceType": "Patient",
    "id": 7,
    "birthDate": "not a date",
    "_birthDate": [None, {"id": "x"}],
    "active": "yes",
    "name": "no object",
    "identifier": [[{"value": 1}], None, 5, {"value": {"a": [1.5, True]}}],
    "extension": {"url": 3, "valueQuantity": {"value": "many", "system": 5, "code": ["a"]}},
    "maritalStatus": {"coding": [{"code": None}]},
    "contact": [{"relationship": "x", "resourceType": 4}],
    "contained": [{"resourceType": ["Patient"]}, "text", None],
    "managingOrganization": {"reference": "#x"},
}
RIGHT: dict[str, Any] = {
    "resourceType": "Patient",
    "birthDate": "1974-12-25",
    "active": True,
    "name": [{"given": ["a"], "family": "b"}],
    "extension": [{"url": "x", "valueDecimal": 1e300}],
}


def expressions(number: int) -> list[str]:
    chance = random.Random(20_260_314)
    found = []
    for _ in range(number):
        one, other, third = (chance.choice(OPERANDS) for _ in range(3))
        name = chance.choice(sorted(FUNCTIONS))
        arguments = ", ".join(
            (other, third)[: chance.randint(FUNCTIONS[name].least, min(FUNCTIONS[name].most, 2))]
        )
        found.append(
            f"({one}).{name}({arguments})"
            if chance.random() < 0.6
            else f"{one} {chance.choice(OPERATORS)} {other}"
        )
    return found


@pytest.mark.parametrize("focus", [WRONG, RIGHT], ids=["wrong data", "right data"])
@pytest.mark.parametrize("model", [None, r4()], ids=["without model", "with model"])
def test_answers_or_raises_an_error_of_ours(focus: dict[str, Any], model: fhirpath.TypeModel | None) -> None:
    for text in expressions(4_000):
        try:
            fhirpath.compile(text).evaluate(focus, model=model)
        except fhirpath.FhirPathError:
            continue
        except Exception as error:  # noqa: BLE001
            pytest.fail(f"{text} raised {error!r}")
