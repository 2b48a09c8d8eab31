"""A view on Spark by the Python engine, in its workers: for what the plan of Spark's own expressions does not cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text
from pyspark.sql.types import StringType, StructField, StructType

from shared.domain.fhir.json import decode_object, encode
from shared.domain.fhir.views import Row, View
from shared.errors import InputError
from spark.views.columns import plain_schema

_ROW = "__row"
Batch = Any
"""A pyarrow.RecordBatch, which has no types of its own to check."""


def rows_by_python(frame: DataFrame, definition: Any, keys: Sequence[str], body: str) -> DataFrame:
    """The key columns beside the view's, as `plain_schema` types them. A body that is null or no JSON gives no row."""
    schema = plain_schema(View(definition).definition)
    rows = _run(frame, definition, keys, body, exact=False)
    return rows.select(*keys, F.from_json(_ROW, schema).alias(_ROW)).select(*keys, f"{_ROW}.*")


def json_by_python(frame: DataFrame, definition: Any, keys: Sequence[str], body: str) -> DataFrame:
    """The key columns and one with each row as a JSON object, null for a body that holds no resource."""
    return _run(frame, definition, keys, body, exact=True)


def _run(frame: DataFrame, definition: Any, keys: Sequence[str], body: str, *, exact: bool) -> DataFrame:
    text = encode(definition)
    kept = frame.select(*keys, F.col(body).alias(_ROW))
    schema = StructType([*kept.schema.fields[:-1], StructField(_ROW, StringType())])

    def run(batches: Iterable[Batch]) -> Iterator[Batch]:
        view = _view(text)
        for each in batches:
            yield _expanded(each, view, exact=exact)

    return kept.mapInArrow(run, schema)


def _expanded(batch: Batch, view: View, *, exact: bool) -> Batch:
    import pyarrow as pa

    places: list[int] = []
    rows: list[str | None] = []
    *keys, bodies = batch.columns
    for place, text in enumerate(bodies.to_pylist()):
        found: list[str | None] = []
        if text and not text.isspace():
            resource = _resource(text)
            if resource is not None:
                found = [encode(row if exact else _as_columns(row)) for row in view.rows(resource)]
            elif exact:
                found = [None]
        places += [place] * len(found)
        rows += found
    taken = pa.array(places, pa.int32())
    return pa.RecordBatch.from_arrays(
        [*(key.take(taken) for key in keys), pa.array(rows, pa.string())], batch.schema.names
    )


def _resource(text: str) -> dict[str, Any] | None:
    try:
        resource = decode_object(text)
    except InputError:
        return None
    return resource if isinstance(resource.get("resourceType"), str) else None


def _as_columns(row: Row) -> Row:
    return {name: _as_column(value) for name, value in row.items()}


def _as_column(value: Any) -> Any:
    """Numbers with a fraction and objects as text: Spark's reader would take the digits of a bare 1.50 away."""
    if isinstance(value, list):
        return [_as_column(each) for each in value]
    if isinstance(value, Decimal):
        return str(value)
    return encode(value) if isinstance(value, dict) else value


@cache
def _view(text: str) -> View:
    """Once in each worker."""
    return View(decode_object(text))
