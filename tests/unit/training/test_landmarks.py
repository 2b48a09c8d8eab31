"""Landmarks of a patient: at the first of each year, as known then, with what followed; no look ahead."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.datasets.landmarks import (
    NEVER,
    facts_in,
    landmarks_of,
    last_instant,
    resources_in,
)
from local.datasets.stored_landmarks import (
    has_store,
    stored_discharges,
    stored_landmarks,
)
from shared.domain.features.patient.facts import facts_of
from shared.domain.features.patient.features import DEFINITION, vector
from shared.domain.features.patient.known import Clock, known
from shared.names import TABLES
from spark.training.landmarks import Landmark, UnreadablePatients, sha256_of_landmarks
from tests.unit.features.patients import SNOMED, condition, encounter, observation, patient

LAST = datetime(2020, 6, 1, tzinfo=UTC)
YEARS = range(2010, 2020)
HEART = "53741008"


def visits(*years: int) -> list[dict[str, Any]]:
    return [encounter(f"e{year}", "AMB", f"{year}-06-01T09:00:00Z") for year in years]


def landmarks(*resources: dict[str, Any]) -> dict[int, bool]:
    facts = [fact for each in (patient(), *resources) for fact in facts_of(each, NEVER)]
    return {row.at.year: row.followed for row in landmarks_of("p", facts, YEARS, LAST)}


def test_the_onset_follows_the_landmarks_of_the_two_years_before_it() -> None:
    sick = condition("c", HEART, "2015-03-01T00:00:00Z", recordedDate="2015-03-01T00:00:00Z")
    found = landmarks(*visits(2011, 2013, 2016), sick)
    assert found == {2012: False, 2013: False, 2014: True, 2015: True}


def test_a_horizon_that_is_not_over_and_years_without_a_visit_have_no_landmark() -> None:
    assert landmarks(*visits(2010, 2017)) == {2011: False, 2012: False, 2013: False, 2018: False}


def test_what_states_no_date_of_recording_is_not_known_at_a_landmark() -> None:
    undated = condition("c", HEART, "2012-01-01")
    assert not any(landmarks(*visits(2011), undated).values())


def test_what_comes_after_a_landmark_changes_none_of_its_features() -> None:
    facts = [fact for each in (patient(), *visits(2011)) for fact in facts_of(each, NEVER)]
    later = observation("o", 300, at="2012-02-01", issued="2012-02-01T00:00:00Z")
    before, after = (
        str(list(landmarks_of("p", each, range(2012, 2013), LAST)))
        for each in (facts, [*facts, *facts_of(later, NEVER)])
    )
    assert before == after


def test_a_file_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    bundle = '{"resourceType": "Bundle", "entry": '
    for text, words in (
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"resourceType":"Patient"}', "is no FHIR Bundle"),
        (bundle + "[1]}", "holds what is no FHIR resource"),
        (bundle + "5}", "holds what is no FHIR resource"),
        (bundle + '[{"resource": 5}]}', "holds what is no FHIR resource"),
        (bundle + '[{"resource": {"id": "a"}}]}', "holds what is no FHIR resource"),
    ):
        file = tmp_path / "patient.json"
        file.write_text(text, "utf-8")
        with pytest.raises(UnreadablePatients, match=f"{file} {words}"):
            resources_in(file)


@pytest.mark.parametrize(
    "unheld",
    [
        encounter("booked", "IMP", "2015-06-01T09:00:00Z", status="planned"),
        encounter("called off", "IMP", "2015-06-01T09:00:00Z", status="cancelled"),
        encounter("mistaken", "IMP", "2015-06-01T09:00:00Z", status="entered-in-error"),
        encounter("of another clock", "IMP", "9000-06-01T09:00:00Z"),
    ],
    ids=lambda each: str(each["id"]),
)
def test_nobody_was_followed_until_an_encounter_that_did_not_take_place(unheld: dict[str, Any]) -> None:
    assert last_instant(facts_in([patient(), *visits(2013), unheld])) == datetime(2013, 6, 1, 9, tzinfo=UTC)


def test_a_bundle_gives_its_facts_and_the_end_of_what_is_known(tmp_path: Path) -> None:
    file = tmp_path / "patient.json"
    entries = [
        {"resource": each} for each in (patient(), *visits(2011, 2013), observation("o", 1, code="1-1"))
    ]
    file.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}), "utf-8")
    facts = facts_in(resources_in(file))
    assert [fact.type for fact in facts] == ["Patient", "Encounter", "Encounter"]
    assert last_instant(facts) == datetime(2013, 6, 1, 9, tzinfo=UTC)


def test_the_rows_of_a_feature_store_are_landmarks_with_what_silver_and_gold_say_followed(
    tmp_path: Path,
) -> None:
    pytest.importorskip("deltalake", reason="not tested: landmarks of a lake, which need the group `lake`")
    at = datetime(2014, 1, 1, tzinfo=UTC)
    facts = [fact for each in (patient(), *visits(2013)) for fact in facts_of(each, NEVER)]
    seen = known(facts, at, Clock.SOURCE)
    assert seen is not None
    who = {"tenant": "t", "as_of": at, "definition": DEFINITION, "deceased": False, **vector(seen)}
    rows = [
        who | {"patient_id": id_, "known_by": str(by)}
        for id_ in ("sick", "well", "mistaken")
        for by in (Clock.SOURCE, Clock.PLATFORM)
    ]
    ended = at
    write(tmp_path, "features_patients", rows)
    write(tmp_path, "features_at_discharges", [rows[0]])
    begun = {
        "tenant": "t",
        "code": HEART,
        "code_system": SNOMED,
        "onset_at": at.replace(year=2015),
        "recorded_at": None,
    }
    write(tmp_path, "silver_conditions", [
        begun | {"patient_id": "sick", "verification_status": "confirmed", "deleted": False},
        begun | {"patient_id": "mistaken", "verification_status": "refuted", "deleted": False},
    ])  # fmt: skip
    stay = {"tenant": "t", "patient_id": "sick", "id": "stay", "class_code": "IMP", "started_at": LAST}
    stay |= {"status": "finished", "deleted": False}
    booked = stay | {"id": "booked", "started_at": LAST.replace(year=2021), "ended_text": None}
    write(tmp_path, "silver_encounters", [
        stay | {"ended_text": ended.isoformat()},
        *(booked | {"status": status} for status in ("planned", "cancelled", "entered-in-error")),
        booked | {"deleted": True},
        booked | {"started_at": LAST.replace(year=9000)},
    ])  # fmt: skip
    assert has_store(tmp_path)
    found = stored_landmarks(tmp_path)
    assert [(row.patient, row.followed) for row in found] == [
        ("t/mistaken", False),
        ("t/sick", True),
        ("t/well", False),
    ]
    assert str(found[0].values) == str(vector(seen))
    judged = {"measure": "readmission", "tenant": "t", "patient_id": "sick", "subject_id": "stay"}
    known_on = ended.date().replace(month=4)
    write(tmp_path, "gold_quality_rows", [
        judged | {"in_denominator": True, "in_numerator": True, "known_on": known_on},
        judged | {"in_denominator": False, "in_numerator": False, "known_on": known_on},
        judged | {"in_denominator": True, "in_numerator": False, "known_on": LAST.date().replace(month=7)},
        judged | {"measure": "stay", "in_denominator": True, "in_numerator": False, "known_on": known_on},
    ])  # fmt: skip
    assert [(row.patient, row.at, row.followed) for row in stored_discharges(tmp_path)] == [
        ("t/sick", ended, True)
    ]
    write(tmp_path, "silver_encounters", [stay | {"id": "another", "ended_text": ended.isoformat()}])
    with pytest.raises(UnreadablePatients, match="judges Encounters that silver does not have"):
        stored_discharges(tmp_path)


def test_the_hash_of_landmarks_is_of_all_that_a_model_learns() -> None:
    mark = Landmark("p", LAST, {"age_years": 40.0}, followed=False)
    others = [
        replace(mark, followed=True),
        replace(mark, patient="q"),
        replace(mark, at=LAST.replace(hour=1)),
        replace(mark, values={"age_years": 41.0}),
    ]
    assert sha256_of_landmarks([mark]) == sha256_of_landmarks([replace(mark)])
    assert len({sha256_of_landmarks([each]) for each in (mark, *others)}) == 5


def test_a_store_without_rows_by_the_sources_clock_says_how_to_make_them(tmp_path: Path) -> None:
    pytest.importorskip("deltalake", reason="not tested: landmarks of a lake, which need the group `lake`")
    write(tmp_path, "features_patients", [{"known_by": "platform", "definition": DEFINITION}])
    write(tmp_path, "silver_encounters", [{"started_at": LAST, "status": "finished", "deleted": False}])
    with pytest.raises(UnreadablePatients, match="--known-by source --as-of"):
        stored_landmarks(tmp_path)
    with pytest.raises(UnreadablePatients, match="--known-by source --at-discharges"):
        stored_discharges(tmp_path)


def test_a_lake_whose_encounters_never_began_is_named(tmp_path: Path) -> None:
    pytest.importorskip("deltalake", reason="not tested: landmarks of a lake, which need the group `lake`")
    who = {"tenant": "t", "patient_id": "p"}
    row = {"as_of": LAST, "known_by": str(Clock.SOURCE), "definition": DEFINITION}
    for name in ("features_patients", "features_at_discharges"):
        write(tmp_path, name, [who | row])
    write(
        tmp_path,
        "silver_encounters",
        [who | {"id": "e", "status": "finished", "deleted": False, "started_at": None}],
    )
    write(tmp_path, "gold_quality_rows", [{"measure": "stay"}])
    for landmarks_in in (stored_landmarks, stored_discharges):
        with pytest.raises(UnreadablePatients, match=f"no Encounter in {tmp_path} says when it began"):
            landmarks_in(tmp_path)


def write(lake: Path, name: str, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    write_deltalake(lake / TABLES[name], pa.Table.from_pylist(rows), mode="overwrite")
