"""Landmarks at the end of a stay: as known then, with the outcome of the measure in gold; no look ahead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from local.datasets.discharges import discharges_of
from local.datasets.landmarks import NEVER, facts_in
from shared.domain.features.patient.discharges import discharges
from shared.domain.features.patient.facts import facts_of
from spark.training.landmarks import Landmark
from tests.unit.features.patients import condition, encounter, observation, patient

LAST = datetime(2020, 6, 1, tzinfo=UTC)
STAY = encounter("first", "IMP", "2019-03-01T08:00:00Z", "2019-03-05T10:00:00+02:00")
LEFT = datetime(2019, 3, 5, 8, tzinfo=UTC)
ELECTIVE = {"type": [{"coding": [{"code": "8715000"}]}]}


def landmarks(*resources: dict[str, Any]) -> list[Landmark]:
    everything = [patient(), *resources]
    return list(discharges_of("p", everything, facts_in(everything), LAST))


def later(day: str, **more: Any) -> dict[str, Any]:
    return encounter("second", "IMP", f"{day}T08:00:00Z", f"{day}T20:00:00Z") | more


@pytest.mark.parametrize(
    ("resources", "followed"),
    [
        ([], False),
        ([later("2019-04-04")], True),
        ([later("2019-04-05")], False),
        ([later("2019-04-04", **ELECTIVE)], False),
        ([later("2019-04-04", status="cancelled")], False),
        (
            [later("2019-04-04", **ELECTIVE), encounter("er", "EMER", "2019-04-03", "2019-04-03T23:00:00Z")],
            True,
        ),
    ],
)
def test_a_discharge_is_followed_by_an_unplanned_admission_within_thirty_days(
    resources: list[dict[str, Any]], followed: bool
) -> None:
    found = landmarks(STAY, *resources)
    assert (found[0].at, found[0].followed) == (LEFT, followed)


def test_a_procedure_of_the_admission_tells_that_it_was_planned() -> None:
    chemotherapy = {
        "resourceType": "Procedure", "status": "completed", "encounter": {"reference": "urn:uuid:second"},
        "code": {"coding": [{"code": "367336001"}]},
    }  # fmt: skip
    again = later("2019-04-04")
    assert [row.followed for row in landmarks(STAY, again, chemotherapy)] == [False, False]
    assert [row.followed for row in landmarks(STAY, again, chemotherapy | {"status": "not-done"})] == [
        True,
        False,
    ]
    uncoded = {name: value for name, value in chemotherapy.items() if name != "code"}
    assert [row.followed for row in landmarks(STAY, again, uncoded)] == [True, False]


def test_who_died_who_has_not_left_and_whose_thirty_days_are_not_over_has_no_landmark() -> None:
    dead = {**patient(), "deceasedDateTime": "2019-03-05T07:00:00Z"}
    assert list(discharges_of("p", [dead, STAY], facts_in([dead, STAY]), LAST)) == []
    assert landmarks(encounter("open", "IMP", "2019-03-01T08:00:00Z")) == []
    assert landmarks(encounter("new", "IMP", "2020-05-01T08:00:00Z", "2020-05-03T08:00:00Z")) == []
    assert landmarks(encounter("visit", "AMB", "2019-03-01T08:00:00Z", "2019-03-01T09:00:00Z")) == []


def test_features_are_as_known_at_the_discharge_and_nothing_later_changes_them() -> None:
    (before,) = landmarks(STAY)
    assert before.values["inpatient_encounters_365d"] == 1
    assert before.values["inpatient_days_365d"] == 4
    after = landmarks(
        STAY, later("2019-03-20"), observation("o", 300, at="2019-03-04", issued="2019-03-06T00:00:00Z"),
        condition("c", "53741008", "2019-03-02", recordedDate="2019-03-07T00:00:00Z"),
    )  # fmt: skip
    assert str(after[0].values) == str(before.values)


def test_an_expected_end_is_no_discharge_yet() -> None:
    assert discharges(facts_of(STAY, NEVER)) == [LEFT]
    assert discharges(facts_of(STAY, "2019-03-02T00:00:00Z")) == []
