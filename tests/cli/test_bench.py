"""`local bench`: its figures, its course of vital signs, and the imports; the measurements themselves are not tests."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from local.bench import vitals
from local.bench.figures import percentile, spread
from local.bench.imports import measure_imports
from local.bench.ingest import portions, real_bundles
from local.bench.validate import NAMES, Rates
from local.delivery.sources import documents
from local.demo.feed import PATIENTS
from local.exits import CommandStopped
from shared.domain.devices.observations import to_observations
from shared.domain.fhir import json
from shared.domain.scores import PatientContext
from shared.domain.scores.advance import advance
from shared.domain.vitals import vitals_of


def test_percentiles_are_by_nearest_rank() -> None:
    times = [number / 1000 for number in range(1, 101)]
    assert spread(times) == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}
    assert percentile([0.5], 99) == 0.5


def test_nothing_measured_is_null_and_not_zero() -> None:
    assert math.isnan(percentile([], 50))
    assert spread([])["p99_ms"] is None


def test_each_door_gets_other_patients() -> None:
    bundles = list(documents([PATIENTS]))
    chosen = portions(bundles, ["file", "http"], 150)
    names = {door: {each.name for each in mine} for door, mine in chosen.items()}
    assert names["file"]
    assert names["http"]
    assert not names["file"] & names["http"]


def test_refuses_to_measure_with_anything_but_real_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALEN_TEST_DATA", raising=False)
    with pytest.raises(CommandStopped, match="GALEN_TEST_DATA"):
        real_bundles()


def test_the_course_changes_an_alert_where_it_says_so() -> None:
    state, told = None, {}
    begin = datetime(2026, 3, 29, 4, 0, tzinfo=UTC)
    for number in range(vitals._CYCLE):
        at = begin + vitals.STEP * number
        metric, value, unit = vitals.measured(number)
        measured = {"metric": metric, "value": value, "unit": unit}
        (made,) = to_observations({"device": "m", "patient": "p", "effective": at.isoformat(), **measured})
        resource = json.decode_object(json.encode(made.resource))
        reading = vitals_of(resource, id=f"o{number}", version="1", order=str(number))
        state, changes = advance(state, [reading], PatientContext())
        for change in changes.alerts:
            if change.alert.model == "news2":
                moments = {name: getattr(change.alert, name) for name in vitals._TOLD_AT.values()}
                told[number] = next(name for name, moment in moments.items() if moment == at)
    assert told == vitals._TOLD_AT
    assert timedelta(hours=1) == vitals.STEP * 10


def test_an_import_of_the_app_is_measured_by_package() -> None:
    figures = measure_imports(1).as_json()
    assert figures["median_s"] > 0
    assert "azure.functions" in figures["packages_ms"]


def test_the_speed_of_a_type_is_told_in_megabytes_too() -> None:
    rates = Rates(
        total=dict.fromkeys(NAMES, 100.0),
        by_type={"Patient": dict.fromkeys(NAMES, 100.0)},
        counts={"Patient": 2},
        sizes={"Patient": 20_000},
        skipped=0,
    )
    told = rates.as_json(by_type=True)["by_type"]["Patient"]
    assert (told["resources"], told["bytes"], told["mb_per_s"]["ours"]) == (2, 20_000, 1.0)
    assert rates.mean_bytes == 10_000
