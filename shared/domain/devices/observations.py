"""A device reading becomes FHIR R4 Observations of the vital signs profiles.

The event is one JSON object, with one metric or several measured at the same instant:

    {"device": "mon-7", "patient": "p-12", "effective": "2024-05-01T10:00:00+02:00",
     "metric": "heart_rate", "value": 72, "unit": "/min"}
    {"device": "mon-7", "patient": "Patient/p-12", "effective": "2024-05-01T08:00:00.250Z",
     "readings": [{"metric": "systolic_blood_pressure", "value": 118, "unit": "mm[Hg]"},
                  {"metric": "diastolic_blood_pressure", "value": 76, "unit": "mm[Hg]"},
                  {"metric": "supplemental_oxygen", "value": "air"},
                  {"metric": "consciousness", "value": "A"}]}

`unit` is a UCUM code; numbers keep their digits and their unit, nothing is converted. Systolic and diastolic
pressure of one event make one blood pressure panel. Nothing of the values is ever repeated in an issue.
A number that no patient has (a detached sensor's 0) is recorded as sent, as it is by every other door, so that it hides no
other reading of its event; the scores leave it out.
https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.domain.devices import metrics
from shared.domain.devices.profile import blood_pressure, consciousness, quantity
from shared.domain.fhir.outcome import Issue, error

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,126}[^\s\x00-\x1f\x7f])?")
_MOST_READINGS = 64
_REQUIRED, _VALUE, _STRUCTURE, _DUPLICATE, _TOO_LONG = (
    "required",
    "value",
    "structure",
    "duplicate",
    "too-long",
)


class DeviceReadingError(ValueError):
    """The reading as a whole is refused; `issues` say why."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("; ".join(f"{issue.expression}: {issue.text}" for issue in issues))
        self.issues = tuple(issues)


@dataclass(frozen=True, slots=True)
class DeviceObservation:
    """An Observation without id; `identity` (device, metric, effective time) is what its id is minted from.

    `patient` is the reference as the source gave it; `resource["subject"]` says the same as `Patient/<id>`.
    """

    resource: dict[str, Any]
    identity: str
    patient: str


@dataclass(frozen=True, slots=True)
class _Measured:
    metric: str
    value: Decimal | int | str
    unit: str


def to_observations(reading: Mapping[str, object]) -> list[DeviceObservation]:
    """The Observations of one event in the order of its readings.

    Raises DeviceReadingError when anything of the event is wrong: half a set of observations misleads.
    """
    issues: list[Issue] = []
    device = _text(reading, "device", issues)
    patient = _text(reading, "patient", issues)
    instant = _effective(reading, issues)
    measured = _measurements(reading, issues)
    if issues:
        raise DeviceReadingError(issues)
    subject = patient if "/" in patient or patient.startswith("urn:") else f"Patient/{patient}"
    common = {"subject": {"reference": subject}, "effectiveDateTime": reading["effective"],
              "device": {"identifier": {"value": device}}}  # fmt: skip
    source = device.replace("%", "%25").replace("|", "%7C")
    return [
        DeviceObservation(resource | common, f"{source}|{name}|{instant}", patient)
        for name, resource in _resources(measured)
    ]


def _resources(measured: dict[str, _Measured]) -> list[tuple[str, dict[str, Any]]]:
    systolic, diastolic = measured.get(metrics.SYSTOLIC), measured.get(metrics.DIASTOLIC)
    panel = systolic is not None and diastolic is not None
    made: list[tuple[str, dict[str, Any]]] = []
    for name, item in measured.items():
        if name == metrics.CONSCIOUSNESS:
            made.append((name, consciousness(str(item.value))))
        elif panel and name == metrics.SYSTOLIC and systolic and diastolic:
            pressures = ((systolic.value, systolic.unit), (diastolic.value, diastolic.unit))
            made.append((metrics.BLOOD_PRESSURE, blood_pressure(*pressures)))
        elif not (panel and name == metrics.DIASTOLIC):
            made.append((name, quantity(item.metric, item.value, item.unit)))
    return made


