"""The invariants written by hand against the published expressions."""

from __future__ import annotations

from random import Random

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.errata import expression_of
from shared.domain.fhir.validation.fast.natives import NATIVE
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
    assert not (NATIVE.keys() | NATIVE_OF_STRUCTURES.keys()) - published


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
