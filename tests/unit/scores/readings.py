"""Readings for the tests, written as one would chart them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.domain.vitals import ObservedVitals, Parameter, VitalReading

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)

SHORT = {
    "rr": Parameter.RESPIRATORY_RATE,
    "spo2": Parameter.OXYGEN_SATURATION,
    "o2": Parameter.SUPPLEMENTAL_OXYGEN,
    "sbp": Parameter.SYSTOLIC_BLOOD_PRESSURE,
    "hr": Parameter.HEART_RATE,
    "acvpu": Parameter.CONSCIOUSNESS,
    "temp": Parameter.BODY_TEMPERATURE,
    "dbp": Parameter.DIASTOLIC_BLOOD_PRESSURE,
}
WELL = {"rr": "16", "spo2": "98", "o2": "air", "sbp": "120", "hr": "70", "acvpu": "A", "temp": "37.0"}


def value(text: str) -> Decimal | str:
    return text if text.isalpha() else Decimal(text)


def inputs(at: datetime = NOON, /, **charted: str) -> dict[Parameter, VitalReading]:
    return {
        SHORT[name]: VitalReading(at, f"Observation/{name}", "1", SHORT[name], value(text))
        for name, text in charted.items()
    }


def observed(name: str, minute: float, version: int = 1, /, **charted: str) -> ObservedVitals:
    """A version of Observation `name` so many minutes after noon; deleted where nothing is charted.

    What is charted as `!reason` does not count; as `value!reason` it counts, and is told of too.
    """
    told = {SHORT[short]: text.partition("!") for short, text in charted.items()}
    values = {name: value(text) for name, (text, _, _) in told.items() if text}
    unused = {name: reason for name, (_, _, reason) in told.items() if reason}
    problem = None if charted else "withdrawn"
    at = NOON + timedelta(minutes=minute)
    return ObservedVitals(name, f"v{version}", f"{version:04d}", at, values, problem, unused)
