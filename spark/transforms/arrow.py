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


def map_rows(
    frame: DataFrame,
    transform: Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]],
    schema: StructType,
) -> DataFrame:
    """`frame` through `transform`, which gets each partition's rows as dicts and yields rows of `schema`.

    Of a frame in hand that is done at once and here.
    """
    if not isinstance(frame, DataFrame):
        rows = list(transform(iter(frame.collect())))
        return frame.of_table(pa.Table.from_pylist(rows, schema=to_arrow_schema(schema)))

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        arrow = to_arrow_schema(schema)
        rows = transform(row for batch in batches for row in batch.to_pylist())
        while chunk := list(islice(rows, _ROWS_PER_BATCH)):
            yield pa.RecordBatch.from_pylist(chunk, schema=arrow)

    return frame.mapInArrow(run, schema)
