"""Vital signs of made up patients: steady within what scores 0 in NEWS2, worsening now and then and recovering.

The bands are those of the chart: Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from local.generate.event import Event

# Metric, unit, lowest and highest of the band that scores 0, the value at the worst, decimals.
_SIGNS: Final = (
    ("respiratory_rate", "/min", 12, 20, 30, 0),
    ("oxygen_saturation", "%", 96, 100, 86, 0),
    ("systolic_blood_pressure", "mm[Hg]", 111, 140, 82, 0),
    ("heart_rate", "/min", 51, 90, 138, 0),
    ("body_temperature", "Cel", 36.1, 38.0, 39.6, 1),
)
_DIASTOLIC_SHARE: Final = 0.65
_FALLS_ILL: Final = 0.01
"""The chance of a well patient to begin to worsen, at each reading."""
_STEP: Final = 0.1
_UNRESPONSIVE_TO_ALL_BUT_VOICE: Final = 0.95
_NOISE: Final = 0.08


@dataclass(slots=True)
class _Patient:
    name: str
    usual: list[float]
    """Where in each band the patient is when well, from 0 to 1."""
    illness: float = 0.0
    worsens: bool = False
    last_at: datetime | None = field(default=None)


class Vitals:
    """An endless, seeded run of readings, the patients in turn; values depend on the seed, times on the clock."""

    def __init__(self, seed: int, now: Callable[[], datetime], *, patients: int) -> None:
        self._now = now
        self._random = Random(seed)
        self._patients = [
            _Patient(f"generated-{seed:08x}-{number}", [self._random.uniform(0.2, 0.8) for _ in _SIGNS])
            for number in range(1, patients + 1)
        ]
        self._turn = 0

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        patient = self._patients[self._turn % len(self._patients)]
        self._turn += 1
        self._live(patient)
        event = {
            "device": f"monitor-{patient.name}",
            "patient": patient.name,
            "effective": self._instant(patient).isoformat(timespec="milliseconds"),
            "readings": self._readings(patient),
        }
        return Event(json.dumps(event).encode(), patient.name)

    def _live(self, patient: _Patient) -> None:
        if patient.illness == 0 and not patient.worsens:
            patient.worsens = self._random.random() < _FALLS_ILL
        patient.illness = min(1.0, max(0.0, patient.illness + (_STEP if patient.worsens else -_STEP)))
        if patient.illness >= 1.0:
            patient.worsens = False

    def _instant(self, patient: _Patient) -> datetime:
        """Now; a millisecond after the patient's last reading at the least, because an instant names a reading."""
        at = self._now()
        if patient.last_at is not None:
            at = max(at, patient.last_at + timedelta(milliseconds=1))
        patient.last_at = at
        return at

    def _readings(self, patient: _Patient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for (metric, unit, low, high, worst, decimals), usual in zip(_SIGNS, patient.usual, strict=True):
            place = min(1.0, max(0.0, usual + self._random.gauss(0, _NOISE)))
            well = low + (high - low) * place
            value = round(well + (worst - well) * patient.illness, decimals or None)
            found.append({"metric": metric, "value": value, "unit": unit})
            if metric == "systolic_blood_pressure":
                diastolic = round(value * _DIASTOLIC_SHARE)
                found.append({"metric": "diastolic_blood_pressure", "value": diastolic, "unit": unit})
        voice = patient.illness >= _UNRESPONSIVE_TO_ALL_BUT_VOICE
        return [*found, {"metric": "consciousness", "value": "V" if voice else "A"}]
