"""Great Expectations over frames of Spark or pandas: https://docs.greatexpectations.io/docs/core/ (1.24).

Results say how many rows were unexpected, never which values: Data Docs and the table of results hold nothing of a person.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyspark.sql import DataFrame

from spark.quality.suites import NOT_NULL, Check

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read at import: nothing is told to anybody
RowsOf = Callable[[str, Mapping[str, bool]], Any]
"""A condition in SQL, empty for all rows, and the columns that are looked at, with whether their values matter → a frame."""
_COUNTS_ONLY: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check. `error` is set where the expectation itself could not be evaluated."""

    check: Check
    success: bool
    rows: int
    unexpected: int
    error: bool = False


class Expectations:
    """One context for a run; `docs` is a folder for Data Docs, or None."""

    def __init__(self, docs: Path | None = None) -> None:
        import great_expectations as gx

        self._gx = gx
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        self._sources: dict[bool, Any] = {}
        self._docs = docs
        if docs:
            self._context.add_data_docs_site("galen", _site(docs))

    def judge(self, path: str, rows_of: RowsOf, checks: Sequence[Check]) -> list[Finding]:
        """The findings of a table's checks; checks with the same `where` run together, over what `rows_of` gives."""
        found: list[Finding] = []
        for number, where in enumerate(dict.fromkeys(check.where for check in checks)):
            chosen = [check for check in checks if check.where == where]
            name = f"{path.replace('/', ' ')} {number}" if number else path.replace("/", " ")
            columns: dict[str, bool] = {}
            for check in chosen:
                for column in check.column_list:
                    columns[column] = columns.get(column, False) or check.expectation != NOT_NULL
            found += self._run(name, rows_of(where, columns), chosen)
        return found

    def _source(self, frame: Any) -> Any:
        """Where frames of this kind come from."""
        is_spark = isinstance(frame, DataFrame)
        if is_spark not in self._sources:
            sources = self._context.data_sources
            self._sources[is_spark] = sources.add_spark("lake") if is_spark else sources.add_pandas("files")
        return self._sources[is_spark]

    def _run(self, name: str, frame: Any, checks: Sequence[Check]) -> list[Finding]:
        asset = self._source(frame).add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe("all")
        made = [getattr(self._gx.expectations, check.expectation)(**check.arguments) for check in checks]
        suite = self._context.suites.add(self._gx.ExpectationSuite(name=name, expectations=made))
        run = self._gx.ValidationDefinition(name=name, data=batch, suite=suite)
        definition = self._context.validation_definitions.add(run)
        result = definition.run(batch_parameters={"dataframe": frame}, result_format=_COUNTS_ONLY)
        by_id = {each.expectation_config.id: each for each in result.results}
        return [
            _finding(check, by_id[each.id]) for check, each in zip(checks, suite.expectations, strict=True)
        ]

    def write_docs(self) -> None:
        """Data Docs of everything judged so far."""
        if self._docs:
            self._context.build_data_docs()


def _finding(check: Check, result: Any) -> Finding:
    counts = result.result or {}
    raised = any(each.get("raised_exception") for each in _exceptions(result.exception_info))
    rows, unexpected = counts.get("element_count") or 0, counts.get("unexpected_count") or 0
    return Finding(check, bool(result.success), int(rows), int(unexpected), raised)


def _exceptions(info: Any) -> list[Any]:
    """Great Expectations gives one description, or one for each metric."""
    if not isinstance(info, dict):
        return []
    return (
        [info] if "raised_exception" in info else [each for each in info.values() if isinstance(each, dict)]
    )


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
    }
