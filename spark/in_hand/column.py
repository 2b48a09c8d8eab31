"""A column of a frame in hand: an expression of DuckDB's SQL, put together by the operators of Spark's Column.

https://spark.apache.org/docs/4.1.0/api/python/reference/pyspark.sql/column.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

_TYPES: Final = {"string": "VARCHAR", "int": "INTEGER", "integer": "INTEGER"}


@dataclass(frozen=True, eq=False)
class Column:
    """`sql` with the name it has in a select; `fields` are those of a struct, which `name.*` opens.

    `over_rows` is what a sum is in a window, where its rows need no order.
    """

    sql: str
    name: str = ""
    fields: tuple[str, ...] = ()
    over_rows: str = ""

    def alias(self, name: str, **_: Any) -> Column:
        """Under this name; comments are the table's."""
        return replace(self, name=name)

    def cast(self, kind: str) -> Column:
        """Of this type of Spark's SQL. Of a double use `functions.floor`: DuckDB rounds it, or fails."""
        return Column(f"CAST({self.sql} AS {duck_type(kind)})", self.name)

    def try_cast(self, kind: str) -> Column:
        """The same, null where that cannot be. By the digits as they are written: so Spark rounds to a decimal."""
        return Column(f"TRY_CAST(CAST({self.sql} AS VARCHAR) AS {duck_type(kind)})", self.name)

    def isNull(self) -> Column:  # noqa: N802 - Spark's name
        """Whether there is no value."""
        return Column(f"({self.sql} IS NULL)")

    def isNotNull(self) -> Column:  # noqa: N802 - Spark's name
        """Whether there is a value."""
        return Column(f"({self.sql} IS NOT NULL)")

    def isin(self, *values: Any) -> Column:
        """Whether it is one of the values; null where it is null."""
        return Column(f"({self.sql} IN ({', '.join(literal(each) for each in values)}))")

    def when(self, condition: Column, value: Any) -> Column:
        """One more case of a `functions.when`."""
        return Column(f"{self.sql.removesuffix(' END')} WHEN {condition.sql} THEN {text_of(value)} END")

    def otherwise(self, value: Any) -> Column:
        """What holds where no case does."""
        return Column(f"({self.sql.removesuffix(' END')} ELSE {text_of(value)} END)")

    def over(self, window: Window) -> Column:
        """Of the rows of a window."""
        return Column(f"{self.over_rows or self.sql} OVER ({window.sql})")

    def desc(self) -> Column:
        """For an order: the greatest first, null last."""
        return Column(f"{self.sql} DESC NULLS LAST")

    desc_nulls_last = desc

    def asc_nulls_last(self) -> Column:
        """For an order: the least first, null last."""
        return Column(f"{self.sql} ASC NULLS LAST")

    def __invert__(self) -> Column:
        return Column(f"(NOT {self.sql})")

    def __and__(self, other: Any) -> Column:
        return _both(self, "AND", other)

    def __or__(self, other: Any) -> Column:
        return _both(self, "OR", other)

    def __eq__(self, other: object) -> Column:  # type: ignore[override]
        return _both(self, "=", other)

    def __ne__(self, other: object) -> Column:  # type: ignore[override]
        return _both(self, "<>", other)

    def __lt__(self, other: Any) -> Column:
        return _both(self, "<", other)

    def __le__(self, other: Any) -> Column:
        return _both(self, "<=", other)

    def __gt__(self, other: Any) -> Column:
        return _both(self, ">", other)

    def __ge__(self, other: Any) -> Column:
        return _both(self, ">=", other)

    def __add__(self, other: Any) -> Column:
        return _both(self, "+", other)

    def __radd__(self, other: Any) -> Column:
        return _both(other, "+", self)

    def __sub__(self, other: Any) -> Column:
        return _both(self, "-", other)

    def __rsub__(self, other: Any) -> Column:
        return _both(other, "-", self)

    def __mul__(self, other: Any) -> Column:
        return _both(self, "*", other)

    def __rmul__(self, other: Any) -> Column:
        return _both(other, "*", self)

    def __truediv__(self, other: Any) -> Column:
        return _both(self, "/", other)

    def __rtruediv__(self, other: Any) -> Column:
        return _both(other, "/", self)

    def __pow__(self, other: Any) -> Column:
        return Column(f"pow({self.sql}, {text_of(other)})")

    def __rpow__(self, other: Any) -> Column:
        return Column(f"pow({text_of(other)}, {self.sql})")

    __hash__ = None  # type: ignore[assignment]  # as Spark's: equality is an expression


@dataclass(frozen=True)
class Window:
    """Which rows a window function sees, and in which order."""

    parts: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @staticmethod
    def partitionBy(*columns: str | Column) -> Window:  # noqa: N802 - Spark's name
        """The rows with the same values of the columns."""
        return Window(tuple(column(each).sql for each in columns))

    def orderBy(self, *columns: str | Column) -> Window:  # noqa: N802 - Spark's name
        """In this order; null first unless a column says otherwise."""
        return replace(self, order=tuple(map(_ordered, columns)))

    @property
    def sql(self) -> str:
        """What stands within `OVER (…)`."""
        order = f" ORDER BY {', '.join(self.order)}" if self.order else ""
        return f"PARTITION BY {', '.join(self.parts)}{order}"


def _ordered(by: str | Column) -> str:
    sql = column(by).sql
    return sql if sql.endswith(" NULLS LAST") else f"{sql} ASC NULLS FIRST"


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def column(named: str | Column) -> Column:
    """A column by its name, which may stand in backticks; a column as it is."""
    if isinstance(named, Column):
        return named
    name = named.strip("`")
    return Column(quoted(name), name)


def literal(value: Any) -> str:
    """A value of Python in SQL. Raises TypeError for one that no measure has."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"  # a number with a point would be a decimal
    if isinstance(value, datetime):
        return f"CAST('{value.isoformat()}' AS TIMESTAMP)"
    if isinstance(value, date):
        return f"CAST('{value.isoformat()}' AS DATE)"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"a value of {type(value).__name__} has no literal")


def text_of(value: Any) -> str:
    """The SQL of a column, or of a value as a literal."""
    return value.sql if isinstance(value, Column) else literal(value)


def duck_type(kind: str) -> str:
    """DuckDB's name of a type of Spark's SQL."""
    return _TYPES.get(kind.lower(), kind.upper())


def fields_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """The names of several columns."""
    return tuple(each.name for each in columns)


def _both(left: Any, sign: str, right: Any) -> Column:
    return Column(f"({text_of(left)} {sign} {text_of(right)})")
