"""A view compiled to Spark SQL, and run over a frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text
from pyspark.sql.types import StringType, StructField, StructType

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.views import Kind, ViewDefinition
from spark.views.plan.expressions import Expressions
from spark.views.plan.rows import Rows, condition, product, rows_of
from spark.views.plan.used import Used
from spark.views.plan.values import NotPlanned, Value, quoted

_RESOURCE: Final = "galen_resource"
_ROWS: Final = "galen_rows"
_BODY: Final = "galen_body"
_BAD: Final = "galen_bad"
CORRUPT: Final = "galen_corrupt"


@dataclass(frozen=True, slots=True)
class Plan:
    """`schema` is what of a body is parsed, `rows` the SQL array of row structs over the parsed struct,
    `no_row` such an array with one row of nulls.

    `kinds` are the forms of the columns in the view's order; a decimal is text with the digits of the resource.
    """

    schema: StructType
    rows: str
    no_row: str
    kinds: dict[str, Kind]
    collections: frozenset[str]
    decimals: frozenset[str]

    def run(self, frame: DataFrame, keys: Sequence[str], body: str) -> DataFrame:
        """The key columns beside the view's. A body that is null or no JSON gives no row."""
        parsed = frame.select(*keys, self.parsed(body).alias(_RESOURCE))
        rows = parsed.select(*keys, F.expr(self.rows).alias(_ROWS))
        names = [f"`{name}`" for name in self.kinds]
        return rows.selectExpr(*(f"`{key}`" for key in keys), f"inline({_ROWS})").select(*keys, *names)

    def run_with_bad(self, frame: DataFrame, keys: Sequence[str], body: str) -> DataFrame:
        """As `run`, with a boolean first: true for the one row that stands for a text without a resource."""
        parsed = frame.select(
            *keys, F.col(body).alias(_BODY), self.parsed(body, keeps_corrupt=True).alias(_RESOURCE)
        )
        is_bad = f"({_RESOURCE}.{CORRUPT} IS NOT NULL OR {_RESOURCE}.resourceType IS NULL)"
        is_bad = f"({_BODY} RLIKE '\\\\S' AND {is_bad})"
        told = parsed.select(*keys, _BODY, _RESOURCE, F.expr(is_bad).alias(_BAD))
        rows = told.select(
            _BAD, *keys, F.expr(f"CASE WHEN {_BAD} THEN {self.no_row} ELSE {self.rows} END").alias(_ROWS)
        )
        names = [f"`{name}`" for name in self.kinds]
        return rows.selectExpr(_BAD, *(f"`{key}`" for key in keys), f"inline({_ROWS})").select(
            _BAD, *keys, *names
        )

    def parsed(self, body: str, *, keeps_corrupt: bool = False) -> F.Column:
        """The struct of what the view reads; `keeps_corrupt` adds a field that holds a text which is no JSON."""
        corrupt = [StructField(CORRUPT, StringType())] if keeps_corrupt else []
        text = F.col(body)
        if self.decimals:
            text = F.regexp_replace(text, self._bare_decimals(), '$1"$2"')
        return F.from_json(
            text,
            StructType([*self.schema.fields, *corrupt]),
            {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT},
        )

    def _bare_decimals(self) -> str:
        """Spark reads a JSON number into text by way of a double, and 1.50 would become 1.5: so it is quoted before.

        What matches is a property: within a string no quote stands bare, so that two of them with a name between are
        the ends of one text, and a text before a colon and a number is the name of a property.
        """
        names = "|".join(re.escape(name) for name in sorted(self.decimals))
        return rf'("(?:{names})"\s*:\s*)(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'


def compile_view(view: ViewDefinition) -> Plan:
    """The plan of a view. Raises NotPlanned, with the reason, where a part of it has no exact counterpart in SQL."""
    used = Used(view.resource)
    used.read("resourceType", "code", is_array=False)
    root = Value(_RESOURCE, view.resource, used=used)
    expressions = Expressions(r4(), root, view.constants)
    conditions = [f"{_RESOURCE}.resourceType = {quoted(view.resource)}"]
    conditions += [condition(path, expressions, root) for path in view.where]
    rows = product([rows_of(select, expressions, root) for select in view.select])
    schema = used.data_type()
    assert isinstance(schema, StructType)
    decimals, others = frozenset(used.decimals()), frozenset(used.numbers())
    if decimals & others:
        raise NotPlanned(
            "a property that is a decimal in one place and another number or a boolean in another"
        )
    nulls = Rows({name: replace(cell, sql="NULL") for name, cell in rows.cells.items()})
    order = [column.name for column in view.columns]
    return Plan(
        schema,
        _on_parsed(
            f"CASE WHEN {' AND '.join(f'({each})' for each in conditions)} THEN {rows.as_array()} END"
        ),
        nulls.as_array(),
        {name: rows.cells[name].kind for name in order},
        frozenset(name for name in order if rows.cells[name].is_collection),
        decimals,
    )


def _on_parsed(sql: str) -> str:
    """`sql`, in which the parsed struct is a lambda's variable.

    Were it a column, Spark would push each path into the parsing and parse a body once for every column of the view.
    """
    return f"transform(array({_RESOURCE}), {_RESOURCE} -> {sql})[0]"
