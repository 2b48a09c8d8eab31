"""Reads the vital signs out of one FHIR R4 Observation: https://hl7.org/fhir/R4/observation.html"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.domain.vitals.parameters import (
    ACVPU_CODES,
    CONSCIOUSNESS_CODES,
    FLOW_CODE,
    HIGHEST_FLOW_L_PER_MIN,
    LOINC,
    MEASURES,
    UCUM,
    Measure,
    Parameter,
    oxygen_source,
    within,
)

WITHDRAWN = "withdrawn"
AHEAD, AHEAD_OF_RECORDING = "ahead", "ahead-of-its-recording"
NO_INSTANT, NO_VALUE, UNKNOWN_CODE, UNKNOWN_UNIT, IMPOSSIBLE, IMPOSSIBLE_FLOW = (
    "no-instant", "no-value", "unknown-code", "unknown-unit", "impossible-value", "impossible-flow",
)  # fmt: skip
# A measurement cannot be younger than its own arrival; the allowance is the one of DELIVERY for clocks that
# differ.
CLOCK_ALLOWANCE = timedelta(minutes=5)

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_WITHDRAWN_STATUS = frozenset({"entered-in-error", "cancelled"})


@dataclass(frozen=True, slots=True)
class VitalReading:
    """One parameter's value at one instant, with the Observation version that says so."""

    at: datetime
    observation: str
    version: str
    parameter: Parameter
    value: Decimal | str


@dataclass(frozen=True, slots=True)
class ObservedVitals:
    """What one version of one Observation contributes to the scores: nothing, where `values` is empty.

    `order` sorts the versions of one Observation (greatest is the newest). `problem` says why a version has
    no value although it could have: `withdrawn` (entered in error, cancelled, deleted) or `ahead` (measured
    more than five minutes after it was recorded: a wrong clock would push everything else out of the window).
    `not_counted` names each parameter that it speaks of without a value that counts, and why; `impossible-flow` is said
    of oxygen that counts as given, by a flow that no device has.
    """

    id: str
    version: str
    order: str
    at: datetime | None
    values: Mapping[Parameter, Decimal | str] = field(default_factory=dict)
    problem: str | None = None
    not_counted: Mapping[Parameter, str] = field(default_factory=dict)

    @property
    def has_place(self) -> bool:
        """Whether it stands among the readings: by a value, or by one that does not count, of a known instant."""
        return self.at is not None and bool(self.values or self.not_counted)


def instant_of(text: object) -> datetime | None:
    """A FHIR dateTime or instant with time and zone as UTC (cut to microseconds), else None."""
    match = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    try:
        parsed = datetime.fromisoformat(f"{seconds}.{(fraction or '0')[:6]:0<6}{zone.replace('Z', '+00:00')}")
        return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def readings_of(
    observation: Mapping[str, object],
    *,
    id: str,  # noqa: A002 - FHIR's word
    version: str,
) -> tuple[VitalReading, ...]:
    """The readings; empty where the Observation is withdrawn, has no instant or no usable value."""
    vitals = vitals_of(observation, id=id, version=version)
    if vitals.at is None:
        return ()
    reference = f"Observation/{id}"
    return tuple(
        VitalReading(vitals.at, reference, version, name, value) for name, value in vitals.values.items()
    )


def removed(
    *,
    id: str,  # noqa: A002 - FHIR's word
    version: str,
    order: str,
) -> ObservedVitals:
    """What a deleted Observation contributes: its removal."""
    return ObservedVitals(id, version, order, None, {}, WITHDRAWN)


def vitals_of(
    observation: Mapping[str, object],
    *,
    id: str,  # noqa: A002 - FHIR's word
    version: str,
    order: str | None = None,
) -> ObservedVitals:
    """What this version of an Observation contributes; `order` is by default its meta.lastUpdated.

    A date without a time names no instant; of a period the end counts. A value with a comparator, an unknown
    unit, a dataAbsentReason or outside the unit's hard limits is missing, not guessed. However often a parameter is
    spoken of, it is not counted once: a value that does not count is told of before a code without a value.
    """
    recorded = instant_of(_mapping(observation.get("meta")).get("lastUpdated"))
    if order is None:
        order = recorded.strftime("%Y-%m-%dT%H:%M:%S.%f") if recorded else ""
    at = _effective(observation)
    values = dict(_values(observation))
    problem, of_all = None, None if at else NO_INSTANT
    if at is not None and recorded is not None and at > recorded + CLOCK_ALLOWANCE:
        at = None
        problem, of_all = (AHEAD, AHEAD_OF_RECORDING) if values else (None, None)
    if observation.get("status") in _WITHDRAWN_STATUS:
        problem, of_all = WITHDRAWN if values or _speaks_of_vitals(observation) else None, WITHDRAWN
    if problem is not None or at is None:
        values = {}
    return ObservedVitals(id, version, order, at, values, problem, _reasons(observation, values, of_all))


