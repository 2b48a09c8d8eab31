"""A view over a data frame: the face for jobs and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.fhir.views import View, ViewError
from spark.views.by_python import rows_by_python
from spark.views.columns import asked_type


class SparkView:
    """A view that was read once and runs over any frame.

    Columns are boolean, long or text, arrays of them for collections; text holds numbers and dates exactly as written.
    A column's tag `ansi/type` casts it: `DECIMAL(28,10)`, `TIMESTAMP`, …
    """

    def __init__(self, definition: Any) -> None:
        """`definition` is the decoded JSON. Raises ViewError where it is wrong."""
        self._definition = definition
        self.view = View(definition)
        self.casts = {
            column.name: asked for column in self.view.definition.columns if (asked := asked_type(column))
        }

    def rows(self, frame: DataFrame, keys: Sequence[str] = (), body: str = "body") -> DataFrame:
        """The view's rows of every resource whose JSON text is in the column `body`, the columns `keys` before them.

        A null body gives no row. Raises ViewError where a key has the name of one of the view's columns.
        """
        shared_names = set(keys) & set(self.view.names)
        if shared_names:
            raise ViewError(
                "", f"the view has columns with the names of keys: {', '.join(sorted(shared_names))}"
            )
        rows = rows_by_python(frame, self._definition, keys, body)
        casts = [
            F.expr(f"try_cast(`{name}` AS {self.casts[name]})").alias(name)
            if name in self.casts
            else F.col(name)
            for name in self.view.names
        ]
        return rows.select(*keys, *casts)