def _text(reading: Mapping[str, object], name: str, issues: list[Issue]) -> str:
    value = reading.get(name)
    if value is None:
        issues.append(error(_REQUIRED, f"'{name}' is missing", name))
    elif not isinstance(value, str) or _NAME.fullmatch(value) is None:
        issues.append(error(_VALUE, f"'{name}' must be a string of 1 to 128 printable characters", name))
    return value if isinstance(value, str) else ""


def _effective(reading: Mapping[str, object], issues: list[Issue]) -> str:
    """The instant in UTC with all its digits, so that one instant has one identity in every zone."""
    value = reading.get("effective")
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        try:
            moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            fraction = (match[2] or "").rstrip("0")
            return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"
    code = _REQUIRED if value is None else _VALUE
    text = "'effective' must be an ISO 8601 instant with seconds and a zone, such as 2024-05-01T10:00:00Z"
    issues.append(error(code, text, "effective"))
    return ""


def _measurements(reading: Mapping[str, object], issues: list[Issue]) -> dict[str, _Measured]:
    if ("metric" in reading) == ("readings" in reading):
        text = "give either 'metric', 'value' and 'unit', or a list 'readings' of them"
        issues.append(error(_STRUCTURE, text, "readings"))
        return {}
    several = reading.get("readings")
    if "metric" in reading:
        entries: list[tuple[str, object]] = [("", reading)]
    elif isinstance(several, list) and 0 < len(several) <= _MOST_READINGS:
        entries = [(f"readings[{number}].", item) for number, item in enumerate(several)]
    else:
        code = _TOO_LONG if isinstance(several, list) and several else _VALUE
        issues.append(error(code, f"'readings' must be a list of 1 to {_MOST_READINGS} objects", "readings"))
        return {}
    result: dict[str, _Measured] = {}
    for path, entry in entries:
        measured = _measurement(path, entry, issues)
        if measured is None:
            continue
        if measured.metric in result:
            issues.append(error(_DUPLICATE, "this metric occurs twice at one instant", f"{path}metric"))
        result[measured.metric] = measured
    return result


def _measurement(path: str, entry: object, issues: list[Issue]) -> _Measured | None:
    if not isinstance(entry, Mapping):
        issues.append(error(_STRUCTURE, "a reading must be an object", path.rstrip(".")))
        return None
    name, value, unit = entry.get("metric"), entry.get("value"), entry.get("unit")
    if not isinstance(name, str) or name not in metrics.KNOWN:
        known = ", ".join(metrics.KNOWN)
        issues.append(error(_VALUE, f"'metric' must be one of {known}", f"{path}metric"))
        return None
    if value is None:
        issues.append(error(_REQUIRED, "'value' is missing", f"{path}value"))
        return None
    if name == metrics.CONSCIOUSNESS:
        return _consciousness(path, value, issues)
    if name == metrics.SUPPLEMENTAL_OXYGEN:
        if value == metrics.ON_AIR:
            return _Measured(metrics.OXYGEN_BY_UNIT["L/min"], 0, "L/min")
        if unit not in metrics.OXYGEN_BY_UNIT:
            text = "'supplemental_oxygen' is the word air, a flow in L/min or a concentration in %"
            issues.append(error(_VALUE, text, f"{path}unit"))
            return None
        name = metrics.OXYGEN_BY_UNIT[str(unit)]
    return _number(path, name, value, unit, issues)


def _consciousness(path: str, value: object, issues: list[Issue]) -> _Measured | None:
    if isinstance(value, str) and value in metrics.ACVPU:
        return _Measured(metrics.CONSCIOUSNESS, value, "")
    text = "'consciousness' must be A (alert), C (new confusion), V (voice), P (pain) or U (unresponsive)"
    issues.append(error(_VALUE, text, f"{path}value"))
    return None


def _number(path: str, name: str, value: object, unit: object, issues: list[Issue]) -> _Measured | None:
    metric = metrics.METRICS[name]
    if not isinstance(unit, str) or unit not in metric.units:
        text = f"the unit of {name} must be UCUM {' or '.join(metric.units)}"
        issues.append(error(_REQUIRED if unit is None else _VALUE, text, f"{path}unit"))
        return None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not Decimal(value).is_finite():
        issues.append(error(_VALUE, f"the value of {name} must be a JSON number", f"{path}value"))
        return None
    return _Measured(name, value, unit)