def _reasons(
    observation: Mapping[str, object], values: Mapping[Parameter, Decimal | str], of_all: str | None
) -> dict[Parameter, str]:
    reasons: dict[Parameter, str] = {}
    if observation.get("status") == "registered":
        of_all = WITHDRAWN
    for part in (observation, *_mappings(observation.get("component"))):
        for parameter, code in _spoken_of(part):
            if parameter in values:
                if code == FLOW_CODE and _is_beyond_devices(part):
                    reasons[parameter] = IMPOSSIBLE_FLOW
            elif reasons.get(parameter, NO_VALUE) == NO_VALUE:
                reasons[parameter] = of_all or _problem(part, code)
    return reasons


def _is_beyond_devices(part: Mapping[str, object]) -> bool:
    flow = _counted(part, MEASURES[FLOW_CODE])
    return flow is not None and flow > HIGHEST_FLOW_L_PER_MIN


def _spoken_of(part: Mapping[str, object]) -> Iterator[tuple[Parameter, str]]:
    for code in _loinc_codes(part):
        if code in CONSCIOUSNESS_CODES:
            yield Parameter.CONSCIOUSNESS, code
        elif code in MEASURES:
            yield MEASURES[code].parameter, code


def _problem(part: Mapping[str, object], code: str) -> str:
    """Why `_value` finds none."""
    if code in CONSCIOUSNESS_CODES:
        return UNKNOWN_CODE if "valueCodeableConcept" in part else NO_VALUE
    measure = MEASURES[code]
    quantity = _quantity(part, measure)
    if _decimal(quantity.get("value")) is None or "comparator" in quantity:
        return NO_VALUE
    return UNKNOWN_UNIT if _converted(measure, quantity) is None else IMPOSSIBLE


def _effective(observation: Mapping[str, object]) -> datetime | None:
    period = _mapping(observation.get("effectivePeriod"))
    return (
        instant_of(observation.get("effectiveDateTime"))
        or instant_of(observation.get("effectiveInstant"))
        or instant_of(period.get("end"))
        or instant_of(period.get("start"))
    )


def _speaks_of_vitals(observation: Mapping[str, object]) -> bool:
    parts = [observation, *_mappings(observation.get("component"))]
    return any(
        code in MEASURES or code in CONSCIOUSNESS_CODES for part in parts for code in _loinc_codes(part)
    )


def _values(observation: Mapping[str, object]) -> Iterator[tuple[Parameter, Decimal | str]]:
    if observation.get("status") == "registered":
        return
    for part in (observation, *_mappings(observation.get("component"))):
        for code in _loinc_codes(part):
            read = _value(part, code)
            if read is not None:
                yield read
                break


def _value(part: Mapping[str, object], code: str) -> tuple[Parameter, Decimal | str] | None:
    if code in CONSCIOUSNESS_CODES:
        letter = _acvpu(part)
        return None if letter is None else (Parameter.CONSCIOUSNESS, letter)
    measure = MEASURES.get(code)
    if measure is None:
        return None
    value = _counted(part, measure)
    if value is None or not within(measure, value):
        return None
    if measure.parameter is Parameter.SUPPLEMENTAL_OXYGEN:
        return measure.parameter, oxygen_source(code, value)
    return measure.parameter, value


def _counted(part: Mapping[str, object], measure: Measure) -> Decimal | None:
    """The value in the parameter's unit, within limits or not; a bound (`< 400`) is none."""
    quantity = _quantity(part, measure)
    return None if "comparator" in quantity else _converted(measure, quantity)


def _quantity(part: Mapping[str, object], measure: Measure) -> Mapping[str, object]:
    """The quantity; of a measure of whole numbers a plain integer is one too."""
    quantity = _mapping(part.get("valueQuantity"))
    if not quantity and measure.whole and "valueInteger" in part:
        return {"value": part["valueInteger"], "code": "1"}
    return quantity


def _converted(measure: Measure, quantity: Mapping[str, object]) -> Decimal | None:
    """The value in the parameter's unit; None without a number or in a unit that the measure does not know."""
    unit = quantity.get("code") if quantity.get("system", UCUM) == UCUM else None
    convert = measure.units.get(unit if isinstance(unit, str) else str(quantity.get("unit")))
    number = _decimal(quantity.get("value"))
    return None if convert is None or number is None else convert(number)


def _acvpu(part: Mapping[str, object]) -> str | None:
    for coding in _mappings(_mapping(part.get("valueCodeableConcept")).get("coding")):
        letter = ACVPU_CODES.get((str(coding.get("system")), str(coding.get("code"))))
        if letter is not None:
            return letter
    return None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return number if number.is_finite() else None


def _loinc_codes(part: Mapping[str, object]) -> Iterator[str]:
    for coding in _mappings(_mapping(part.get("code")).get("coding")):
        code = coding.get("code")
        if coding.get("system") == LOINC and isinstance(code, str):
            yield code


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
