"""The files of a Delta table in a folder as a dataset of pyarrow."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlparse
from urllib.request import url2pathname

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow.dataset import FileSystemDataset, ParquetFileFormat, ParquetReadOptions
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from spark.jobs.tables import LOCAL

_EXACT: Final = ParquetReadOptions(coerce_int96_timestamp_unit="us")
"""Spark writes instants in a form that pyarrow reads in nanoseconds, which the year 9999 does not fit in."""

_FEW_FILES: Final = 100


def opened(uri: str, version: int | None = None) -> DeltaTable:
    """The table at a URI of the lake's folder, in that version or its newest."""
    return DeltaTable(uri.removeprefix(LOCAL), version=version)


def dataset_of(table: DeltaTable) -> FileSystemDataset:
    """The rows of a table, in the version it was opened in.

    By pyarrow's own file system: deltalake's calls Python from threads of its readers, and a thread that still reads ahead
    when the interpreter ends takes the process with it (`terminate called without an active exception`). Of few files the
    bounds of each column that the log has are not asked for: putting them into words takes longer than looking at the ends
    of the files, where they stand too.
    """
    folder = url2pathname(urlparse(table.table_uri).path)
    system = SubTreeFileSystem(folder, LocalFileSystem())
    if table.protocol().min_reader_version > 1 or table.metadata().partition_columns:
        return table.to_pyarrow_dataset(filesystem=system, parquet_read_options=_EXACT)
    files = pa.table(table.get_add_actions(flatten=True))["path"].to_pylist()
    if len(files) > _FEW_FILES:
        return table.to_pyarrow_dataset(filesystem=system, parquet_read_options=_EXACT)
    parquet = ParquetFileFormat(read_options=_EXACT)
    fragments = [parquet.make_fragment(file, filesystem=system) for file in files]
    return FileSystemDataset(fragments, pa.schema(table.schema().to_arrow()), parquet, system)
