"""Real stays in intensive care replayed through the stream door, and how long a P1 of sepsis takes to be readable.

The first hours of stays of the PhysioNet/CinC Challenge 2019, one event a value: what a monitor measures as readings of a
device, the rest as Observations. The challenge tells hours only: the values of one follow a minute after another, or `apart`
as far as the hour lets them, so that nearly each is scored by itself. All stays go on together on one clock, and as in a
hospital no two begin an hour at the same moment. Effective times are those of the stay, its last hour being the present one;
the times that are measured are real and begin when a value is due. Where some values are taken together and the alert names
the last, its time is counted from the one that was to raise it. A risk that is lower again within the second that an alert
may take need not be seen, nor one that the alert before still tells of; any other that is never read counts as one that
takes for ever.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Final

from local.bench.cpu_time import each_ms, times_of_s
from local.bench.figures import percentile, spread
from local.bench.stays import HOURS, Replayed, Value, in_turn, lasting
from local.bench.vitals import AlertReader
from local.delivery.confirm import Confirmer
from local.delivery.parcels import Parcel
from local.delivery.sources import Document
from local.delivery.stream_door import sender
from local.delivery.target import Target
from shared import names
from shared.domain.devices.metrics import METRICS
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.records import Door
from shared.domain.stays.assessment import said_by
from shared.domain.stays.sepsis_risk import MODEL
from shared.domain.stays.variables import variables
from shared.domain.vitals.parameters import LOINC, UCUM

GOAL_S: Final = 1.0
_LAST_WITHIN_S: Final = 60.0
_FOUND_WITHIN_S: Final = 90.0
_MONITORED: Final = {
    variable.name: metric
    for variable in variables()
    for metric, each in METRICS.items()
    if each.loinc in variable.codes and variable.unit in each.units
}
"""Variable → metric of a monitor in the unit of the table."""


@dataclass(slots=True)
class SepsisResult:
    """What was sent and seen."""

    stays: int = 0
    sent: int = 0
    found: int = 0
    seconds: float = 0.0
    expected_alerts: int = 0
    as_expected: int = 0
    brief: int = 0
    lost: int = 0
    gone_on: int = 0
    unforeseen: int = 0
    latencies_s: list[float] = field(default_factory=list)
    cpu_ms: dict[str, float] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether every value is on record and all but a hundredth of the expected alerts were read within the goal."""
        waited = percentile([*self.latencies_s, *[math.inf] * self.lost], 99)
        return self.found == self.sent and not self.unforeseen and waited < GOAL_S

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "stays": self.stays,
            "sent": self.sent,
            "sent_per_s": round(self.sent / self.seconds, 1) if self.seconds else 0.0,
            "dropped": self.sent - self.found,
            "alerts_expected": self.expected_alerts,
            "alerts_seen": len(self.latencies_s),
            "alerts_at_the_expected_value": self.as_expected,
            "alerts_too_brief_to_expect": self.brief,
            "alerts_never_read": self.lost,
            "alerts_that_went_on": self.gone_on,
            "alerts_of_no_value_sent": self.unforeseen,
            "vital_to_sepsis_alert": {"samples": len(self.latencies_s), **spread(self.latencies_s)},
            "cpu_ms_a_value": self.cpu_ms,
        }


