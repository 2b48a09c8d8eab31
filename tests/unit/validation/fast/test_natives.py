"""The invariants written by hand against the published expressions."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.errata import expression_of
from shared.domain.fhir.validation.fast.natives import NATIVE
from shared.domain.fhir.validation.fast.natives_of_definitions import NATIVE_OF_DEFINITIONS
from shared.domain.fhir.validation.fast.natives_of_structures import NATIVE_OF_STRUCTURES
from tests.property.resources import broken
from tests.unit.validation.fast.test_agreement import agrees, examples

PERIODS = [
    ("2020-01-01", "2020-01-02"),
    ("2020-01-02", "2020-01-01"),
    ("2020", "2020-01-01"),
    ("2020-01-01T10:00:00Z", "2020-01-01T11:00:00Z"),
    ("2020-01-01T10:00:00+02:00", "2020-01-01T09:00:00+00:00"),
    ("2020-01-01T12:00:00+00:00", "2020-01-01T11:00:00+00:00"),
    ("2020-03-29T01:59:59-05:00", "2020-03-29T03:00:00-04:00"),
    ("2016-12-31T23:59:60+00:00", "2017-01-01T01:00:00+01:00"),
    ("2020-01-01T12:00:00.5+00:00", "2020-01-01T12:00:00.5+00:00"),
]


def test_each_is_an_expression_of_the_definitions() -> None:
    types = (
        "Period",
        "Condition",
        "AllergyIntolerance",
        "Organization",
        "InsurancePlan",
        "ElementDefinition",
        "StructureDefinition",
        "CapabilityStatement",
        "CareTeam",
        "CodeSystem",
        "Measure",
        "Questionnaire",
        "TestScript",
    )
    for name in types:
        r4().type(name)
    published = {
        expression_of(constraint)
        for definition in list(r4()._types.values())
        for constraints in (
            definition.constraints,
            *(each.constraints for each in definition.elements.values()),
        )
        for constraint in constraints
    }
    assert not (NATIVE.keys() | NATIVE_OF_STRUCTURES.keys() | NATIVE_OF_DEFINITIONS.keys()) - published


@pytest.mark.parametrize(("start", "end"), PERIODS)
def test_what_a_period_passes_by_hand_holds_when_evaluated(start: str, end: str) -> None:
    expression = "start.hasValue().not() or end.hasValue().not() or (start <= end)"
    period = {"start": start, "end": end}
    try:
        by_hand = NATIVE[expression](period)
    except ValueError:
        return
    if by_hand:
        assert fhirpath.compile(expression).is_true(period, type_name="Period", model=r4())


def test_broken_structure_definitions() -> None:
    random = Random(3)
    structures = [each for each in examples(1_500) if each["resourceType"] == "StructureDefinition"]
    assert structures
    for structure in random.sample(structures, min(25, len(structures))):
        agrees(structure)
        for _ in range(6):
            agrees(broken(structure, random))


ITEM = {"linkId": "1", "type": "string", "text": "x"}
OPTION = {"valueString": "a"}


@pytest.mark.parametrize(
    "items",
    [
        [ITEM, {**ITEM, "linkId": "2"}],
        [ITEM, ITEM],
        [{**ITEM, "type": "group", "item": [ITEM]}],
        [{**ITEM, "type": "group"}],
        [{**ITEM, "type": "display", "item": [{**ITEM, "linkId": "2"}]}],
        [{**ITEM, "type": "display", "code": [{"system": "http://a.org", "code": "x"}]}],
        [{**ITEM, "type": "display", "required": True}],
        [{**ITEM, "type": "display", "readOnly": True}],
        [{**ITEM, "type": "display", "initial": [OPTION]}],
        [{**ITEM, "type": "boolean", "answerOption": [OPTION]}],
        [{**ITEM, "type": "date", "maxLength": 3}],
        [{**ITEM, "initial": [OPTION, OPTION]}],
        [{**ITEM, "initial": [OPTION, OPTION], "repeats": True}],
        [
            ITEM,
            {
                **ITEM,
                "linkId": "2",
                "enableWhen": [{"question": "1", "operator": "exists", "answerString": "x"}],
            },
        ],
        [
            ITEM,
            {
                **ITEM,
                "linkId": "2",
                "enableWhen": [{"question": "1", "operator": "=", "answerString": "x"}] * 2,
            },
        ],
    ],
)
def test_items_of_a_questionnaire(items: list[dict[str, Any]]) -> None:
    agrees({"resourceType": "Questionnaire", "status": "draft", "item": items})


@pytest.mark.parametrize(
    "codes",
    [
        [{"code": "a"}, {"code": "b", "concept": [{"code": "c"}]}],
        [{"code": "a"}, {"code": "b", "concept": [{"code": "a"}]}],
        [{"code": "a", "concept": [{"code": "b", "concept": [{"code": "b"}]}]}],
    ],
)
def test_codes_of_a_code_system(codes: list[dict[str, Any]]) -> None:
    agrees({"resourceType": "CodeSystem", "status": "draft", "content": "complete", "concept": codes})


def test_broken_definitions() -> None:
    random = Random(4)
    types = {"CapabilityStatement", "CareTeam", "CodeSystem", "Measure", "Questionnaire", "TestScript"}
    chosen = [each for each in examples(1_500) if each["resourceType"] in types]
    assert chosen
    for resource in random.sample(chosen, min(40, len(chosen))):
        for _ in range(4):
            agrees(broken(resource, random))
