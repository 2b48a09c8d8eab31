"""A high Morse total raises one P2 that lasts until a lower one, and what is taken back takes its alert back."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.alerts.falls import rating_of
from shared.domain.fhir.identity import ResourceKey
from tests.unit.scores.ward import CALLER, PATIENT, Ward, loinc


def _rated(ward: Ward, ago_h: float, total: float = 50, unit: str = "{score}", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": loinc("59460-6"),
        "subject": {"reference": str(PATIENT)},
        "effectiveDateTime": ward.ago(hours=ago_h).isoformat(),
        "valueQuantity": {"value": total, "system": "http://unitsofmeasure.org", "code": unit},
        **more,
    }


def _react(ward: Ward) -> list[dict[str, Any]]:
    changes = ward.world.stores.records.changes
    start, ward.seen = ward.seen, len(changes)
    ward.world.watch_falls.react(changes[start:])
    return [item["alert"] for item in ward.world.kinds("alert")]


def _post(ward: Ward, *rated: dict[str, Any]) -> ResourceKey:
    return [ward.post(each) for each in rated][-1]


def test_a_high_total_raises_a_p2_until_a_lower_one() -> None:
    ward = Ward()
    _post(ward, _rated(ward, 9, 40))
    assert _react(ward) == []
    _post(ward, _rated(ward, 8, 45))
    [alert] = _react(ward)
    assert (alert["severity"], alert["status"], alert["total"], alert["model"]) == (
        "P2",
        "active",
        45,
        "morse",
    )
    ward.world.alerts.acknowledge(CALLER, alert["id"])
    _post(ward, _rated(ward, 4, 70))
    [alert] = _react(ward)
    assert (alert["status"], alert["total"]) == ("active", 45)
    _post(ward, _rated(ward, 1, 20))
    [alert] = _react(ward)
    assert (alert["status"], alert["ending"], alert["acknowledged_by"]) == (
        "ended",
        "recovered",
        CALLER.client,
    )


def test_the_order_of_arrival_changes_nothing() -> None:
    ward = Ward()
    for ago_h, total in ((1, 20), (5, 60), (3, 50)):
        _post(ward, _rated(ward, ago_h, total))
        alerts = _react(ward)
    [alert] = [each for each in alerts if each["status"] != "superseded"]
    assert (alert["status"], alert["total"]) == ("ended", 60)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_rating_that_is_taken_back_takes_its_alert_back(deleted: bool) -> None:
    ward = Ward()
    key = _post(ward, _rated(ward, 2, 50))
    assert _react(ward)[0]["status"] == "active"
    if deleted:
        ward.delete(key)
    else:
        ward.put(_rated(ward, 2, 50, status="entered-in-error"), key)
    assert _react(ward)[0]["status"] == "superseded"


def test_the_same_again_writes_nothing() -> None:
    ward = Ward()
    _post(ward, _rated(ward, 2, 50))
    _react(ward)
    before = len(ward.world.stores.records.changes)
    ward.seen = 0
    _react(ward)
    assert len(ward.world.stores.records.changes) == before


@pytest.mark.parametrize(
    "more",
    [
        {"total": 47},
        {"total": 130},
        {"total": -5},
        {"unit": "kg"},
        {"status": "cancelled"},
        {"effectiveDateTime": "2026-01-01"},
        {"code": loinc("59461-4")},
    ],
)
def test_what_is_no_total_of_the_scale_does_not_count(more: dict[str, Any]) -> None:
    ward = Ward()
    assert rating_of({"id": "o", **_rated(ward, 1)}) is not None
    assert rating_of({"id": "o", **_rated(ward, 1, **more)}) is None