def run_sepsis(
    target: Target, stays: Sequence[Replayed], rate: float, pids: Mapping[str, int], *, apart: bool = False
) -> SepsisResult:
    """Admit the patients, replay their stays, read alerts as a client does, and look for every value afterwards.

    `pids` are the platform's processes, whose processor time is told: from the first value to the last or to the last alert.
    """
    started_at = instant_text(target.services.clock.now())
    begun = target.services.clock.now() - timedelta(hours=HOURS)
    run = target.services.randomness.hex(8)
    order = list(in_turn(stays, apart=apart))
    expected = lasting(stays, order, GOAL_S * rate)
    episodes = sum(len({each.episode for each in stay.rises}) for stay in stays)
    result = SepsisResult(len(stays), expected_alerts=len(expected), brief=episodes - len(expected))
    confirmer = Confirmer(target.api, started_at)
    patients = [_admitted(target, stay, f"{run}-{stay.name}", begun) for stay in stays]
    events = [
        (place, each, _event(target, stays[place].values[each], f"{run}-{stays[place].name}", each, begun))
        for place, each in order
    ]
    for _, _, parcel in events:
        confirmer.add(parcel.keys.values())
    with ExitStack() as open_:
        send = {
            hub: open_.enter_context(sender(target.settings, hub))
            for hub in (names.HUB_VITAL_SIGNS, names.HUB_CLINICAL_EVENTS)
        }
        _admit(target, patients, send, started_at, rate)
        reader = _SepsisReader(target, started_at, pids, stays, expected)
        reader.start()
        used, began = times_of_s(pids), time.monotonic()
        for place, each, parcel in events:
            due = began + result.sent / rate
            time.sleep(max(0.0, due - time.monotonic()))
            measured = instant_text(begun + stays[place].values[each].after)
            reader.send((str(patients[place][0].keys[0]), "began_at", measured), place, each, due)
            send[parcel.hub](parcel.body, parcel.key)
            result.sent += 1
        result.seconds = time.monotonic() - began
        reader.used = times_of_s(pids)
    reader.finish(_LAST_WITHIN_S)
    result.cpu_ms = each_ms(used, reader.used, result.sent)
    result.latencies_s, result.as_expected = reader.latencies_s, reader.as_expected
    result.gone_on = gone_on(reader.missing, reader.ended, partial(_scored_since, target))
    result.lost, result.unforeseen = len(reader.missing) - result.gone_on, reader.unforeseen
    until = time.monotonic() + _FOUND_WITHIN_S
    while not confirmer.complete and time.monotonic() < until:
        confirmer.sweep(thorough=True)
    result.found = confirmer.found
    return result


class _SepsisReader(AlertReader):
    """Notes each alert of sepsis with the time since the value that raised it was sent.

    `used` is the processor time that the platform's processes had taken when the last one came.
    """

    def __init__(
        self,
        target: Target,
        since: str,
        pids: Mapping[str, int],
        stays: Sequence[Replayed],
        expected: Mapping[tuple[int, int], int],
    ) -> None:
        super().__init__(target, since)
        self._pids = pids
        self._stays = stays
        self._first = dict(expected)
        """Stay and episode → the place of the rise that is to be seen, until it is."""
        self._sent: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._due: dict[tuple[int, int], float] = {}
        self._patients: set[str] = set()
        self._seen: set[tuple[str, str, str]] = set()
        self.ended: dict[tuple[str, str], str] = {}
        """Patient and beginning of an alert → its end as it was read last, nothing while it is open."""
        self.used: dict[str, float] = {}
        self.as_expected = self.unforeseen = 0

    @property
    def missing(self) -> list[tuple[str, str, str]]:
        """Alerts that were expected and not read yet."""
        return list(self._expected)

    def send(self, change: tuple[str, str, str], stay: int, place: int, due: float) -> None:
        """A value is sent now; an alert that begins with it says so by this change."""
        with self._lock:
            self._sent[change] = stay, place
            self._due[stay, place] = due
            self._patients.add(change[0])
            rise = self._stays[stay].rise_of(place)
            if rise is not None and self._first.get((stay, rise.episode)) == place:
                self._expected[change] = due

    def _note(self, alert: dict[str, Any], now: float) -> None:
        change = (str(alert["patient"]), "began_at", str(alert["began_at"]))
        if alert["model"] != MODEL:
            return
        self.ended[change[0], change[2]] = str(alert.get("ended_at") or "")
        if change in self._seen:
            return
        self._seen.add(change)
        with self._lock:
            if change in self._sent:
                self.latencies_s.append(now - self._settled(*self._sent[change]))
            else:
                self.unforeseen += change[0] in self._patients
        self.used = times_of_s(self._pids)

    def _settled(self, stay: int, place: int) -> float:
        """When what an alert tells of was due: the rise that was to be seen if it came before, else the one that was."""
        rise = self._stays[stay].rise_of(place)
        if rise is None:
            return self._due[stay, place]
        first = self._first.pop((stay, rise.episode), None)
        self.as_expected += first == place
        if first is not None and first <= place:
            self._expected = {
                each: at for each, at in self._expected.items() if self._sent[each] != (stay, first)
            }
            return self._due[stay, first]
        return self._due[stay, rise.place]


