"""Files that Microsoft's server keeps because they are invalid: each is rejected, and for what is wrong with it.

https://github.com/microsoft/fhir-server (MIT), half of its test files. Needs GALEN_TEST_DATA with ms-fhir-server-files.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.unit.validation.corpora.archives import archive, failures, issues_of

_FOLDER: Final = "Microsoft.Health.Fhir.Tests.Common/TestFiles/"
_WRONG: Final = [
    ("Normative/Bundle-TransactionWithInvalidResourceType.json", "reference-form"),
    ("Normative/Bundle-TransactionWithMultipleResourcesWithSameFullUrl.json", "bdl-7"),
    ("Normative/ObservationWithInvalidStatus.json", "binding-required"),
    ("Normative/ObservationWithNoCode.json", "required"),
    ("Normative/PatientMissingResourceType.json", "resource-type"),
    ("Normative/SearchParameterBadSyntax.json", "search-expression"),
    ("Normative/SearchParameterInvalidType.json", "binding-required"),
    ("Normative/SearchParameterMissingBase.json", "json-empty"),
    ("Normative/SearchParameterMissingType.json", "json-empty"),
    ("R4/InvalidCompartmentDefinition.json", "definition-url"),
    ("R4B/MedicinalProductDefinition.json", "resource-type"),
    ("R5/Appointment.json", "unknown-element"),
    ("R5/Encounter-For-Patient-f001.json", "unknown-element"),
    ("R5/SearchParameterInvalidBase.json", "binding-required"),
    ("Stu3/InvalidObservation.json", "unknown-element"),
    ("Stu3/Sequence.json", "resource-type"),
]


@pytest.mark.parametrize(("file", "rule"), _WRONG)
def test_a_deliberately_invalid_file_is_rejected_for_what_is_wrong(file: str, rule: str) -> None:
    found = failures(issues_of(archive("ms-fhir-server-files")[_FOLDER + file]))
    assert rule in {issue.rule for issue in found}


def test_resources_of_later_releases_are_refused_by_their_release() -> None:
    text = archive("ms-fhir-server-files")[_FOLDER + "R4B/MedicinalProductDefinition.json"]
    (issue,) = issues_of(text)
    assert issue.code == "not-supported"
    assert "of R4B, not of R4" in issue.text


def test_no_file_is_too_much_whatever_it_holds() -> None:
    for name, text in archive("ms-fhir-server-files").items():
        if name.endswith(".json"):
            issues_of(text)
