"""Vital signs at a steady rate, and how long each change of an alert takes to be readable by a client of `/alerts`.

Every patient goes through the same course, each at another point of it: three readings breach one after another, three
bring the values back, and after an hour of calm the episode ends. Effective times are six minutes apart, so that a minute
of measuring holds six hours of readings; the times that are measured are real ones. Before the clock starts each patient
sends one calm reading: the patients of a ward are known, not all admitted in the same second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from local.bench.cpu_time import each_ms, times_of_s
from local.bench.figures import spread
from local.delivery.confirm import Confirmer
from local.delivery.parcels import Parcel
from local.delivery.sources import Document
from local.delivery.stream_door import sender
from local.delivery.target import Target
from shared import names
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import Origin
from shared.domain.records import Door

STEP: Final = timedelta(minutes=6)
MOST_HOURS: Final = 11
_WAIT_S: Final = 20
_LAST_WITHIN_S: Final = 20.0
_FOUND_WITHIN_S: Final = 60.0

# Metric, value, unit: three points each by the NEWS2 chart (RCP 2017), then back to none.
_COURSE: Final = (
    ("respiratory_rate", 28, "/min"),
    ("oxygen_saturation", 90, "%"),
    ("heart_rate", 135, "/min"),
    ("respiratory_rate", 16, "/min"),
    ("oxygen_saturation", 97, "%"),
    ("heart_rate", 72, "/min"),
)
# Between the courses each parameter of a monitor in turn.
_CALM: Final = (
    ("heart_rate", 71, "/min"),
    ("oxygen_saturation", 98, "%"),
    ("respiratory_rate", 15, "/min"),
    ("systolic_blood_pressure", 118, "mm[Hg]"),
    ("body_temperature", 37, "Cel"),
)
_CYCLE: Final = 18
_TOLD_AT: Final = {0: "began_at", 2: "escalated_at", 15: "ended_at"}
"""Which reading of the course changes the alert: 3 points in one parameter, 9 in all, an hour after the last is back."""


def measured(place: int) -> tuple[str, float, str]:
    """Metric, value and unit at a place of the cycle."""
    return _COURSE[place] if place < len(_COURSE) else _CALM[place % len(_CALM)]


@dataclass(frozen=True, slots=True)
class _Reading:
    parcel: Parcel
    tells: tuple[str, str, str] | None
    """The change of an alert it must cause: patient, which instant of the alert, its value."""


@dataclass(slots=True)
class VitalsResult:
    """What was sent and seen."""

    sent: int = 0
    measured: int = 0
    found: int = 0
    seconds: float = 0.0
    expected_changes: int = 0
    latencies_s: list[float] = field(default_factory=list)
    cpu_ms: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "sent": self.sent,
            "measured": self.measured,
            "sent_per_s": round(self.measured / self.seconds, 1) if self.seconds else 0.0,
            "found": self.found,
            "dropped": self.sent - self.found,
            "alert_changes_expected": self.expected_changes,
            "alert_changes_seen": len(self.latencies_s),
            "vital_to_alert": {"samples": len(self.latencies_s), **spread(self.latencies_s)},
            "cpu_ms_a_reading": self.cpu_ms,
        }


def run_vitals(
    target: Target, pids: Mapping[str, int], *, patients: int, rate: float, seconds: int
) -> VitalsResult:
    """Send, read alerts as a client does, and look for every Observation afterwards.

    `pids` are the platform's processes, whose processor time is told: from the first measured reading until alerts are read.
    """
    readings = _readings(target, patients, int(rate * seconds) + patients)
    started_at = instant_text(target.services.clock.now())
    result = VitalsResult(expected_changes=sum(each.tells is not None for each in readings))
    reader = AlertReader(target, started_at)
    confirmer = Confirmer(target.api, started_at)
    calm, measured = readings[:patients], readings[patients:]
    _send(target, calm, rate, reader)
    _await_scores(target, patients, started_at)
    reader.start()
    used = times_of_s(pids)
    result.measured, result.seconds = _send(target, measured, rate, reader)
    result.sent = len(readings)
    reader.finish(_LAST_WITHIN_S)
    result.cpu_ms = each_ms(used, times_of_s(pids), result.measured)
    result.latencies_s = reader.latencies_s
    for each in readings:
        confirmer.add(each.parcel.keys.values())
    until = time.monotonic() + _FOUND_WITHIN_S
    while not confirmer.complete and time.monotonic() < until:
        confirmer.sweep(thorough=True)
    result.found = confirmer.found
    return result


def _readings(target: Target, patients: int, count: int) -> list[_Reading]:
    """One after another for each patient in turn."""
    run = target.services.randomness.hex(8)
    rounds = -(-count // patients)
    step = min(STEP, timedelta(hours=MOST_HOURS) / max(rounds, 1))
    if step < STEP:
        rounds_left = int(timedelta(hours=MOST_HOURS) / STEP)
        raise ValueError(
            f"at most {rounds_left} readings a patient: their effective times must lie in the last hours"
        )
    begin = target.services.clock.now().replace(microsecond=0) - step * rounds
    origin = Origin(target.tenant, target.settings.source)
    return [
        _reading(
            target,
            origin,
            f"bench-{run}-{number % patients}",
            number % patients,
            number // patients,
            begin,
            patients,
        )
        for number in range(count)
    ]


def _reading(
    target: Target, origin: Origin, name: str, patient: int, number: int, begin: datetime, patients: int
) -> _Reading:
    # The first reading is the calm one; the course begins after it.
    place = (number - 1 + patient * _CYCLE // patients) % _CYCLE if number else _CYCLE - 1
    metric, value, unit = measured(place)
    at = begin + STEP * number
    event = {
        "device": f"monitor-{name}", "patient": name, "effective": at.isoformat(), "metric": metric, "value": value,
        "unit": unit,
    }  # fmt: skip
    parcel = target.packer.parcel(Document(name, json.encode(event).encode()), Door.STREAM)
    identity = f"Patient/{name}"
    patient_key = f"Patient/{origin.mint(identity, origin.own_home(identity))}"
    # A patient that starts in the middle of the course has no episode to change yet.
    begun = number > place
    tells = (patient_key, _TOLD_AT[place], instant_text(at)) if place in _TOLD_AT and begun else None
    return _Reading(parcel, tells)


def _await_scores(target: Target, patients: int, since: str) -> None:
    """Return when every patient's first score is found, or after a while."""
    until = time.monotonic() + _FOUND_WITHIN_S
    while (
        target.api.total("RiskAssessment", _lastUpdated=f"ge{since}") < patients and time.monotonic() < until
    ):
        time.sleep(0.2)


