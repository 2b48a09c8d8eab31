"""A frame in hand: a query of DuckDB, put together by the methods of Spark's DataFrame that measures use.

Nothing is read before the rows are asked for, and then of each input only the columns that matter. A frame that others
read more than once is computed once.
https://spark.apache.org/docs/4.1.0/api/python/reference/pyspark.sql/dataframe.html
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from spark.in_hand.column import Column, column, duck_type, literal, quoted

# It copies the rows once more, which are few. The relation that it names instead plans a query to know its columns, and
# twice more: a fifth of the time of a table.
warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)

_JOINS: Final = {"inner": "JOIN", "left": "LEFT JOIN", "left_semi": "SEMI JOIN", "left_anti": "ANTI JOIN"}
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Given:
    """What was registered under a name."""

    name: str
    schema: pa.Schema

    def sql(self, words: frozenset[str]) -> str:
        """The columns in whose names the query has every word: what no part of it names is not read, nor planned."""
        chosen = [field for field in self.schema if words.issuperset(_words(field.name))]
        return f"SELECT {', '.join(map(_without_zone, chosen or [self.schema.field(0)]))} FROM {quoted(self.name)}"


class Frame:
    """Rows with `columns`; `fields` are those of columns that are structs."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        parts: Sequence[str | _Given | Frame],
        columns: Sequence[str],
        fields: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._connection = connection
        self._parts = tuple(parts)
        self.columns = list(columns)
        self._fields = dict(fields or {})

    @classmethod
    def of_arrow(cls, connection: duckdb.DuckDBPyConnection, rows: Any) -> Frame:
        """The rows of a table, or of a dataset, of pyarrow; its instants are known to be UTC's."""
        name = f"given_{id(rows)}"
        connection.register(name, rows)
        return cls(connection, (_Given(name, rows.schema),), rows.schema.names)

    def of_rows(self, rows: Sequence[Sequence[Any]], ddl: str) -> Frame:
        """Beside this frame one of the rows, whose columns a DDL of Spark names and types."""
        names, kinds = zip(*(each.split() for each in ddl.split(", ")), strict=True)
        values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
        given = ", ".join(f"{quoted(each)}" for each in names)
        typed = ", ".join(
            f"CAST({quoted(name)} AS {duck_type(kind)}) AS {quoted(name)}"
            for name, kind in zip(names, kinds, strict=True)
        )
        return Frame(self._connection, (f"SELECT {typed} FROM (VALUES {values}) AS given({given})",), names)

    def of_table(self, rows: pa.Table) -> Frame:
        """Beside this frame one of the rows."""
        return Frame.of_arrow(self._connection, rows)

    def select(self, *columns: str | Column) -> Frame:
        """These columns; `*` are all of them, `name.*` the fields of one."""
        chosen: list[Column] = []
        for each in columns:
            if isinstance(each, Column):
                chosen.append(each)
            elif each == "*":
                chosen += [column(name) for name in self.columns]
            elif each.endswith(".*"):
                of = each.removesuffix(".*")
                chosen += [Column(f"{quoted(of)}.{quoted(name)}", name) for name in self._fields[of]]
            else:
                chosen.append(column(each))
        fields = {each.name: each.fields or self._fields.get(each.name, ()) for each in chosen}
        listed = ", ".join(f"{each.sql} AS {quoted(each.name)}" for each in chosen)
        names = [each.name for each in chosen]
        return Frame(self._connection, (f"SELECT {listed} FROM (", self, ")"), names, fields)

    def where(self, condition: Column | str) -> Frame:
        """The rows for which the condition holds."""
        sql = condition if isinstance(condition, str) else condition.sql
        return Frame(
            self._connection, ("SELECT * FROM (", self, f") WHERE {sql}"), self.columns, self._fields
        )

    def withColumn(self, name: str, value: Column) -> Frame:  # noqa: N802 - Spark's name
        """With one more column, or another one of that name."""
        return self.withColumns({name: value})

    def withColumns(self, values: Mapping[str, Column]) -> Frame:  # noqa: N802 - Spark's name
        """With more columns, or others of those names; each is of the columns as they were."""
        others = {name: each.sql for name, each in values.items() if name in self.columns}
        more = [f"{each.sql} AS {quoted(name)}" for name, each in values.items() if name not in others]
        names = list(dict.fromkeys((*self.columns, *values)))
        fields = self._fields | {name: each.fields for name, each in values.items() if each.fields}
        listed = ", ".join((_star(others), *more))
        return Frame(self._connection, (f"SELECT {listed} FROM (", self, ")"), names, fields)

    def withColumnRenamed(self, old: str, new: str) -> Frame:  # noqa: N802 - Spark's name
        """With another name of a column."""
        if old not in self.columns:
            return self
        names = [new if each == old else each for each in self.columns]
        fields = {new if name == old else name: each for name, each in self._fields.items()}
        renamed = f"SELECT * RENAME ({quoted(old)} AS {quoted(new)}) FROM ("
        return Frame(self._connection, (renamed, self, ")"), names, fields)

    def drop(self, *names: str) -> Frame:
        """Without these columns."""
        stay = [each for each in self.columns if each not in names]
        gone = ", ".join(quoted(each) for each in self.columns if each in names)
        if not gone:
            return self
        parts = (f"SELECT * EXCLUDE ({gone}) FROM (", self, ")")
        return Frame(self._connection, parts, stay, self._fields)

    def distinct(self) -> Frame:
        """Each row once."""
        listed = ", ".join(map(quoted, self.columns))
        parts = (f"SELECT DISTINCT {listed} FROM (", self, ")")
        return Frame(self._connection, parts, self.columns, self._fields)

    def join(self, other: Frame, on: Sequence[str], how: str = "inner") -> Frame:
        """With the rows of another frame that have the same values in the columns `on`."""
        semi = how in ("left_semi", "left_anti")
        more = [] if semi else [each for each in other.columns if each not in on]
        key = ", ".join(map(quoted, on))
        listed = f"l.*, r.* EXCLUDE ({key})" if more else "l.*"
        parts = (f"SELECT {listed} FROM (", self, f") AS l {_JOINS[how]} (", other, f") AS r USING ({key})")
        return Frame(self._connection, parts, (*self.columns, *more), self._fields | other._fields)

    def unionByName(self, other: Frame) -> Frame:  # noqa: N802 - Spark's name
        """The rows of both, by the names of the columns."""
        parts = ("SELECT * FROM (", self, ") UNION ALL BY NAME SELECT * FROM (", other, ")")
        return Frame(self._connection, parts, self.columns, self._fields)

    def groupBy(self, *keys: str | Column) -> Groups:  # noqa: N802 - Spark's name
        """The rows with the same keys together."""
        return Groups(self, [column(each) for each in keys])

    def toArrow(self) -> pa.Table:  # noqa: N802 - Spark's name
        """The rows."""
        return self._connection.execute(self.sql()).to_arrow_table()

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows, at most so many at once."""
        yield from self.toArrow().to_batches(rows)

    def collect(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        return list(self.toArrow().to_pylist())

    def sql(self) -> str:
        """The query. What several frames read is a common table, made once."""
        readers: Counter[int] = Counter()
        order: list[Frame] = []
        _count(self, readers, order)
        names = {id(each): f"t{number}" for number, each in enumerate(order) if readers[id(each)] > 1}
        said = [part for each in (*order, self) for part in each._parts if isinstance(part, str)]
        words = frozenset(_words(" ".join((*said, *self.columns))))
        shared = [
            f"{names[id(each)]} AS MATERIALIZED ({each._text(names, words)})"
            for each in order
            if id(each) in names
        ]
        return (f"WITH {', '.join(shared)} " if shared else "") + self._text(names, words)

    def _text(self, names: Mapping[int, str], words: frozenset[str]) -> str:
        return "".join(
            each
            if isinstance(each, str)
            else each.sql(words)
            if isinstance(each, _Given)
            else f"SELECT * FROM {names[id(each)]}"
            if id(each) in names
            else each._text(names, words)
            for each in self._parts
        )

    @property
    def parents(self) -> list[Frame]:
        """The frames that it reads."""
        return [each for each in self._parts if isinstance(each, Frame)]


class Groups:
    """The rows of a frame, grouped."""

    def __init__(self, frame: Frame, keys: Sequence[Column]) -> None:
        self._frame = frame
        self._keys = list(keys)

    def agg(self, *values: Column) -> Frame:
        """One row a group: the keys, then the values."""
        chosen = [*self._keys, *values]
        listed = ", ".join(f"{each.sql} AS {quoted(each.name)}" for each in chosen)
        places = ", ".join(str(number) for number in range(1, len(self._keys) + 1))
        parts = (f"SELECT {listed} FROM (", self._frame, f") GROUP BY {places}")
        return Frame(self._frame._connection, parts, [each.name for each in chosen])


def _count(frame: Frame, readers: Counter[int], order: list[Frame]) -> None:
    """How often each frame is read, and all of them, each after those it reads. A frame given is read as often as it is."""
    for each in frame.parents:
        if not each.parents:
            continue
        readers[id(each)] += 1
        if readers[id(each)] == 1:
            _count(each, readers, order)
            order.append(each)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _without_zone(given: pa.Field) -> str:
    name = quoted(given.name)
    if pa.types.is_timestamp(given.type):
        return f"make_timestamp(epoch_us({name})) AS {name}"  # a cast asks for the zone of the machine
    return name


def _star(others: Mapping[str, str]) -> str:
    """All columns, some of them with other values. Names are not listed: reading them takes longer than the rows."""
    values = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in others.items())
    return f"* REPLACE ({values})" if values else "*"
