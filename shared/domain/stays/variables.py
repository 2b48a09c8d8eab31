"""Reads the variables of the sepsis model out of one FHIR R4 Observation, by the table `variables.json`.

The table names for each variable its LOINC codes, its unit and the conversions to it. What cannot be read is said, not
guessed: a unit that the table does not have, and a value that no patient has (`PLAUSIBLE` of the features).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from shared.domain.features.sepsis import PLAUSIBLE
from shared.domain.vitals.observation import CLOCK_ALLOWANCE, instant_of
from shared.domain.vitals.parameters import LOINC, UCUM

_COUNTS: Final = frozenset({"final", "amended", "corrected", "preliminary"})
UNKNOWN_UNIT, IMPOSSIBLE, NO_INSTANT, AHEAD, WITHDRAWN, NO_VALUE = (
    "unknown-unit", "impossible-value", "no-instant", "ahead-of-its-recording", "withdrawn", "no-value",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: its codes, its unit, and by unit the offset and factor that lead to it."""

    name: str
    codes: tuple[str, ...]
    unit: str
    units: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a variable of an Observation does not count."""

    variable: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What one version of an Observation says: values in the units of the table, and what does not count."""

    id: str
    version: str
    order: str
    at: datetime | None
    values: Mapping[str, float]
    remarks: tuple[Remark, ...] = ()


@cache
def variables() -> tuple[Variable, ...]:
    """The table, in the order of the model's columns."""
    table = json.loads((resources.files(__package__) / "variables.json").read_text("utf-8"))
    return tuple(
        Variable(
            row["variable"],
            tuple(row["codes"]),
            row["unit"],
            {unit: (float(offset), float(factor)) for unit, (offset, factor) in row["units"].items()},
        )
        for row in table["variables"]
    )


@cache
def by_code() -> Mapping[str, Variable]:
    """LOINC code → variable."""
    return {code: each for each in variables() for code in each.codes}


def found_in(observation: Mapping[str, Any], *, version: str, order: str) -> Found:
    """The values that this version of an Observation contributes. The last of two values of one variable counts."""
    read = [*_read(observation)]
    id_ = str(observation.get("id", ""))
    at = _instant(observation)
    reason = _reason(observation, at)
    if reason is not None:
        return Found(id_, version, order, at, {}, tuple(Remark(name, reason) for name, _, _ in read))
    values = {name: value for name, value, problem in read if value is not None and problem is None}
    remarks = [Remark(name, problem) for name, _, problem in read if problem is not None]
    return Found(id_, version, order, at, values, tuple(remarks))


def _reason(observation: Mapping[str, Any], at: datetime | None) -> str | None:
    if observation.get("status") not in _COUNTS:
        return WITHDRAWN
    if at is None:
        return NO_INSTANT
    recorded = instant_of((observation.get("meta") or {}).get("lastUpdated"))
    return AHEAD if recorded is not None and at > recorded + CLOCK_ALLOWANCE else None


def _instant(observation: Mapping[str, Any]) -> datetime | None:
    period = observation.get("effectivePeriod") or {}
    given = ("effectiveDateTime", "effectiveInstant")
    texts = (*(observation.get(name) for name in given), period.get("end"), period.get("start"))
    return next((at for text in texts if (at := instant_of(text)) is not None), None)


def _read(observation: Mapping[str, Any]) -> Iterator[tuple[str, float | None, str | None]]:
    for part in (observation, *(observation.get("component") or ())):
        codings = (part.get("code") or {}).get("coding") or ()
        known = (by_code().get(each.get("code")) for each in codings if each.get("system") == LOINC)
        variable = next((each for each in known if each is not None), None)
        if variable is not None:
            yield (variable.name, *_value(variable, part.get("valueQuantity")))


def _value(variable: Variable, quantity: Mapping[str, Any] | None) -> tuple[float | None, str | None]:
    if not quantity or "value" not in quantity or "comparator" in quantity:
        return None, NO_VALUE
    unit = quantity.get("code") if quantity.get("system", UCUM) == UCUM else None
    conversion = variable.units.get(str(unit or quantity.get("unit")))
    if conversion is None:
        return None, UNKNOWN_UNIT
    value = (float(quantity["value"]) - conversion[0]) * conversion[1]
    lowest, highest = PLAUSIBLE[variable.name]
    return (value, None) if lowest <= value <= highest else (None, IMPOSSIBLE)