def _send(target: Target, readings: list[_Reading], rate: float, reader: AlertReader) -> tuple[int, float]:
    """At the rate, one event each; how many, and how long it took."""
    started = time.monotonic()
    with sender(target.settings, names.HUB_VITAL_SIGNS) as send:
        for number, each in enumerate(readings):
            wait_s = started + number / rate - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            if each.tells:
                reader.expect(each.tells, time.monotonic())
            send(each.parcel.body, each.parcel.key)
    return len(readings), time.monotonic() - started


class AlertReader:
    """A client of `/alerts` that waits by long poll and notes when each expected change is first read."""

    def __init__(self, target: Target, since: str) -> None:
        self._target = target
        self._cursor = since
        self._expected: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._ends_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self.latencies_s: list[float] = []

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def expect(self, change: tuple[str, str, str], at: float) -> None:
        """A reading that must cause this change is sent now."""
        with self._lock:
            self._expected[change] = at

    def finish(self, within_s: float) -> None:
        """Return when all expected changes were read, or the time is over."""
        self._ends_at = time.monotonic() + within_s
        self._thread.join(within_s + _WAIT_S)

    def _run(self) -> None:
        while time.monotonic() < self._ends_at and not (self._ends_at < float("inf") and not self._expected):
            wait = "1" if self._ends_at < float("inf") else str(_WAIT_S)
            page = self._target.api.get("/alerts", {"since": self._cursor, "wait": wait})
            now = time.monotonic()
            self._cursor = page["cursor"] or self._cursor
            for alert in page["alerts"]:
                self._note(alert, now)

    def _note(self, alert: dict[str, Any], now: float) -> None:
        if alert["model"] != "news2":
            return
        for name in _TOLD_AT.values():
            change = (str(alert["patient"]), name, str(alert.get(name, "")))
            with self._lock:
                sent_at = self._expected.pop(change, None)
            if sent_at is not None:
                self.latencies_s.append(now - sent_at)
