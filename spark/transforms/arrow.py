"""Plain Python over the rows of a DataFrame, by Arrow batches and without pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

_ROWS_PER_BATCH: Final = 2_000
_ROWS_READ: Final = 500
"""At once of a frame in hand: a row may have a report, or the events of a patient."""


def map_rows(
    frame: DataFrame,
    transform: Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]],
    schema: StructType,
) -> DataFrame:
    """`frame` through `transform`, which gets each partition's rows as dicts and yields rows of `schema`.

    Of a frame in hand that is done at once and here; a row that becomes a million stands in memory as Arrow has it.
    """

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        arrow = to_arrow_schema(schema)
        rows = transform(row for batch in batches for row in batch.to_pylist())
        while chunk := list(islice(rows, _ROWS_PER_BATCH)):
            yield pa.RecordBatch.from_pylist(chunk, schema=arrow)

    if isinstance(frame, DataFrame):
        return frame.mapInArrow(run, schema)
    return frame.of_table(pa.Table.from_batches(run(frame.batches(_ROWS_READ)), to_arrow_schema(schema)))
