"""The functions that measures are written in: Spark's, or, where the rows are in hand, DuckDB's of the same names.

A measure stands once. Which of both it speaks is the thread's, because a frame in hand goes with expressions in hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import pyspark.sql
from pyspark.sql import DataFrame
from pyspark.sql import functions as spark_functions

if TYPE_CHECKING:
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text
else:

    class _Either:
        """Looks each name up where the thread's measures are made."""

        def __init__(self, by_spark: Any, in_hand: str) -> None:
            self._by_spark = by_spark
            self._in_hand = in_hand

        def __getattr__(self, name: str) -> Any:
            if not _IN_HAND.get():
                return getattr(self._by_spark, name)
            from spark.in_hand import column, functions

            return getattr(column.Window if self._in_hand == "window" else functions, name)

    F = _Either(spark_functions, "functions")
    Window = _Either(pyspark.sql.Window, "window")

__all__ = ["F", "Window", "in_hand", "table_of"]
_IN_HAND: Final = ContextVar("in_hand", default=False)


@contextmanager
def in_hand() -> Iterator[None]:
    """Measures that this thread builds within are DuckDB's, over `spark.in_hand.frame.Frame`."""
    before = _IN_HAND.set(True)
    try:
        yield
    finally:
        _IN_HAND.reset(before)


def table_of(beside: DataFrame, rows: Sequence[Sequence[Any]], ddl: str) -> DataFrame:
    """A frame of the rows, of the kind of another one."""
    if isinstance(beside, pyspark.sql.DataFrame):
        return beside.sparkSession.createDataFrame(rows, ddl)
    return beside.of_rows(rows, ddl)
