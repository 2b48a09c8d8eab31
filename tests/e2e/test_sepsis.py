"""From the values of a stay in intensive care on the stream to a sepsis risk, its P1 and the same answer on request."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from local.bench.sepsis import run_sepsis
from local.bench.stays import replayed, with_alerts
from local.datasets.stays import read_stay, stay_files
from local.delivery.target import target_of
from local.keys import TENANT
from local.layout import CHECKOUT
from local.run_state import find_platform
from shared.domain.stays.sepsis_risk import sepsis_model
from tests.e2e.doors import CLINICAL_EVENTS, Api, send
from tests.e2e.platform import Platform, eventually
from tests.e2e.test_alerts import _now as now
from tests.e2e.test_alerts import _register as register
from tests.unit.stays.icu import encounter, index_of, observed

SEPTIC = {"HR": 135.0, "Temp": 39.6, "SBP": 78.0, "MAP": 52.0, "Resp": 34.0, "O2Sat": 87.0}
BLOOD = {"WBC": 24.0, "Lactate": 6.0, "Creatinine": 3.0, "Platelets": 60.0, "BUN": 60.0, "FiO2": 0.8}
HOURS = 12
STAYS = CHECKOUT / "tests" / "data" / "icu-stays"


def test_a_septic_stay_raises_a_p1_that_says_why_and_a_request_says_the_same(
    platform: Platform, api: Api
) -> None:
    source, patient = register(platform, api)
    cursor = now(api)
    begun = datetime.now(UTC) - timedelta(hours=HOURS, minutes=5)
    subject = {"subject": {"reference": patient}}
    values = [
        {**observed(name, value, begun + timedelta(hours=hour)), **subject}
        for hour in range(1, HOURS)
        for name, value in {**SEPTIC, **(BLOOD if hour % 4 == 0 else {})}.items()
    ]
    past = [{**encounter(begun), **subject}, *values]
    entries = [
        {"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in past
    ]
    stored = api.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert stored.status_code == 200, stored.text
    fresh = [
        {**observed(name, value, begun + timedelta(hours=HOURS)), "id": f"{name}-{source}"}
        for name, value in SEPTIC.items()
    ]
    of_source = {"subject": {"reference": f"Patient/{source}"}}
    send(
        platform, CLINICAL_EVENTS, [json.dumps({**each, **of_source}).encode() for each in fresh], key=source
    )
    alert = eventually(lambda: _sepsis_alert(api, patient, cursor), "the sepsis alert is raised")
    assert (alert["severity"], alert["status"]) == ("P1", "active")
    assert alert["total"] > 80
    everything = len(values) + len(fresh)
    eventually(lambda: api.total("Observation", patient=patient) == everything, "all values are recorded")
    answer = api.post(f"/fhir/{patient}/$risk?model=sepsis")
    assert answer.status_code == 200, answer.text
    risk = answer.json()
    assert index_of(risk) > 0.5
    assert [part["url"] for part in risk["extension"][0]["extension"]].count("contribution") == 5
    early = (begun + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    refused = api.post(f"/fhir/{patient}/$risk?model=sepsis&asOf={early}")
    assert refused.status_code == 422
    assert "HR" in refused.text


def test_real_stays_replayed_at_200_values_a_second_raise_their_p1s_and_lose_no_value(
    platform: Platform,
) -> None:
    """As `local bench sepsis` measures it, which tells the times: here nothing depends on how fast the machine is."""
    model = sepsis_model()
    stays = [
        with_alerts(replayed(file.stem, read_stay(file)[0]), model, datetime(2026, 1, 1, tzinfo=UTC))
        for file in stay_files(STAYS)
    ]
    assert all(stay.rises for stay in stays)
    running = find_platform(platform.data)
    result = run_sepsis(target_of(running, TENANT), stays, rate=200, pids=running.pids)
    assert (result.sent, result.found) == (sum(len(stay.values) for stay in stays), result.sent)
    assert len(result.latencies_s) >= len(stays)
    assert (result.lost, result.unforeseen) == (0, 0)


def _sepsis_alert(api: Api, patient: str, cursor: str) -> dict[str, Any] | None:
    alerts = api.get("/alerts", params={"since": cursor}).json()["alerts"]
    return next((each for each in alerts if each["model"] == "sepsis" and each["patient"] == patient), None)
