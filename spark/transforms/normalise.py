"""A view's row as a silver row: instants in UTC, quantities in canonical units, the text as written kept beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from shared.domain.fhir.dates import date_range
from spark.transforms.units import canonical_quantity
from spark.views.view_definition import Row, load_view

Normaliser = Callable[[dict[str, Any]], Row]


def instant_of(text: str | None) -> datetime | None:
    """The first instant a FHIR date covers, in UTC; None where it is absent or no calendar date."""
    found = date_range(text) if isinstance(text, str) else None
    return datetime.fromisoformat(found.lo) if found else None


def day_of(text: str | None) -> date | None:
    """The first day a FHIR date covers."""
    found = instant_of(text)
    return found.date() if found else None


def _first(row: Row, *names: str) -> Any:
    """The first of these columns that has a value; all of them leave the row."""
    values = [row.pop(name) for name in names]
    return next((value for value in values if value is not None), None)


def _quantity(row: Row) -> None:
    number, unit = row.pop("value_decimal"), _first(row, "unit_code", "unit_name")
    numeric = (
        number is not None and not isinstance(number, bool) and isinstance(number, Decimal | int | float)
    )
    value, canonical_unit = canonical_quantity(Decimal(str(number)), unit) if numeric else (None, None)
    row["value"] = float(number) if numeric else None
    row["value_text"] = str(number) if numeric else None
    row["unit"] = unit
    row["value_canonical"] = None if value is None else float(value)
    row["unit_canonical"] = canonical_unit


def _single(view: str, resource: dict[str, Any]) -> Row:
    return load_view(view).rows(resource)[0]


def patient(resource: dict[str, Any]) -> Row:
    """The row of a Patient. `deceased` is true where a flag or a date says so, null where nothing is said."""
    row = _single("patients", resource)
    flag = row.pop("deceased_flag")
    row["birth_on"] = day_of(row["birth_text"])
    row["deceased_at"] = instant_of(row["deceased_text"])
    row["deceased"] = True if row["deceased_text"] else flag
    return row


def observation(resource: dict[str, Any]) -> Row:
    """The row of an Observation, its components as an array in their order."""
    row = _single("observations", resource)
    row["effective_text"] = _first(row, "effective_instant", "effective_date_time", "effective_start")
    row["effective_at"] = instant_of(row["effective_text"])
    _quantity(row)
    components = load_view("observation_components").rows(resource)
    for component in components:
        _quantity(component)
    row["components"] = components
    return row


def encounter(resource: dict[str, Any]) -> Row:
    """The row of an Encounter."""
    row = _single("encounters", resource)
    row["started_at"] = instant_of(row["started_text"])
    row["ended_at"] = instant_of(row["ended_text"])
    return row


def condition(resource: dict[str, Any]) -> Row:
    """The row of a Condition; an onset or abatement given as an age or a text stays null."""
    row = _single("conditions", resource)
    row["onset_text"] = _first(row, "onset_date_time", "onset_start")
    row["abatement_text"] = _first(row, "abatement_date_time", "abatement_end")
    for name in ("onset", "abatement", "recorded"):
        row[f"{name}_at"] = instant_of(row[f"{name}_text"])
    return row


NORMALISERS: Final[dict[str, Normaliser]] = {
    "Patient": patient,
    "Observation": observation,
    "Encounter": encounter,
    "Condition": condition,
}
