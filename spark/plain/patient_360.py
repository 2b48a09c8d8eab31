"""One row a patient in Python: `transforms.patient_360` without Spark, to the same result, for the few who changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from spark.transforms.expand_lines import Row

_UNTRUE: Final = ("refuted", "entered-in-error")
_CENT: Final = Decimal("0.0001")
Patient = tuple[str, str]
_Rows = Mapping[Patient, list[Row]]
_CARRIED: Final = ("gender", "birth_on", "deceased", "deceased_at", "race", "ethnicity", "city", "state")


def patient_360_rows(tables: Mapping[str, Iterable[Row]]) -> list[Row]:
    """The rows of all patients in `tables`, which has the current, not deleted rows of each input by its name."""
    of = {name: _by_patient(rows) for name, rows in tables.items() if name != "patients"}
    return [_patient(row, of) for row in tables["patients"]]


def _by_patient(rows: Iterable[Row]) -> _Rows:
    found: defaultdict[Patient, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["tenant"], row["patient_id"]].append(row)
    return found


def _patient(row: Row, of: Mapping[str, _Rows]) -> Row:
    def mine(name: str, counts: Callable[[Row], bool] = lambda _: True) -> list[Row]:
        return [each for each in of[name].get((row["tenant"], row["id"]), ()) if counts(each)]

    encounters = mine("encounters", lambda each: (each["status"] or "") not in _NOT_HELD)
    conditions = mine("conditions", _is_true)
    medications, observations = mine("medication_requests"), mine("observations")
    allergies = mine("allergies", _is_true)
    procedures = mine("procedures", lambda each: each["status"] == "completed")
    immunizations = mine("immunizations", lambda each: each["status"] == "completed")
    care_plans = mine("care_plans", lambda each: each["status"] == "active")
    claims = mine("claims", lambda each: each["status"] == "active")
    latest = _latest(observations)
    counted = (encounters, conditions, medications, allergies, procedures, immunizations, care_plans, claims)
    batches = [row["batch"], *(each["batch"] for rows in counted for each in rows)]
    batches += [each["batch"] for each in observations] if latest else []
    starts = [each["started_at"] for each in encounters if each["started_at"]]
    return {name: row[name] for name in _CARRIED} | {
        "tenant": row["tenant"],
        "patient_id": row["id"],
        "encounters": len(encounters),
        "emergency_encounters": sum(each["class_code"] == "EMER" for each in encounters),
        "inpatient_encounters": sum(each["class_code"] in _INPATIENT for each in encounters),
        "first_encounter_at": min(starts, default=None),
        "last_encounter_at": max(starts, default=None),
        "conditions": len(conditions),
        "active_conditions": _listed(
            (each, "since", _day(each["onset_at"] or each["recorded_at"]))
            for each in conditions
            if each["clinical_status"] in _ACTIVE
        ),
        "active_medications": _listed(
            (each, "since", _day(each["authored_at"])) for each in medications if _is_asked_for(each)
        ),
        "allergies": _listed(
            (each, "criticality", each["criticality"])
            for each in allergies
            if (each["clinical_status"] or "") != "resolved"
        ),
        "procedures": len(procedures),
        "immunizations": len(immunizations),
        "active_care_plans": len(care_plans),
        "claims_total": _total(each["total"] for each in claims),
        "latest": latest,
        "batch": max(batches),
    }


_NOT_HELD: Final = ("planned", "cancelled", "entered-in-error")
_INPATIENT: Final = ("IMP", "ACUTE", "NONAC")
_ACTIVE: Final = ("active", "recurrence", "relapse")


def _is_true(row: Row) -> bool:
    return (row["verification_status"] or "") not in _UNTRUE


def _is_asked_for(row: Row) -> bool:
    proposed = (row["intent"] or "") in ("proposal", "plan", "option")
    return row["status"] == "active" and not proposed and not row["do_not_perform"]


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None


def _listed(found: Iterable[tuple[Row, str, Any]]) -> list[Row]:
    """Each entry once, by code; what is not known comes first, as Spark orders structs."""
    entries = {
        (row["code"], row["code_display"], third): name
        for row, name, third in found
        if row["code"] is not None
    }
    return [
        {"code": each[0], "display": each[1], entries[each]: each[2]}
        for each in sorted(entries, key=_nulls_first)
    ]


def _nulls_first(values: Iterable[Any]) -> list[Any]:
    return [() if each is None else (each,) for each in values]


def _total(totals: Iterable[float | None]) -> float:
    """In decimals of four digits, as Spark sums them."""
    some = (Decimal(repr(each)).quantize(_CENT, ROUND_HALF_UP) for each in totals if each is not None)
    return float(sum(some, Decimal(0)))


def _latest(observations: Iterable[Row]) -> list[Row]:
    """The newest value of each code; of one moment the greatest id counts, and of one observation the last component."""
    newest: dict[str, tuple[tuple[datetime, str], Row]] = {}
    for row in observations:
        if (row["status"] or "") in ("entered-in-error", "cancelled") or row["effective_at"] is None:
            continue
        order = (row["effective_at"], row["id"])
        for each in (row, *(row["components"] or ())):
            code, value = each["code"], each["value_canonical"]
            if code is None or value is None or (code in newest and newest[code][0] > order):
                continue
            newest[code] = (
                order,
                {
                    "code": code,
                    "display": each["code_display"],
                    "value": value,
                    "unit": each["unit_canonical"],
                    "at": row["effective_at"],
                },
            )
    return [newest[code][1] for code in sorted(newest)]
