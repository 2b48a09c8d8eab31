"""What a valid resource cannot mean: a date that is none, a future that has passed, an end before the beginning.

Judged against the landing of the resource, never against the clock of the run: the same raw files give the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.schemas.columns import Field, Rule, Table

PROBLEM: Final = "problem"
WRITTEN: Final = "value_decimal"
"""The view's column that the value is read from."""
_PAIRS: Final = (
    ("birth", "on", "deceased", "death before birth"),
    ("started", "at", "ended", "end before start"),
    ("performed", "at", "ended", "end before start"),
    ("onset", "at", "abatement", "abatement before onset"),
)
_DAY: Final = "INTERVAL 1 DAY"


def problem_column(table: Table) -> Column:
    """The first problem of a normalised row, null where there is none; what a quantity was read from stands beside it."""
    found = [F.when(wrong, F.lit(reason)) for wrong, reason in _checks(table)]
    return F.coalesce(*found, F.lit(None).cast("string"))


def _checks(table: Table) -> Iterator[tuple[Column, str]]:
    for field in table.fields:
        if field.rule in (Rule.DAY, Rule.MOMENT):
            yield from _date_checks(field)
        elif field.rule is Rule.QUANTITY:
            yield F.col(WRITTEN).isNotNull() & F.col("value").isNull(), "value is not a number"
    names = {column.name for column in table.columns}
    for first, ending, second, reason in _PAIRS:
        if f"{first}_{ending}" in names and f"{second}_at" in names:
            yield _before(second, "at", first, ending), reason
    if table.type == "Encounter":
        held = ~F.coalesce("status", F.lit("")).isin("planned", "cancelled", "entered-in-error")
        yield held & _in_future(F.col("started_at")), "started in the future"


def _date_checks(field: Field) -> Iterator[tuple[Column, str]]:
    text, value = (F.col(column.name) for column in field.columns)
    name = field.name.removesuffix("_text")
    yield text.isNotNull() & value.isNull(), f"{name} is not a date"
    if field.past:
        yield _in_future(value), f"{name} in the future"


def _in_future(value: Column) -> Column:
    return value.cast("timestamp") > F.col("landed_at") + F.expr(_DAY)


def _before(second: str, second_ending: str, first: str, first_ending: str) -> Column:
    """Compared at the coarser of both precisions; where one is a day only, a day's difference may be a time zone."""
    texts = F.col(f"{second}_text"), F.col(f"{first}_text")
    length = F.least(F.length(texts[0]), F.length(texts[1]))
    coarse = F.substring(texts[0], F.lit(1), length) < F.substring(texts[1], F.lit(1), length)
    second_at = F.col(f"{second}_{second_ending}").cast("timestamp")
    first_at = F.col(f"{first}_{first_ending}").cast("timestamp")
    return (
        F.when(length < 10, coarse)
        .when(length == 10, second_at < first_at - F.expr(_DAY))
        .otherwise(second_at < first_at)
    )
