"""From a device reading on the stream to an alert that a clinician sees and acknowledges."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.doors import CLINICAL_EVENTS, VITAL_SIGNS, Api, send
from tests.e2e.platform import Platform, eventually
from tests.patience import PATIENCE_S

WELL = {"heart_rate": (72, "/min"), "respiratory_rate": (16, "/min"), "oxygen_saturation": (98, "%")}
ILL = {"heart_rate": (135, "/min"), "respiratory_rate": (28, "/min"), "oxygen_saturation": (89, "%")}


def _register(platform: Platform, api: Api, birth_date: str = "1950-01-01") -> tuple[str, str]:
    """A patient by stream: the id in the source, and the reference here."""
    source = uuid.uuid4().hex
    resource = {
        "resourceType": "Patient",
        "id": source,
        "identifier": [{"system": "urn:e2e", "value": source}],
        "birthDate": birth_date,
    }
    send(platform, CLINICAL_EVENTS, [json.dumps(resource).encode()], key=source)

    def found() -> str:
        entries = api.search("Patient", identifier=f"urn:e2e|{source}").get("entry", [])
        return f"Patient/{entries[0]['resource']['id']}" if entries else ""

    return source, eventually(found, "the patient is recorded")


def _read(platform: Platform, source: str, vitals: dict[str, tuple[int, str]], ago_s: float = 0) -> None:
    """A set of readings by the device, taken some seconds ago."""
    at = (
        (datetime.now(UTC) - timedelta(seconds=ago_s))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
    readings = [{"metric": name, "value": value, "unit": unit} for name, (value, unit) in vitals.items()]
    event = {"device": f"d-{source}", "patient": source, "effective": at, "readings": readings}
    send(platform, VITAL_SIGNS, [json.dumps(event).encode()], key=source)


def _now(api: Api) -> str:
    return str(api.get("/alerts?since=" + datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")).json()["cursor"])


def _alerts_of(api: Api, patient: str, cursor: str, wait_s: float = PATIENCE_S) -> list[dict[str, Any]]:
    """The alerts of one patient after a cursor, waited for by long poll."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        page = api.get("/alerts", params={"since": cursor, "wait": str(min(5, int(wait_s)))}).json()
        mine = [alert for alert in page["alerts"] if alert["patient"] == patient]
        if mine:
            return mine
        cursor = page["cursor"] or cursor
    return []


def test_a_deteriorating_patient_raises_one_alert_which_can_be_acknowledged(
    platform: Platform, api: Api
) -> None:
    source, patient = _register(platform, api)
    cursor = _now(api)
    _read(platform, source, WELL, ago_s=60)
    _read(platform, source, ILL, ago_s=30)
    raised = _alerts_of(api, patient, cursor)
    alert = next(each for each in raised if each["model"] == "news2")
    assert alert["severity"] == "P1"
    acknowledged = api.post(f"/alerts/{alert['id']}/acknowledge")
    assert acknowledged.status_code == 200
    assert acknowledged.json()["acknowledged_by"] == "local"
    _read(platform, source, ILL, ago_s=5)
    eventually(lambda: api.total("Observation", patient=patient) == 3 * len(ILL), "the readings are recorded")
    mine = [each for each in _alerts_of(api, patient, cursor) if each["model"] == "news2"]
    assert {each["id"] for each in mine} == {alert["id"]}
    assert "acknowledged_at" in mine[-1]


def test_a_strangers_alerts_are_not_shown(platform: Platform, api: Api, stranger: Api) -> None:
    source, patient = _register(platform, api)
    cursor = _now(api)
    _read(platform, source, ILL)
    (alert, *_) = _alerts_of(api, patient, cursor)
    assert stranger.get("/alerts").json()["alerts"] == []
    assert stranger.post(f"/alerts/{alert['id']}/acknowledge").status_code == 404


def test_the_event_stream_resumes_after_the_last_event(platform: Platform, api: Api) -> None:
    source, patient = _register(platform, api)
    cursor = _now(api)
    _read(platform, source, ILL, ago_s=20)
    assert _alerts_of(api, patient, cursor)
    events = _events(api, cursor)
    assert patient in {event["data"]["patient"] for event in events}
    last = next(event["id"] for event in reversed(events) if event.get("id"))
    assert _events(api, last) == []
    other, another = _register(platform, api)
    _read(platform, other, ILL, ago_s=10)
    fresh = eventually(lambda: _events(api, last), "a new alert is streamed")
    assert {event["data"]["patient"] for event in fresh} == {another}


def test_a_score_on_request_is_partial_and_names_what_is_missing(platform: Platform, api: Api) -> None:
    source, patient = _register(platform, api)
    refused = api.post(f"/fhir/{patient}/$risk?model=news2")
    assert refused.status_code == 422
    assert refused.json()["resourceType"] == "OperationOutcome"
    _read(platform, source, WELL)
    eventually(lambda: api.total("Observation", patient=patient) == len(WELL), "the readings are recorded")
    for model in ("news2", "qsofa"):
        answer = api.post(f"/fhir/{patient}/$risk?model={model}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["resourceType"] == "RiskAssessment"
        assert "missing" in answer.text.lower()
    assert api.post(f"/fhir/{patient}/$risk?model=nonsense").status_code == 400


def test_below_sixteen_there_is_no_score_and_it_says_so(platform: Platform, api: Api) -> None:
    born = (datetime.now(UTC) - timedelta(days=365 * 8)).strftime("%Y-%m-%d")
    source, patient = _register(platform, api, born)
    cursor = _now(api)
    _read(platform, source, ILL)
    eventually(lambda: api.total("Observation", patient=patient) == len(ILL), "the readings are recorded")
    answer = api.post(f"/fhir/{patient}/$risk?model=news2")
    assert answer.status_code == 200
    assert "16" in answer.text
    assert _alerts_of(api, patient, cursor, wait_s=2) == []


def _events(api: Api, last_event_id: str) -> list[dict[str, Any]]:
    """What the event stream has after an event, parsed as a browser does."""
    answer = api.get(
        "/alerts/stream", headers={"Last-Event-ID": last_event_id, "Accept": "text/event-stream"}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":")
        )
        if "data" in fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events
