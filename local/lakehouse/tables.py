"""The Delta tables that a lake has, by the names of `shared.names.TABLES`, now or as they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from local.exits import USAGE, CommandStopped
from shared.names import TABLES


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table's name in SQL, its path below the root of the lake, and the folder it is in here."""

    name: str
    path: str
    folder: Path

    def opened(self, as_of: int | datetime | None = None) -> Any:
        """The table now, at a version, or at an instant. Raises CommandStopped where it did not exist then."""
        try:
            if isinstance(as_of, int):
                return DeltaTable(self.folder, version=as_of)
            table = DeltaTable(self.folder)
            if as_of is not None:
                table.load_as_version(as_of)
        except DeltaError as failure:
            when = "" if as_of is None else f" as of {as_of}"
            raise CommandStopped(
                f"{self.name} cannot be read{when}: {_first_line(failure)}", USAGE
            ) from failure
        return table


def tables_of(lake: Path, names: Mapping[str, str] = TABLES) -> list[LakeTable]:
    """Those of the known tables that the lake at this folder has, in order of name."""
    return [
        LakeTable(name, path, lake / path)
        for name, path in sorted(names.items())
        if (lake / path / "_delta_log").is_dir()
    ]


def as_of_in(text: str) -> int | datetime:
    """A version or an instant (ISO 8601, UTC where it names no zone). Raises ValueError for anything else."""
    if text.isdecimal():
        return int(text)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _first_line(failure: Exception) -> str:
    return str(failure).partition("\n")[0].rstrip(".")
