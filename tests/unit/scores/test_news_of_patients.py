"""Which Observations reach the scores, and that what is taken back by any means counts no longer."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain.devices import metrics, to_observations
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Door, Provenance, resource_item
from shared.domain.vitals import vitals_of
from shared.names import HUB_VITAL_SIGNS
from shared.services.patient_news import may_hold_vitals
from tests.delivery.world import ROOT, World
from tests.unit.scores.ward import HOME, HYPERCAPNIC, Ward, loinc, panel, vital

BUNDLES = 24
ORIGIN = Provenance(Door.STREAM, "2026-03-29T01:30:00.000000Z|x|0", "2026-03-29T01:30:00.000000Z")
OTHER = ResourceKey("Patient", "other")


def _archive() -> Path:
    data = os.environ.get("GALEN_TEST_DATA", "")
    return Path(data) / "synthea-r4.tar.xz" if data else ROOT / "local" / "demo" / "patients.tar.xz"


def _observations() -> Iterator[dict[str, Any]]:
    with tarfile.open(_archive(), "r|xz") as packed:
        for number, member in enumerate(packed):
            if number == BUNDLES:
                return
            file = packed.extractfile(member)
            assert file is not None
            for entry in json.decode_object(file.read())["entry"]:
                if entry["resource"]["resourceType"] == "Observation":
                    yield entry["resource"]


def _passes(observation: dict[str, Any]) -> bool:
    key = ResourceKey("Observation", observation.get("id", "x"))
    return may_hold_vitals(resource_item("t", HOME, observation, key, ORIGIN))


def test_the_filter_of_the_feed_passes_the_vitals_of_real_patients_and_nothing_else() -> None:
    passed = 0
    for observation in _observations():
        has_values = bool(vitals_of(observation, id="x", version="1").values)
        assert _passes(observation) == has_values, observation["code"]
        passed += has_values
    assert passed > 50


@pytest.mark.parametrize("metric", [*metrics.KNOWN, "blood_pressure"])
def test_the_filter_of_the_feed_passes_every_device_metric(metric: str) -> None:
    values: list[dict[str, Any]] = [{"metric": metric, "value": 14, "unit": "L/min"}]
    if metric in metrics.METRICS:
        values[0]["unit"] = next(iter(metrics.METRICS[metric].units))
    elif metric == metrics.CONSCIOUSNESS:
        values = [{"metric": metric, "value": "V"}]
    elif metric == metrics.BLOOD_PRESSURE:
        values = [
            {"metric": each, "value": 90, "unit": "mm[Hg]"} for each in (metrics.SYSTOLIC, metrics.DIASTOLIC)
        ]
    event = {"device": "d", "patient": "p", "effective": "2026-03-29T01:00:00Z", "readings": values}
    made = [each.resource for each in to_observations(event)]
    assert all(vitals_of(each, id="x", version="1").values and _passes(each) for each in made)


def test_an_artefact_of_a_device_does_not_keep_the_alarm_for_the_rest_of_its_event_away() -> None:
    ward = Ward()
    readings = [
        {"metric": "heart_rate", "value": 650, "unit": "/min"},
        {"metric": "oxygen_saturation", "value": 62, "unit": "%"},
        {"metric": "systolic_blood_pressure", "value": 58, "unit": "mm[Hg]"},
        {"metric": "respiratory_rate", "value": 26, "unit": "/min"},
    ]
    event = {"device": "d", "patient": "p", "effective": ward.now.isoformat(), "readings": readings}
    ward.world.send(event, hub=HUB_VITAL_SIGNS)
    assert len(ward.world.current("Observation")) == 4
    ward.world.react()
    assert "P1" in [item["alert"]["severity"] for item in ward.world.kinds("alert")]
    assert ward.world.rebuilt().differences == []


@pytest.mark.parametrize("code", ["85353-1", "85354-9", "55284-4"])
def test_a_panel_that_has_its_values_in_components_is_scored(code: str) -> None:
    ward = Ward()
    ward.post(panel(ward.now, code, 80))
    assert ward.react() == 1
    assert "systolic blood pressure 3" in ward.standing()[0]


def test_a_reading_older_than_48_hours_when_it_was_recorded_is_kept_and_counted_and_costs_nothing() -> None:
    ward = Ward()
    for hours in range(49, 149):
        ward.post(panel(ward.ago(hours=hours), "55284-4", 60))
    ward.world.script.calls.clear()
    assert ward.react() == 0
    assert ward.world.script.calls == ["records.read"]  # whether the Patient, who is new as well, is followed
    assert ward.counted("galen_readings_not_scored_total", reason="late") == 100
    assert ward.states() == ward.world.kinds("alert") == []


def test_a_reading_within_48_hours_of_its_recording_is_scored() -> None:
    ward = Ward()
    ward.post(vital(ward.ago(hours=47), "9279-1", 30))
    ward.react()
    assert len(ward.standing()) == 1
    assert [item["alert"]["status"] for item in ward.world.kinds("alert")] == ["ended"]  # lapsed


def test_a_period_counts_by_its_end() -> None:
    ward = Ward()
    reading = vital(ward.now, "9279-1", 30)
    del reading["effectiveDateTime"]
    reading["effectivePeriod"] = {
        "start": ward.ago(hours=60).isoformat(),
        "end": ward.ago(hours=1).isoformat(),
    }
    ward.post(reading)
    ward.react()
    assert len(ward.standing()) == 1


def test_a_corrected_reading_that_is_no_vital_sign_any_more_is_taken_back() -> None:
    ward = Ward()
    key = ward.post(vital(ward.now, "9279-1", 30))
    ward.react()
    assert len(ward.standing()) == 1
    ward.world.moving.advance(60)
    ward.put({**vital(ward.now, "9279-1", 30), "code": loinc("2339-0")}, key)
    ward.react()
    assert ward.standing() == []
    assert [item["alert"]["status"] for item in ward.world.kinds("alert")] == ["superseded"]


def test_a_corrected_reading_that_turns_out_to_be_history_is_taken_back() -> None:
    ward = Ward()
    key = ward.post(vital(ward.now, "9279-1", 30))
    ward.react()
    ward.world.moving.advance(60)
    ward.put(vital(ward.ago(days=400), "9279-1", 30), key)
    ward.react()
    assert ward.standing() == []


def test_a_correction_of_something_that_never_was_a_vital_sign_leaves_the_state_alone() -> None:
    ward = Ward()
    ward.post(vital(ward.now, "9279-1", 30))
    laboratory = {**vital(ward.now, "8867-4", 5), "code": loinc("2339-0")}
    key = ward.post(laboratory)
    ward.react()
    before = ward.states()
    ward.world.moving.advance(60)
    ward.put({**laboratory, "status": "amended"}, key)
    ward.react()
    assert ward.states() == before


def test_a_deleted_reading_is_taken_back() -> None:
    ward = Ward()
    key = ward.post(vital(ward.now, "9279-1", 30))
    ward.react()
    ward.delete(key)
    ward.react()
    assert ward.standing() == []


@pytest.mark.parametrize("how", ["entered in error", "deleted"])
def test_a_score_that_stands_on_an_impossible_value_alone_is_taken_back_with_it(how: str) -> None:
    ward = Ward()
    key = ward.post(vital(ward.now, "8867-4", 131))
    ward.react()
    for item in (*ward.world.current("Observation"), *ward.states()):  # as a release of wider limits left it
        body = item["body"].replace("131", "650")
        assert body != item["body"]
        ward.world.stores.records.replace({**item, "body": body}, item["_etag"])
    ward.seen = len(ward.world.stores.records.changes)
    assert len(ward.standing()) == 1
    later = Ward(World(ward.world.stores))
    later.seen = ward.seen
    later.world.moving.advance(60)
    if how == "deleted":
        later.delete(key)
    else:
        later.put({**vital(ward.now, "8867-4", 650), "status": "entered-in-error"}, key)
    later.react()
    assert later.standing() == []


@pytest.mark.parametrize("how", ["entered in error", "deleted"])
def test_an_impossible_value_is_named_by_the_scores_behind_it_until_it_is_taken_back(how: str) -> None:
    ward = Ward()
    key = ward.post(vital(ward.ago(minutes=5), "8867-4", 650))
    ward.world.react()
    assert ward.standing() == []
    ward.post(vital(ward.now, "9279-1", 30))
    ward.world.react()
    assert "not counted: heart rate (impossible value, 1)" in ward.standing()[0]
    assert ward.world.rebuilt().differences == []
    ward.world.moving.advance(60)
    if how == "deleted":
        ward.delete(key)
    else:
        ward.put({**vital(ward.ago(minutes=6), "8867-4", 650), "status": "entered-in-error"}, key)
    ward.world.react()
    assert ("heart rate (withdrawn, 1)" in ward.standing()[0]) == (how != "deleted")
    assert "impossible" not in ward.standing()[0]
    assert ward.world.rebuilt().differences == []


def test_a_reading_that_is_deleted_before_the_feed_was_read_is_not_counted() -> None:
    ward = Ward()
    ward.delete(ward.post(vital(ward.now, "9279-1", 30)))
    ward.react()
    assert ward.standing() == []


def test_a_reading_that_goes_to_another_patient_is_scored_there_and_no_longer_here() -> None:
    ward = Ward()
    ward.put({"resourceType": "Patient"}, OTHER)
    key = ward.post(vital(ward.now, "9279-1", 30))
    ward.react()
    ward.world.moving.advance(60)
    ward.put(vital(ward.ago(minutes=1), "9279-1", 30, "other"), key)
    ward.react()
    assert len(ward.standing()) == 1
    assert {item["home"] for item in ward.world.kinds("alert") if item["alert"]["status"] == "active"} == {
        OTHER.address
    }


def _hypercapnia(patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "code": HYPERCAPNIC,
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }


def _on_scale_two() -> tuple[Ward, ResourceKey]:
    ward = Ward()
    ward.put({"resourceType": "Patient"}, OTHER)
    key = ward.post(_hypercapnia("p"))
    ward.post(vital(ward.now, "2708-6", 90))
    ward.react()
    assert "scale 2" in ward.standing()[0]
    ward.world.moving.advance(60)
    return ward, key


def test_a_deleted_condition_counts_no_longer() -> None:
    ward, condition = _on_scale_two()
    ward.delete(condition)
    ward.react()
    assert "scale 2" not in ward.standing()[0]


def test_a_condition_of_another_patient_counts_no_longer_here() -> None:
    ward, condition = _on_scale_two()
    ward.put(_hypercapnia("other"), condition)
    ward.react()
    assert "scale 2" not in ward.standing()[0]


def test_a_deleted_patient_has_no_known_age_any_more() -> None:
    ward = Ward()
    ward.put({"resourceType": "Patient", "birthDate": "2020-01-01"}, OTHER)
    ward.post(vital(ward.now, "9279-1", 30, "other"))
    ward.react()
    assert ward.standing() == []
    ward.delete(OTHER)
    ward.react()
    assert "age unknown" in ward.standing()[0]
