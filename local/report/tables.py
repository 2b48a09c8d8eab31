"""Gold tables as rows, read by delta-rs: no Spark, no Java."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from shared.names import TABLES

Row = dict[str, Any]
_LOG: Final = "_delta_log"
MODELS: Final = "features_model_watch"
"""The one table beside gold that the page shows."""


def path_of(name: str) -> str:
    """Where a gold table is by its short name, or another by its name in `shared.names`."""
    return TABLES.get(f"gold_{name}") or TABLES[name]


class Gold:
    """The tables of one lake for one tenant. A table that was never written has no rows."""

    def __init__(self, lake: Path, tenant: str) -> None:
        self._lake = lake
        self._tenant = tenant

    def rows(self, name: str) -> list[Row]:
        """The tenant's rows of a table by its name as `path_of` takes it, in no order."""
        from deltalake import DeltaTable

        path = self._lake / path_of(name)
        if not (path / _LOG).is_dir():
            return []
        found: list[Row] = DeltaTable(str(path)).to_pyarrow_table().to_pylist()
        return [row for row in found if row.get("tenant", self._tenant) == self._tenant]

    @property
    def exists(self) -> bool:
        """Whether any table that the page shows was written."""
        shown = (path for name, path in TABLES.items() if name.startswith("gold_") or name == MODELS)
        return any((self._lake / path / _LOG).is_dir() for path in shown)
