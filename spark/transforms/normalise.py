"""A view's row as a silver row, by the rules that the table declares; `normalise_columns` is the same in Spark.

https://hl7.org/fhir/R4/valueset-administrative-gender.html for genders.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from shared.domain.fhir.dates import date_range
from shared.domain.fhir.views import Row
from spark.schemas.columns import Rule, Table
from spark.transforms.units import canonical_number
from spark.views.shipped import load_view

GENDERS: Final = {
    **dict.fromkeys(("male", "m", "man"), "male"),
    **dict.fromkeys(("female", "f", "w", "woman"), "female"),
    **dict.fromkeys(("other", "o", "a"), "other"),
}
"""What senders write, in lower case; anything else is `unknown`, absence stays null."""
COMPONENTS_VIEW: Final = "observation_components"


def instant_of(text: str | None) -> datetime | None:
    """The first instant a FHIR date covers, in UTC; None where it is absent or no calendar date."""
    found = date_range(text) if isinstance(text, str) else None
    return datetime.fromisoformat(found.lo) if found else None


def day_of(text: str | None) -> date | None:
    """The first day a FHIR date covers."""
    found = instant_of(text)
    return found.date() if found else None


def silver_row(table: Table, resource: dict[str, Any]) -> Row:
    """The columns of one resource: what its view gives, normalised. Key, version and lineage are the caller's."""
    view = load_view(table.name).rows(resource)[0]
    if table.has_components:
        view["components"] = load_view(COMPONENTS_VIEW).rows(resource)
    row: Row = {}
    for field in table.fields:
        values = _RULES[field.rule](*(view[source] for source in field.sources))
        row |= zip((column.name for column in field.columns), values, strict=True)
    if row.get("deceased_text"):
        row["deceased"] = True
    return row


def _text(*found: Any) -> tuple[str | None]:
    value = next((each for each in found if each not in (None, "")), None)
    return (None if value is None else str(value),)


def _gender(found: Any) -> tuple[str | None]:
    return (None if not found else GENDERS.get(str(found).strip().lower(), "unknown"),)


def _flag(found: Any) -> tuple[bool | None]:
    return (found if isinstance(found, bool) else None,)


def _is_number(found: Any) -> bool:
    return isinstance(found, Decimal | int | float) and not isinstance(found, bool)


def _number(found: Any) -> tuple[float | None]:
    return (float(found) if _is_number(found) else None,)


def _texts(found: Any) -> tuple[list[str] | None]:
    return ([str(each) for each in found or ()] or None,)


def _day(found: Any) -> tuple[str | None, date | None]:
    return (*_text(found), day_of(found))


def _moment(*found: Any) -> tuple[str | None, datetime | None]:
    (text,) = _text(*found)
    return text, instant_of(text)


def _quantity(value: Any, code: Any, name: Any) -> tuple[Any, ...]:
    (unit,) = _text(code, name)
    if not _is_number(value):
        return None, None, unit, None, None
    return float(value), str(value), unit, *canonical_number(float(value), unit)


def _components(found: list[Row]) -> tuple[list[Row] | None]:
    return ([_component(each) for each in found] or None,)


def _component(view: Row) -> Row:
    names = ("value", "value_text", "unit", "value_canonical", "unit_canonical")
    (display,) = _text(view["code_display"], view["code_words"])
    plain = {name: view[name] for name in ("code_system", "code", "value_code")}
    quantity = _quantity(view["value_decimal"], view["unit_code"], view["unit_name"])
    return plain | {"code_display": display} | dict(zip(names, quantity, strict=True))


_RULES: Final[dict[Rule, Callable[..., tuple[Any, ...]]]] = {
    Rule.TEXT: _text,
    Rule.GENDER: _gender,
    Rule.FLAG: _flag,
    Rule.NUMBER: _number,
    Rule.TEXTS: _texts,
    Rule.DAY: _day,
    Rule.MOMENT: _moment,
    Rule.QUANTITY: _quantity,
    Rule.COMPONENTS: _components,
}
