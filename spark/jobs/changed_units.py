"""Which units of a gold table an input concerns since it was last read: those its new rows name, and named before.

Silver rows know their bronze batch, and Delta what an earlier version said. Where the lake is a folder the files are read
without Spark, which would plan a query for each input and table.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Final

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.jobs.tables import LOCAL

if TYPE_CHECKING:
    from pyarrow.dataset import FileSystemDataset

Units = frozenset[tuple[str, str]]
"""Tenant and unit."""
_NAMED_AS: Final = {"condition_code": "code"}
"""How silver names a unit, which else is the id of its rows."""
_UNREADABLE: Final = (PySparkException, Py4JJavaError)


@dataclass(frozen=True, slots=True)
class Since:
    """An input that was read at `version` when its newest batch was `batch`, and is at `now`."""

    uri: str
    version: int
    batch: int
    now: int
    most: float
    """New rows beyond which it is not worth while to look."""


class ChangedUnits:
    """The units of a run's tables; of tables that ask the same the inputs are read once."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._known: dict[tuple[Since, str], Units | None] = {}
        self._reading = Lock()

    def of(self, since: Since, unit: str) -> Units | None:
        """The units, which are in the column `unit` or, of the patients themselves, in `id`.

        None where too many rows are new, or the earlier version cannot be read any more.
        """
        with self._reading:
            if (since, unit) not in self._known:
                by = units_in_files if can_read_files(since.uri) else self._in_spark
                self._known[since, unit] = by(since, unit)
            return self._known[since, unit]

    def _in_spark(self, since: Since, unit: str) -> Units | None:
        now, old = self._version(since.uri, since.now), self._version(since.uri, since.version)
        new = now.where(F.col("batch") > since.batch)
        if new.count() > since.most:
            return None
        column = unit_column(now.columns, unit) or unit
        key = ["tenant", "id" if "id" in now.columns else unit]
        try:
            said = old.join(new.select(*key).distinct(), key, "left_semi")
            rows = new.select("tenant", column).union(said.select("tenant", column)).distinct().collect()
        except _UNREADABLE:  # the log does not know the version any more, or its files are gone
            return None
        return frozenset((row[0], row[1]) for row in rows if row[1] is not None)

    def _version(self, uri: str, version: int) -> DataFrame:
        return self._spark.read.format("delta").option("versionAsOf", version).load(uri)

    def named_by(self, since: Since, through: Units, by: str, unit: str) -> Units | None:
        """The values of `unit` in rows of the units `through`, now and before; None where those cannot be read any more."""
        column, mine = self._columns(since, unit), self._columns(since, by)
        if column is None or mine is None:
            return frozenset()
        if can_read_files(since.uri):
            return _named_in_files(since, through, mine, column)
        session = self._spark
        chosen = F.broadcast(session.createDataFrame(sorted(through), f"tenant STRING, {mine} STRING"))
        found: set[tuple[str, str]] = set()
        try:
            for version in {since.version, since.now}:
                rows = self._version(since.uri, version).join(chosen, ["tenant", mine], "left_semi")
                named = rows.where(F.col(column).isNotNull()).select("tenant", column).distinct()
                found |= {(row[0], row[1]) for row in named.collect()}
        except _UNREADABLE:
            return None
        return frozenset(found)

    def _columns(self, since: Since, unit: str) -> str | None:
        if can_read_files(since.uri):
            from spark.jobs.folder_files import dataset_at

            names = dataset_at(since.uri, since.now).schema.names
        else:
            names = self._version(since.uri, since.now).columns
        return unit_column(names, unit)


def unit_column(columns: list[str], unit: str) -> str | None:
    """The column of an input that has the unit, None where none has: of the patients' own table it is their id."""
    other = _NAMED_AS.get(unit, "id")
    return unit if unit in columns else other if other in columns else None


def _named_in_files(since: Since, through: Units, by: str, column: str) -> Units | None:
    import pyarrow.compute as pc
    from deltalake.exceptions import DeltaError

    from spark.jobs.folder_files import dataset_at
    from spark.jobs.folder_tables import keys_of, one_of

    found: set[tuple[str, str]] = set()
    some = one_of(by, (each[1] for each in through)) & pc.is_valid(pc.field(column))
    for version in {since.version, since.now}:
        try:
            rows = dataset_at(since.uri, version).to_table(["tenant", by, column], filter=some)
        except (DeltaError, OSError):
            return None
        found |= {
            (tenant, value)
            for tenant, of, value in keys_of(rows, ("tenant", by, column))
            if (tenant, of) in through
        }
    return frozenset(found)


def can_read_files(uri: str) -> bool:
    """Whether the table lies in a folder and deltalake is there to read it."""
    return uri.startswith(LOCAL) and find_spec("deltalake") is not None


def newest_batch(uri: str, version: int) -> int:
    """The newest batch of a table in a folder; 0 where it is empty."""
    from spark.jobs.folder_files import dataset_at

    return newest_batch_in(dataset_at(uri, version))


def newest_batch_in(files: FileSystemDataset) -> int:
    """The same of its files."""
    import pyarrow.compute as pc

    return int(pc.max(files.to_table(["batch"])["batch"]).as_py() or 0)


def has_units(uri: str, units: Units, unit: str) -> bool:
    """Whether a table in a folder has rows of any of the units."""
    from spark.jobs.folder_files import dataset_of, opened

    found = dataset_of(opened(uri)).to_table(["tenant", unit])
    return not units.isdisjoint(zip(found["tenant"].to_pylist(), found[unit].to_pylist(), strict=True))


def units_in_files(since: Since, unit: str) -> Units | None:
    """`ChangedUnits.of` for a table in a folder."""
    import pyarrow.compute as pc
    from deltalake.exceptions import DeltaError

    from spark.jobs.folder_files import dataset_at

    now = dataset_at(since.uri, since.now)
    names = now.schema.names
    column, key = unit_column(names, unit) or unit, "id" if "id" in names else unit
    columns = list(dict.fromkeys(("tenant", key, column)))
    new = now.to_table(columns, filter=pc.field("batch") > since.batch)
    if new.num_rows > since.most:
        return None
    try:
        old = dataset_at(since.uri, since.version).to_table(columns)
    except (DeltaError, OSError):  # the log does not know the version any more, or its files are gone
        return None
    old = old.filter(pc.is_in(old[key], new[key].combine_chunks()))
    changed = set(zip(new["tenant"].to_pylist(), new[key].to_pylist(), strict=True))
    rows = zip(*(old[name].to_pylist() for name in ("tenant", key, column)), strict=True)
    said = ((tenant, unit_) for tenant, id_, unit_ in rows if (tenant, id_) in changed)
    found = {*said, *zip(new["tenant"].to_pylist(), new[column].to_pylist(), strict=True)}
    return frozenset(each for each in found if each[1] is not None)
