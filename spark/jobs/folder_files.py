"""The files of a Delta table in a folder as a dataset of pyarrow, and what was read of a version, kept for its next reader.

A version of a table never changes, and one run reads most tables several times: references, patients, gold, expectations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final, Generic, TypeVar
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow.dataset import FileSystemDataset, ParquetFileFormat, ParquetReadOptions
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from spark.jobs.tables import LOCAL

_EXACT: Final = ParquetReadOptions(coerce_int96_timestamp_unit="us")
"""Spark writes instants in a form that pyarrow reads in nanoseconds, which the year 9999 does not fit in."""

_FEW_FILES: Final = 100
_KEPT: Final = 128
_COMMIT: Final = re.compile(r"\d{20}\.json")
_Version = tuple[str, int, int, int]
"""Folder, version, and which file its commit is: a table that was made anew has the same versions again."""
_T = TypeVar("_T")


class _Newest(Generic[_T]):
    """What was made of the versions that were asked for last."""

    def __init__(self) -> None:
        self._made: dict[_Version, _T] = {}
        self._changing = Lock()

    def get(self, version: _Version | None, make: Callable[[], _T]) -> _T:
        """What was made of the version before, else what `make` makes of it; of None always the latter."""
        if version is None:
            return make()
        with self._changing:
            found = self._made.pop(version, None)
        found = make() if found is None else found
        with self._changing:
            self._made[version] = found
            while len(self._made) > _KEPT:
                del self._made[next(iter(self._made))]
        return found

    def take(self, version: _Version | None) -> _T | None:
        """What is kept of the version, which the next one to ask is not given any more."""
        with self._changing:
            return self._made.pop(version, None) if version else None


_TABLES: Final = _Newest[DeltaTable]()
_DATASETS: Final = _Newest[FileSystemDataset]()


def opened(uri: str, version: int | None = None) -> DeltaTable:
    """The table at a URI of the lake's folder, in that version or its newest, for reading: others may have it too."""
    return read_only(uri.removeprefix(LOCAL), version)


def read_only(folder: str, version: int | None = None) -> DeltaTable:
    """The same of a folder."""
    if version is None:
        version = _newest_version(folder)
    found = _TABLES.get(_identity(folder, version), lambda: DeltaTable(folder, version=version))
    return found if version in (None, found.version()) else DeltaTable(folder, version=version)


def found_in(folder: str) -> DeltaTable | None:
    """The table in a folder in its newest version, for reading; None where there is none."""
    version = _newest_version(folder)
    if version is None and not DeltaTable.is_deltatable(folder):
        return None
    return read_only(folder, version)


def _newest_version(folder: str) -> int | None:
    """By the names of its commits; None where there are none."""
    try:
        names = [each.name for each in Path(folder, "_delta_log").iterdir()]
    except FileNotFoundError:
        return None
    newest = max(filter(_COMMIT.fullmatch, names), default="")
    return int(newest.removesuffix(".json")) if newest else None


def for_writing(table: DeltaTable) -> DeltaTable:
    """A table that nobody else writes to: it moves on with each write, and is given to nobody until it is kept.

    Who reads by the same one sees it move: what is to stay as it is is its dataset.
    """
    folder = url2pathname(urlparse(table.table_uri).path)
    return _TABLES.take(_identity(folder, table.version())) or DeltaTable(folder)


def keep(table: DeltaTable) -> None:
    """A table as it stands after a write, for its next reader."""
    folder = url2pathname(urlparse(table.table_uri).path)
    _TABLES.get(_identity(folder, table.version()), lambda: table)


def dataset_at(uri: str, version: int) -> FileSystemDataset:
    """The rows of a version, whose log is not read again where they were asked for before."""
    folder = uri.removeprefix(LOCAL)

    def made() -> FileSystemDataset:
        return _dataset(read_only(folder, version), folder)

    return _DATASETS.get(_identity(folder, version), made)


def dataset_of(table: DeltaTable) -> FileSystemDataset:
    """The rows of a table, in the version it was opened in.

    By pyarrow's own file system: deltalake's calls Python from threads of its readers, and a thread that still reads ahead
    when the interpreter ends takes the process with it (`terminate called without an active exception`). Of few files the
    bounds of each column that the log has are not asked for: putting them into words takes longer than looking at the ends
    of the files, where they stand too, and which are looked at once.
    """
    folder = url2pathname(urlparse(table.table_uri).path)
    return _DATASETS.get(_identity(folder, table.version()), lambda: _dataset(table, folder))


def _identity(folder: str, version: int | None) -> _Version | None:
    """None where there is no commit file to know the version by."""
    if version is None:
        return None
    try:
        found = Path(folder, "_delta_log", f"{version:020d}.json").stat()
    except OSError:
        return None
    return folder.rstrip("/"), version, found.st_ino, found.st_mtime_ns


def _dataset(table: DeltaTable, folder: str) -> FileSystemDataset:
    system = SubTreeFileSystem(folder, LocalFileSystem())
    if table.protocol().min_reader_version > 1 or table.metadata().partition_columns:
        return table.to_pyarrow_dataset(filesystem=system, parquet_read_options=_EXACT)
    files = [unquote(each).removeprefix(f"{folder.rstrip('/')}/") for each in table.file_uris()]
    if len(files) > _FEW_FILES:
        return table.to_pyarrow_dataset(filesystem=system, parquet_read_options=_EXACT)
    parquet = ParquetFileFormat(read_options=_EXACT)
    fragments = [parquet.make_fragment(file, filesystem=system) for file in files]
    return FileSystemDataset(fragments, pa.schema(table.schema().to_arrow()), parquet, system)
