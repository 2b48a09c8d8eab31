"""A view's columns as silver columns in Spark's own expressions; `normalise` is the same in Python, and a test holds both.

Texts hold numbers and dates as written, so that digits and precision are kept beside what is computed of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.schemas.columns import Field, Rule, Table
from spark.transforms.normalise import GENDERS
from spark.transforms.units import CANONICAL

_DATE_TIME: Final = r"^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$"


def silver_columns(table: Table) -> list[Column]:
    """All columns that the table's view gives, in their order, under their names."""
    found: list[Column] = []
    for field in table.fields:
        columns = _RULES[field.rule](field)
        found += [column.alias(own.name) for column, own in zip(columns, field.columns, strict=True)]
    return found


def _text(field: Field) -> list[Column]:
    return [_first(*field.sources)]


def _first(*names: str) -> Column:
    """The first of these columns that is neither null nor empty."""
    return F.coalesce(*(F.when(F.col(name) != "", F.col(name)) for name in names))


def _gender(field: Field) -> list[Column]:
    words = F.lower(F.trim(F.col(field.sources[0])))
    known = reduce(
        lambda column, pair: column.when(words == pair[0], F.lit(pair[1])),
        GENDERS.items(),
        F.when(words.isNull() | (words == ""), F.lit(None)),
    )
    return [known.otherwise(F.lit("unknown"))]


def _flag(field: Field) -> list[Column]:
    flag = F.col(field.sources[0]).cast("boolean")
    if field.name == "deceased":  # a date of death says so too
        flag = F.when(_first("deceased_text").isNotNull(), F.lit(True)).otherwise(flag)
    return [flag]


def _number(field: Field) -> list[Column]:
    return [F.col(field.sources[0]).try_cast("double")]


def _texts(field: Field) -> list[Column]:
    values = F.col(field.sources[0])
    return [F.when(F.size(values) > 0, values)]


def instant_column(text: Column) -> Column:
    """The first instant a FHIR date covers, in UTC; null where it is no calendar date."""
    return F.when(text.rlike(_DATE_TIME), text.try_cast("timestamp"))


def _day(field: Field) -> list[Column]:
    text = _first(*field.sources)
    return [text, F.to_date(instant_column(text))]


def _moment(field: Field) -> list[Column]:
    text = _first(*field.sources)
    return [text, instant_column(text)]


def _quantity(field: Field) -> list[Column]:
    value, code, name = (F.col(source) for source in field.sources)
    return quantity_columns(value, F.coalesce(F.when(code != "", code), F.when(name != "", name)))


def quantity_columns(text: Column, unit: Column) -> list[Column]:
    """Value, text, unit, and the canonical value and unit. Without a number there is no canonical unit either."""
    value = text.try_cast("double")
    code, canonical = unit, value
    for kind, (wanted, factor, offset) in reversed(CANONICAL.items()):
        code = F.when(unit == kind, F.lit(wanted)).otherwise(code)
        if factor != 1 or offset:
            computed = value * F.lit(float(factor)) + F.lit(float(offset))
            canonical = F.when(unit == kind, computed).otherwise(canonical)
    return [value, F.when(value.isNotNull(), text), unit, canonical, F.when(value.isNotNull(), code)]


def _components(field: Field) -> list[Column]:
    def one(each: Column) -> Column:
        unit = F.coalesce(*(F.when(each[name] != "", each[name]) for name in ("unit_code", "unit_name")))
        names = ("value", "value_text", "unit", "value_canonical", "unit_canonical")
        quantity = zip(quantity_columns(each["value_decimal"], unit), names, strict=True)
        words = F.coalesce(*(F.when(each[name] != "", each[name]) for name in ("code_display", "code_words")))
        return F.struct(
            each["code_system"].alias("code_system"),
            each["code"].alias("code"),
            words.alias("code_display"),
            *(column.alias(name) for column, name in quantity),
            each["value_code"].alias("value_code"),
        )

    values = F.col(field.sources[0])
    return [F.when(F.size(values) > 0, F.transform(values, one))]


_RULES: Final[dict[Rule, Callable[[Field], list[Column]]]] = {
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
