"""What is given to an evaluation: instant, variables, value sets; and what is not supported says so."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4

NOW = datetime(2026, 3, 14, 1, 26, 53, 589_793, tzinfo=timezone(timedelta(hours=5, minutes=30)))
PATIENT = {"resourceType": "Patient", "gender": "female", "birthDate": "1974-12-25"}


def value(expression: str, focus: Any = PATIENT, **given: Any) -> Any:
    (found,) = fhirpath.compile(expression).evaluate(focus, model=r4(), **given)
    return found


def test_the_clock_is_the_callers() -> None:
    assert value("now().toString()", now=NOW) == "2026-03-14T01:26:53.589+05:30"
    assert value("today().toString()", now=NOW) == "2026-03-14"
    assert value("timeOfDay().toString()", now=NOW) == "01:26:53.589"


@pytest.mark.parametrize("expression", ["now()", "today()", "timeOfDay()"])
def test_without_an_instant_there_is_no_now(expression: str) -> None:
    with pytest.raises(fhirpath.FhirPathError, match="need an instant"):
        fhirpath.compile(expression).evaluate(PATIENT)


def test_variables_are_collections_of_the_caller() -> None:
    given = {
        "limit": 3,
        "names": ["a", "b"],
        "nothing": None,
        "other": {"resourceType": "Patient", "id": "x"},
    }
    assert value("%limit + 1", variables=given) == 4
    assert value("%names.count()", variables=given) == 2
    assert value("%nothing.empty()", variables=given) is True
    assert value("%other.id", variables=given) == "x"


def test_a_variable_that_was_not_given_is_an_error() -> None:
    with pytest.raises(fhirpath.FhirPathError, match="variable"):
        fhirpath.compile("%unknown").evaluate(PATIENT)


def test_value_sets_are_the_callers() -> None:
    def member_of(code: Any, url: str) -> bool:
        return (code, url) == ("female", "http://hl7.org/fhir/ValueSet/administrative-gender")

    assert value("gender.memberOf(%`vs-administrative-gender`)", member_of=member_of) is True
    with pytest.raises(fhirpath.FhirPathError, match="value sets"):
        fhirpath.compile("gender.memberOf('x')").evaluate(PATIENT)


@pytest.mark.parametrize("name", ["elementDefinition", "slice", "checkModifiers"])
def test_what_needs_profiles_says_so(name: str) -> None:
    with pytest.raises(fhirpath.FhirPathError, match=f"{name}.*not supported"):
        fhirpath.compile(f"{name}()").evaluate(PATIENT)


def test_html_is_checked_against_the_white_list() -> None:
    good = '<div xmlns="http://www.w3.org/1999/xhtml"><p>text</p></div>'
    assert value("htmlChecks()", good, type_name="xhtml") is True
    assert value("htmlChecks()", good.replace("p>", "script>"), type_name="xhtml") is False


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(1 | 2 | 3).where($this > 1).select($index)", [0, 1]),
        ("(10 | 20).select($index + (5 | 6).select($index).count())", [2, 3]),
        ("(1 | 2 | 3).aggregate($total + $this, 0)", [6]),
        ("(1 | 2).select((3 | 4).aggregate($total + $this, 0) + $this)", [8, 9]),
        ("%resource.gender.select($this & 's')", ["females"]),
    ],
)
def test_loops_have_their_own_index_and_total(expression: str, expected: list[Any]) -> None:
    assert fhirpath.compile(expression).evaluate(PATIENT, model=r4()) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0.1 + 0.2", Decimal("0.3")),
        ("1234567890123456.78901 * 100", Decimal("123456789012345678.90100")),
        ("1 / 3 * 3 < 1", True),
        ("7 div 2", 3),
        ("-7 mod 3", -1),
        ("@2024-02-29 + 1 year = @2025-02-28", True),
        ("@T23:30 + 1 hour = @T00:30", True),
        ("37 'Cel' = 310.15 'K'", True),
        ("1 'mmol/L' = 1000 'umol/L'", True),
        ("120 'mm[Hg]' > 15 'kPa'", True),
    ],
)
def test_arithmetic_is_exact(expression: str, expected: Any) -> None:
    assert value(expression) == expected


def test_the_same_expression_over_fixed_data_is_evaluated_once() -> None:
    asked: list[str] = []

    def resolve(reference: str) -> dict[str, Any]:
        asked.append(reference)
        return {"resourceType": "Organization", "id": "o"}

    focus = {
        "resourceType": "Patient",
        "managingOrganization": {"reference": "Organization/o"},
        "name": [{"family": "a"}, {"family": "b"}],
    }
    expression = "name.select(%resource.managingOrganization.resolve().id & family)"
    assert fhirpath.compile(expression).evaluate(focus, model=r4(), resolve=resolve) == ["oa", "ob"]
    assert len(asked) == 1


def test_literals_that_python_takes_for_equal_are_kept_apart() -> None:
    assert fhirpath.compile("1.toString() & 1.0.toString() & true.toString()").evaluate({}) == ["11.0true"]
