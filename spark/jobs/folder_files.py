"""The files of a Delta table in a folder as a dataset of pyarrow."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlparse
from urllib.request import url2pathname

from deltalake import DeltaTable
from pyarrow.dataset import FileSystemDataset, ParquetReadOptions
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from spark.jobs.tables import LOCAL

_EXACT: Final = ParquetReadOptions(coerce_int96_timestamp_unit="us")
"""Spark writes instants in a form that pyarrow reads in nanoseconds, which the year 9999 does not fit in."""


def opened(uri: str, version: int | None = None) -> DeltaTable:
    """The table at a URI of the lake's folder, in that version or its newest."""
    return DeltaTable(uri.removeprefix(LOCAL), version=version)


def dataset_of(table: DeltaTable) -> FileSystemDataset:
    """The rows of a table, in the version it was opened in.

    By pyarrow's own file system: deltalake's calls Python from threads of its readers, and a thread that still reads ahead
    when the interpreter ends takes the process with it (`terminate called without an active exception`).
    """
    folder = url2pathname(urlparse(table.table_uri).path)
    files = SubTreeFileSystem(folder, LocalFileSystem())
    return table.to_pyarrow_dataset(filesystem=files, parquet_read_options=_EXACT)
