"""Values stand in findings where somebody asked for them, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.validation.shown_values import ShownValues
from shared.domain.fhir.validation.validator import R4Validator

PATIENT: dict[str, Any] = {"resourceType": "Patient"}


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"gender": "mystery"}, ' Found: "mystery"'),
        ({"birthDate": "1950-13-01"}, ' Found: "1950-13-01"'),
        ({"multipleBirthInteger": "two"}, ' Found: "two"'),
        ({"name": [{"use": "official"}, {"use": "b" * 500}]}, f' Found: "{"b" * 119}…'),
    ],
)
def test_a_finding_ends_with_its_value_where_it_was_asked_for(more: dict[str, Any], found: str) -> None:
    rules = R4Validator(best_practice=False)
    [shown] = ShownValues(rules).validate({**PATIENT, **more})
    [plain] = rules.validate({**PATIENT, **more})
    assert shown.text == plain.text + found
    assert (shown.rule, shown.expression) == (plain.rule, plain.expression)


def test_what_is_absent_has_no_value() -> None:
    [shown] = ShownValues(R4Validator(best_practice=False)).validate({**PATIENT, "link": [{"type": "refer"}]})
    assert "Found" not in shown.text
