"""The fast pass, the complete reading and fhir.resources against each other, on resources made from the definitions.

GALEN_PROPERTY_EXAMPLES multiplies how many are tried.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.fhir import json
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import FAILURES
from shared.domain.fhir.validation import fast
from shared.domain.fhir.validation.explain import explain
from shared.domain.fhir.validation.validator import R4Validator
from tests.property.resources import broken, resource_of

MORE = int(os.environ.get("GALEN_PROPERTY_EXAMPLES", "1"))
SEEDS = st.integers(0, 2**32)
ALL_TYPES = sorted(r4().resource_types)
COMMON_TYPES = """
AllergyIntolerance CarePlan Claim Condition Coverage DiagnosticReport DocumentReference Encounter Goal Immunization
MedicationRequest Observation Organization Patient Practitioner Procedure Provenance QuestionnaireResponse
ServiceRequest Task
""".split()  # noqa: SIM905


def agrees(resource: dict[str, Any]) -> None:
    """What the fast pass answers, the complete reading finds."""
    for best_practice in (True, False):
        quick = fast.remarks(resource, best_practice=best_practice)
        if quick is not None:
            assert quick == explain(resource, r4(), best_practice=best_practice)
        told = R4Validator(best_practice=best_practice).validate(resource)
        assert told == explain(resource, r4(), best_practice=best_practice)


@given(SEEDS)
@settings(max_examples=150 * MORE, deadline=None, derandomize=MORE == 1)
def test_both_readings_agree_on_made_resources_of_every_type(seed: int) -> None:
    random = Random(seed)
    agrees(resource_of(random.choice(ALL_TYPES), random))


@given(SEEDS)
@settings(max_examples=250 * MORE, deadline=None, derandomize=MORE == 1)
def test_both_readings_agree_on_broken_resources(seed: int) -> None:
    random = Random(seed)
    resource = resource_of(random.choice(COMMON_TYPES), random)
    for _ in range(random.randrange(1, 3)):
        resource = broken(resource, random)
    agrees(resource)


@given(SEEDS)
@settings(max_examples=150 * MORE, deadline=None, derandomize=MORE == 1)
def test_what_fhir_resources_rejects_is_rejected(seed: int) -> None:
    random = Random(seed)
    resource = broken(resource_of(random.choice(COMMON_TYPES), random), random)
    name = resource.get("resourceType")
    if not isinstance(name, str) or name not in COMMON_TYPES:
        return
    try:
        get_fhir_model_class(name).model_validate(resource)
    except (ValueError, AttributeError, TypeError):  # it stumbles over some of what it refuses
        found = R4Validator().validate(resource)
        assert any(issue.severity in FAILURES for issue in found), resource


@given(SEEDS)
@settings(max_examples=100 * MORE, deadline=None, derandomize=MORE == 1)
def test_parsing_and_writing_again_is_the_same_text(seed: int) -> None:
    random = Random(seed)
    text = json.encode(resource_of(random.choice(ALL_TYPES), random))
    assert json.encode(json.decode(text)) == text
