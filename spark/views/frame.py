"""A view over a data frame: the face for jobs and notebooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.fhir.json import encode
from shared.domain.fhir.views import Kind, View, ViewError
from spark.views.by_python import json_by_python, rows_by_python
from spark.views.columns import asked_type, plain_type
from spark.views.plan.compiled import Plan, compile_view
from spark.views.plan.values import RAISED, NotPlanned

_RAISED: Final = re.compile(rf"{RAISED}(.*?){RAISED}|\bViewError: ([^\n]*)")


class SparkView:
    """A view that was read once and runs over any frame.

    `plan` is what Spark's own expressions do; it is None where a part of the view has no exact counterpart among them:
    then the Python engine runs in Spark's workers, and `why_python` says what the part is.

    Columns are boolean, long or text, arrays of them for collections; text holds numbers and dates exactly as written.
    A column's tag `ansi/type` casts it: `DECIMAL(28,10)`, `TIMESTAMP`, …
    """

    def __init__(self, definition: Any, *, by_python: bool = False) -> None:
        """`definition` is the decoded JSON. Raises ViewError where it is wrong. `by_python` asks for the Python engine."""
        self.definition = definition
        self.view = View(definition)
        self._casts = {column.name: asked_type(column) for column in self.view.definition.columns}
        self.plan: Plan | None = None
        self.why_python = "it was asked for" if by_python else ""
        if not by_python:
            try:
                self.plan = compile_view(self.view.definition)
            except NotPlanned as reason:
                self.why_python = str(reason)

    def rows(self, frame: DataFrame, keys: Sequence[str] = (), body: str = "body") -> DataFrame:
        """The view's rows of every resource whose JSON text is in the column `body`, the columns `keys` before them.

        A body that is null or no JSON gives no row.
        Raises ViewError where a key has the name of one of the view's columns.
        """
        shared_names = set(keys) & set(self.view.names)
        if shared_names:
            raise ViewError(
                "", f"the view has columns with the names of keys: {', '.join(sorted(shared_names))}"
            )
        rows = self._planned(lambda plan: plan.run(frame, keys, body))
        if rows is None:
            rows = rows_by_python(frame, self.definition, keys, body)
        casts = []
        for column in self.view.definition.columns:
            typed = F.col(column.name).cast(plain_type(column))
            asked = self._casts[column.name]
            casts.append((typed.try_cast(asked) if asked else typed).alias(column.name))
        return rows.select(*keys, *casts)

    def json_lines(self, frame: DataFrame, body: str = "body") -> Iterator[str]:
        """Each row as a JSON object, exactly as the Python engine gives it. Raises ViewError as that does."""
        with told_as_view_error():
            for row in self._with_bad(frame, (), body):
                if row[-1] is not None:
                    yield row[-1]

    def lines_and_bad(
        self, frame: DataFrame, place: str, body: str = "body"
    ) -> Iterator[tuple[Any, str | None]]:
        """For each row the value of the column `place` and the JSON object; None for a body that holds no resource."""
        with told_as_view_error():
            for row in self._with_bad(frame, (place,), body):
                yield row[0], row[1]

    def _planned(self, run: Callable[[Plan], DataFrame]) -> DataFrame | None:
        """What the plan gives; given up where Spark's analysis does not take it: the Python engine has no such limits."""
        if self.plan is not None:
            try:
                return run(self.plan)
            except AnalysisException:
                self.plan, self.why_python = None, "an expression that Spark's analysis does not take"
        return None

    def _with_bad(self, frame: DataFrame, keys: Sequence[str], body: str) -> Iterator[tuple[Any, ...]]:
        planned = self._planned(lambda plan: plan.run_with_bad(frame, keys, body))
        if planned is None or self.plan is None:
            yield from json_by_python(frame, self.definition, keys, body).toLocalIterator()
            return
        kinds = self.plan.kinds
        before = len(keys) + 1
        for row in planned.toLocalIterator():
            if row[0]:
                yield (*row[1:before], None)
                continue
            cells = zip(kinds.items(), row[before:], strict=True)
            yield (*row[1:before], encode({name: _json(value, kind) for (name, kind), value in cells}))


@contextmanager
def told_as_view_error() -> Iterator[None]:
    """Turns Spark's account of a failed task into the ViewError that a row raised."""
    try:
        yield
    except ViewError:
        raise
    except Exception as failure:
        match = _RAISED.search(str(failure))
        if match is None:
            raise
        raise ViewError("", match[1] or match[2]) from None


def _json(value: Any, kind: Kind) -> Any:
    if kind is not Kind.DECIMAL or value is None:
        return value
    return [Decimal(each) for each in value] if isinstance(value, list) else Decimal(value)
