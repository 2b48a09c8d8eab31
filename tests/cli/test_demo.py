"""The sample: real, complete, small, and its deterioration scored by the chart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from local.delivery.parcels import Packer
from local.demo import feed, vitals
from shared.adapters.memory.clock import MemoryClock
from shared.domain.devices.observations import to_observations
from shared.domain.fhir import json
from shared.domain.fhir.outcome import FAILURES
from shared.domain.fhir.validation.validator import R4Validator
from shared.domain.records import Door
from shared.domain.scores import PatientContext
from shared.domain.scores.news2 import score_news2
from shared.domain.vitals import Parameter, VitalReading

NOW = datetime(2026, 3, 29, 4, 0, tzinfo=UTC)
DOORS = ("http", "stream", "file")


def test_every_door_gets_other_patients_and_all_are_fed() -> None:
    names = [document.name for door in DOORS for document in feed.sample_for(door)]
    assert len(names) == len(set(names)) == 15


def test_the_sample_is_small_and_says_where_it_is_from() -> None:
    assert feed.PATIENTS.stat().st_size < 600_000
    readme = feed.PATIENTS.with_name("README.md").read_text("utf-8")
    assert "Apache License" in readme
    assert "smart-on-fhir/generated-sample-data" in readme


def test_every_resource_of_the_sample_is_valid() -> None:
    validator = R4Validator(best_practice=False)
    for door in DOORS:
        for document in feed.sample_for(door):
            entries = json.decode_object(document.body)["entry"]
            found = [issue for entry in entries for issue in validator.validate(entry["resource"])]
            assert not [issue for issue in found if issue.severity in FAILURES]


def test_the_readings_belong_to_the_patient_who_comes_by_the_stream() -> None:
    packer = Packer("default", "default", MemoryClock(NOW))
    bundle = next(each for each in feed.sample_for("stream") if vitals.bundle_name() in each.name)
    parcel = packer.parcel(bundle, Door.STREAM)
    reading = packer.parcel(feed.Document("r", next(vitals.readings(NOW))), Door.STREAM)
    assert reading.key == parcel.key
    assert len(reading.keys) == 7


def test_readings_are_relative_to_now_and_valid() -> None:
    events = [json.decode_object(event) for event in vitals.readings(NOW)]
    times = [datetime.fromisoformat(event["effective"]) for event in events]
    assert times == sorted(times)
    assert NOW - timedelta(hours=12) < times[0] < times[-1] < NOW
    assert all(len(to_observations(event)) == 7 for event in events)


def test_each_row_scores_what_stands_beside_it() -> None:
    for row in vitals.rows():
        at = NOW - timedelta(minutes=row.minutes_before_now)
        inputs = {parameter: _reading(parameter, row.values[parameter.value], at) for parameter in Parameter}
        assert score_news2(inputs, PatientContext(), at).total == row.news2
    assert max(row.news2 for row in vitals.rows()) >= 7


def _reading(parameter: Parameter, value: object, at: datetime) -> VitalReading:
    if parameter is Parameter.SUPPLEMENTAL_OXYGEN:
        scored: Decimal | str = "air" if value == "air" else "oxygen"
    else:
        scored = str(value) if parameter is Parameter.CONSCIOUSNESS else Decimal(str(value))
    return VitalReading(parameter=parameter, value=scored, at=at, observation="o", version="1")


@pytest.mark.parametrize("door", DOORS)
def test_every_door_gets_more_than_one_patient(door: str) -> None:
    assert len(feed.sample_for(door)) == 5
