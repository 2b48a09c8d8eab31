"""The functions of `pyspark.sql.functions` that measures use, as expressions of DuckDB with the same meaning.

Sums and means of doubles go by size, so that they do not depend on the order of the rows.
https://spark.apache.org/docs/4.1.0/api/python/reference/pyspark.sql/functions.html https://duckdb.org/docs/stable/sql/functions
"""

from __future__ import annotations

from typing import Any, Final

from spark.in_hand.column import Column, column, fields_of, quoted, text_of
from spark.in_hand.frame import Frame

_DATE_FORMATS: Final = {"MMdd": "%m%d"}
_LAST: Final = 2**63 - 1
_BEYOND: Final = 2.0**63
_Named = str | Column


def col(name: str) -> Column:
    """The column of this name."""
    return column(name)


def lit(value: Any) -> Column:
    """A value."""
    return Column(text_of(value))


def expr(sql: str) -> Column:
    """An expression that is the same in both."""
    return Column(sql)


def when(condition: Column, value: Any) -> Column:
    """The value where the condition holds; null elsewhere, unless a case is added."""
    return Column(f"CASE WHEN {condition.sql} THEN {text_of(value)} END")


def coalesce(*columns: _Named) -> Column:
    """The first that is not null."""
    return _call("coalesce", *columns)


def nullif(first: _Named, second: _Named) -> Column:
    """The first, null where it is the second."""
    return _call("nullif", first, second)


def greatest(*columns: _Named) -> Column:
    """The greatest that is not null."""
    return _call("greatest", *columns)


def least(*columns: _Named) -> Column:
    """The least that is not null."""
    return _call("least", *columns)


def abs(of: _Named) -> Column:  # noqa: A001 - Spark's name
    """Without its sign."""
    return _call("abs", of)


def floor(of: _Named) -> Column:
    """The next whole number below, as a `bigint`: of doubles beyond those the last one, of what is no number zero."""
    value = f"CAST({column(of).sql} AS DOUBLE)"
    return Column(
        f"CASE WHEN isnan({value}) THEN 0 WHEN {value} >= {_BEYOND!r} THEN {_LAST} WHEN {value} < -{_BEYOND!r} "
        f"THEN -{_LAST} - 1 ELSE CAST(floor({value}) AS BIGINT) END"
    )


def length(of: _Named) -> Column:
    """In letters."""
    return _call("length", of)


def concat_ws(between: str, *columns: _Named) -> Column:
    """The texts that are not null, with something between them."""
    return _call("concat_ws", lit(between), *columns)


def struct(*columns: _Named) -> Column:
    """One value with the columns as its fields."""
    named = [column(each) for each in columns]
    fields = ", ".join(f"{quoted(each.name)} := {each.sql}" for each in named)
    return Column(f"struct_pack({fields})", fields=fields_of(named))


def array(*columns: _Named) -> Column:
    """A list of the columns' values."""
    named = [column(each) for each in columns]
    return Column(f"[{', '.join(each.sql for each in named)}]", fields=named[0].fields)


def explode(of: Column) -> Column:
    """A row for each entry of a list."""
    return Column(f"unnest({of.sql})", fields=of.fields)


def sequence(start: Column, stop: Column) -> Column:
    """Each day from one to another that is not before it."""
    first, last = (f"CAST({each.sql} AS TIMESTAMP)" for each in (start, stop))
    return Column(f"CAST(generate_series({first}, {last}, INTERVAL 1 DAY) AS DATE[])")


def to_date(of: _Named) -> Column:
    """The day, UTC."""
    return column(of).cast("date")


def to_timestamp(of: _Named) -> Column:
    """The first moment of a day."""
    return column(of).cast("timestamp")


def trunc(of: _Named, unit: str) -> Column:
    """The first day of the unit."""
    return Column(f"CAST(date_trunc('{unit}', {column(of).sql}) AS DATE)")


def year(of: _Named) -> Column:
    """The year of a day."""
    return _call("year", of)


def date_format(of: _Named, form: str) -> Column:
    """A day as text."""
    return Column(f"strftime({column(of).sql}, '{_DATE_FORMATS[form]}')")


def date_add(of: _Named, days: int) -> Column:
    """So many days later."""
    return Column(f"({to_date(of).sql} + {days})")


def date_sub(of: _Named, days: int) -> Column:
    """So many days earlier."""
    return Column(f"({to_date(of).sql} - {days})")


def datediff(end: _Named, start: _Named) -> Column:
    """Whole days from start to end."""
    return Column(f"date_diff('day', {column(start).sql}, {column(end).sql})")


def add_months(of: _Named, months: Column) -> Column:
    """So many months later; the last day of a month that has no such day."""
    return Column(f"CAST({column(of).sql} + to_months(CAST({months.sql} AS INTEGER)) AS DATE)")


def make_dt_interval(*, days: Column) -> Column:
    """So many days of 24 hours."""
    return Column(f"to_days({days.sql})")


def unix_micros(of: _Named) -> Column:
    """Microseconds since 1970."""
    return _call("epoch_us", of)


def count(of: _Named) -> Column:
    """Rows with a value; all rows for `*`."""
    return Column("count(*)") if isinstance(of, str) and of == "*" else _call("count", of)


def count_if(of: _Named) -> Column:
    """Rows where the condition holds."""
    return Column(f"count(CASE WHEN {column(of).sql} THEN 1 END)")


def count_distinct(of: _Named) -> Column:
    """Different values."""
    return Column(f"count(DISTINCT {column(of).sql})")


def min(of: _Named) -> Column:  # noqa: A001 - Spark's name
    """The least value."""
    return _call("min", of)


def max(of: _Named) -> Column:  # noqa: A001 - Spark's name
    """The greatest value."""
    return _call("max", of)


def sum(of: _Named) -> Column:  # noqa: A001 - Spark's name
    """All values together."""
    value = column(of).sql
    return Column(f"list_sum(list_sort(list({value})))", over_rows=f"sum({value})")


def avg(of: _Named) -> Column:
    """The mean of the values, as a double."""
    value = column(of).sql
    return Column(f"(list_sum(list_sort(list(CAST({value} AS DOUBLE)))) / count({value}))")


def stddev(of: _Named) -> Column:
    """The standard deviation of a sample; null of one value."""
    return Column(f"list_aggregate(list_sort(list(CAST({column(of).sql} AS DOUBLE))), 'stddev_samp')")


def median(of: _Named) -> Column:
    """The middle value, or the mean of the two that are: the lower, and the one that is lower from above."""
    value = f"CAST({column(of).sql} AS DOUBLE)"
    return Column(f"(0.5::DOUBLE * quantile_disc({value}, 0.5) - 0.5::DOUBLE * quantile_disc(-{value}, 0.5))")


def collect_list(of: _Named) -> Column:
    """The values that are not null."""
    value = column(of).sql
    return Column(f"coalesce(list({value}) FILTER ({value} IS NOT NULL), [])")


def collect_set(of: _Named) -> Column:
    """The different values that are not null."""
    value = column(of).sql
    return Column(f"coalesce(list(DISTINCT {value}) FILTER ({value} IS NOT NULL), [])")


def row_number() -> Column:
    """The place in a window, from 1."""
    return Column("row_number()")


def broadcast(frame: Frame) -> Frame:
    """The frame: nothing is sent anywhere."""
    return frame


def _call(name: str, *columns: _Named) -> Column:
    return Column(f"{name}({', '.join(column(each).sql for each in columns)})")
