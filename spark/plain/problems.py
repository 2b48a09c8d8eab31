"""`transforms.plausibility` in Python, check by check in the same order; a test holds both to the same words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from shared.domain.fhir.views import Row
from spark.schemas.columns import Rule, Table

_PAIRS: Final = (
    ("birth", "on", "deceased", "death before birth"),
    ("started", "at", "ended", "end before start"),
    ("performed", "at", "ended", "end before start"),
    ("onset", "at", "abatement", "abatement before onset"),
)
_DAY: Final = timedelta(days=1)
_NOT_HELD: Final = ("planned", "cancelled", "entered-in-error")


def problem_of(table: Table, row: Row, resource: dict[str, Any]) -> str | None:
    """The first problem of a normalised row with its lineage, None where there is none."""
    return next(_problems(table, row, resource), None)


def _problems(table: Table, row: Row, resource: dict[str, Any]) -> Iterator[str]:
    landed = row.get("landed_at")
    for field in table.fields:
        if field.rule is Rule.QUANTITY and row["value"] is None and _has_value(resource):
            yield "value is not a number"
        if field.rule not in (Rule.DAY, Rule.MOMENT):
            continue
        text, value = (row[column.name] for column in field.columns)
        name = field.name.removesuffix("_text")
        if text is not None and value is None:
            yield f"{name} is not a date"
        if field.past and _after(value, landed):
            yield f"{name} in the future"
    for first, ending, second, reason in _PAIRS:
        if f"{first}_{ending}" in row and f"{second}_at" in row and _before(row, second, first, ending):
            yield reason
    if table.type == "Encounter" and row["status"] not in _NOT_HELD and _after(row["started_at"], landed):
        yield "started in the future"


def _has_value(resource: dict[str, Any]) -> bool:
    quantity = resource.get("valueQuantity")
    return isinstance(quantity, dict) and quantity.get("value") is not None


def _instant(value: date | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def _after(value: date | None, landed: datetime | None) -> bool:
    instant = _instant(value)
    return instant is not None and landed is not None and instant > landed + _DAY


def _before(row: Row, second: str, first: str, ending: str) -> bool:
    texts: tuple[Any, Any] = row[f"{second}_text"], row[f"{first}_text"]
    later, earlier = _instant(row[f"{second}_at"]), _instant(row[f"{first}_{ending}"])
    if None in texts:
        return False
    length = min(map(len, texts))
    if length < len("YYYY-MM-DD"):
        return bool(texts[0][:length] < texts[1][:length])
    if later is None or earlier is None:
        return False
    return later < (earlier - _DAY if length == len("YYYY-MM-DD") else earlier)
