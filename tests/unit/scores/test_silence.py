"""A patient of whom nothing is heard any more does not stay in the list of active alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.fhir.dates import instant_text
from shared.services.alerts import Alerts
from tests.unit.scores.ward import CALLER, Ward, vital


def listed(ward: Ward) -> list[dict[str, Any]]:
    return Alerts(ward.world.records, ward.world.clock).since(CALLER.tenant, None, 10).alerts


def breathes(ward: Ward, rate: int) -> None:
    ward.post(vital(ward.now, "9279-1", rate))
    ward.react()


def test_twelve_hours_of_silence_end_an_alert_at_the_last_breach_and_twelve_hours() -> None:
    ward = Ward()
    breathes(ward, 30)
    ward.world.moving.advance(3_600)
    breathes(ward, 31)
    last = ward.now
    ward.world.moving.advance(12 * 3_600 - 1)
    (alert,) = listed(ward)
    assert alert["status"] == "active"
    ward.world.moving.advance(1)
    (alert,) = listed(ward)
    assert (alert["status"], alert["ending"], alert["ended_at"]) == (
        "ended",
        "lapsed",
        instant_text(last + timedelta(hours=12)),
    )


def test_what_a_device_held_back_makes_the_alert_active_again() -> None:
    ward = Ward()
    breathes(ward, 30)
    ward.world.moving.advance(13 * 3_600)
    assert [alert["status"] for alert in listed(ward)] == ["ended"]
    for hours in (10, 5, 0):
        ward.post(vital(ward.ago(hours=hours), "9279-1", 30))
    ward.react()
    assert [alert["status"] for alert in listed(ward)] == ["active"]


def test_the_silence_is_written_nowhere() -> None:
    ward = Ward()
    breathes(ward, 30)
    before = ward.world.stores.records.every()
    ward.world.moving.advance(13 * 3_600)
    listed(ward)
    assert ward.world.stores.records.every() == before
