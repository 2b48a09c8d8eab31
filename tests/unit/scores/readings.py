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

    What is charted as `!reason` does not count.
    """
    values = {SHORT[short]: value(text) for short, text in charted.items() if text[0] != "!"}
    unused = {SHORT[short]: text[1:] for short, text in charted.items() if text[0] == "!"}
    problem = None if charted else "withdrawn"
    at = NOON + timedelta(minutes=minute)
    return ObservedVitals(name, f"v{version}", f"{version:04d}", at, values, problem, unused)