def gone_on(
    expected: Iterable[tuple[str, str, str]],
    alerts: Mapping[tuple[str, str], str],
    scored_since: Callable[[str, str], bool],
) -> int:
    """How many of the alerts that were expected to begin are told by one that stayed open while the patient was scored.

    `alerts`: patient and beginning → end, nothing while it is open. An episode ends after a calm hour; where values of its
    beginning are taken together, that hour begins with the last of them.
    """
    return sum(
        any(
            whose == patient and began < at and (not ended or ended > at)
            for (whose, began), ended in alerts.items()
        )
        and scored_since(patient, at)
        for patient, _, at in expected
    )


def _scored_since(target: Target, patient: str, at: str) -> bool:
    """Whether the sepsis risk of a patient is on record for an instant or a later one."""
    found = target.api.get("/fhir/RiskAssessment", {"patient": patient, "date": f"ge{at}", "_count": "100"})
    risks = (said_by(entry["resource"]) for entry in found.get("entry", ()))
    return any(risk is not None and risk["model"] == MODEL for risk in risks)


def _admitted(target: Target, stay: Replayed, name: str, begun: datetime) -> list[Parcel]:
    """The patient and the stay in progress."""
    patient = {
        "resourceType": "Patient", "id": name, "gender": stay.sex, "birthDate": f"{begun.year - stay.age}-01-01",
    }  # fmt: skip
    encounter = {
        "resourceType": "Encounter", "id": f"stay-{name}", "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ACUTE"},
        "subject": {"reference": f"Patient/{name}"}, "period": {"start": begun.isoformat()},
    }  # fmt: skip
    return [_parcel(target, name, each) for each in (patient, encounter)]


def _event(target: Target, value: Value, name: str, place: int, begun: datetime) -> Parcel:
    at = (begun + value.after).isoformat()
    metric = _MONITORED.get(value.variable.name)
    if metric is not None:
        return _parcel(target, name, {
            "device": f"monitor-{name}", "patient": name, "effective": at, "metric": metric, "value": value.value,
            "unit": value.variable.unit,
        })  # fmt: skip
    unit = value.variable.unit
    return _parcel(target, name, {
        "resourceType": "Observation", "id": f"{name}-{place}", "status": "final",
        "code": {"coding": [{"system": LOINC, "code": value.variable.codes[0]}]},
        "subject": {"reference": f"Patient/{name}"}, "effectiveDateTime": at,
        "valueQuantity": {"value": value.value, "unit": unit, "system": UCUM, "code": unit},
    })  # fmt: skip


def _parcel(target: Target, name: str, content: dict[str, Any]) -> Parcel:
    return target.packer.parcel(Document(name, json.encode(content).encode()), Door.STREAM)


def _admit(
    target: Target,
    patients: Sequence[Sequence[Parcel]],
    send: Mapping[str, Callable[[bytes, str], None]],
    since: str,
    rate: float,
) -> None:
    """Send them at the rate of the values, and return when every stay is on record, or after a while."""
    began = time.monotonic()
    for number, parcel in enumerate(chain.from_iterable(patients)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        send[parcel.hub](parcel.body, parcel.key)
    until = time.monotonic() + _FOUND_WITHIN_S
    while (
        target.api.total("Encounter", _lastUpdated=f"ge{since}") < len(patients) and time.monotonic() < until
    ):
        time.sleep(0.2)
