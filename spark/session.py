"""A Spark session with Delta tables, small enough for a laptop.

https://docs.delta.io/latest/quick-start.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyspark
from pyspark.sql import SparkSession

_LOCAL: Final = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Spark's checksummed local file system leaves a hidden .crc beside each file, which the lake would then list.
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
    # Small tables on few cores: what plans, compiles and checks ahead costs more than it saves.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
    # Every sort and aggregation takes a page and fills it with zeros: by default 16 MB, however few rows come.
    "spark.buffer.pageSize": "1m",
    # A VACUUM lists a table's folder in as many tasks, by default ten thousand.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
}
# A job over a laptop's lake lasts seconds: compiling Java to the last degree would cost more than it gives.
# With so little compiling Java keeps room for a third of Spark's machine code, and makes the rest again and again.
_SHORT_LIVED: Final = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m -XX:MetaspaceSize=192m"
)
_COMMON: Final = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "500",  # a raw line may carry a bundle of several megabytes
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # Else every call on a column asks the JVM some ten things more, to name the line in a message.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}


_MOST_CLASSES: Final = (
    "spark-catalyst", "scala-library", "spark-sql", "spark-core", "spark-sql-api", "spark-common-utils",
    "hadoop-client-api", "scala-reflect", "parquet-column", "parquet-hadoop", "arrow-vector", "spark-network-common",
)  # fmt: skip
"""Java looks for a class in one jar after the other: of Spark's three hundred those come first that have nearly all."""


@dataclass(frozen=True, slots=True)
class SparkSettings:
    """How Spark runs. Without `master` the cluster that submits the job decides."""

    master: str | None = None
    jars: Path | None = None
    """A folder of jars fetched before; without it Delta's jars are expected on the class path."""
    shuffle_partitions: int = 4
    driver_memory: str = "2g"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> SparkSettings:
        """From `GALEN_SPARK_MASTER`, `_JARS`, `_SHUFFLE_PARTITIONS` and `_DRIVER_MEMORY`, each with a default."""
        jars = environment.get("GALEN_SPARK_JARS")
        return cls(
            master=environment.get("GALEN_SPARK_MASTER"),
            jars=Path(jars) if jars else None,
            shuffle_partitions=int(environment.get("GALEN_SPARK_SHUFFLE_PARTITIONS", "4")),
            driver_memory=environment.get("GALEN_SPARK_DRIVER_MEMORY", "2g"),
        )


def added_jars(folder: Path) -> list[Path]:
    """The jars of `folder`, named as Ivy names them, that Spark does not bring itself.

    What both have must come from Spark: an older Jackson in front of its own keeps a session from starting.
    """
    own = {_artifact(jar.name) for jar in _own_jars()}
    return sorted(jar for jar in folder.glob("*.jar") if _artifact(jar.name.partition("_")[2]) not in own)


def first_jars() -> list[Path]:
    """Spark's own jars that most classes come from."""
    found = {re.sub(r"_\d[\d.]*$", "", _artifact(jar.name)): jar for jar in _own_jars()}
    return [found[name] for name in _MOST_CLASSES if name in found]


def _own_jars() -> list[Path]:
    return sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))


def _artifact(name: str) -> str:
    """The name without the version: `delta-spark_4.1_2.13` of `delta-spark_4.1_2.13-4.4.0.jar`."""
    return re.sub(r"-\d[\w.\-]*\.jar$", "", name)


def create_session(settings: SparkSettings, name: str = "galen") -> SparkSession:
    """A session in UTC with Delta; starting one takes some seconds, so a process makes one."""
    builder = SparkSession.builder.appName(name)
    options = dict(_COMMON)
    options["spark.sql.shuffle.partitions"] = str(settings.shuffle_partitions)
    options["spark.databricks.delta.snapshotPartitions"] = str(settings.shuffle_partitions)
    if settings.master:
        builder = builder.master(settings.master)
        options |= _LOCAL
        options["spark.driver.memory"] = settings.driver_memory
        options["spark.driver.extraJavaOptions"] = _SHORT_LIVED
    if settings.jars:
        options["spark.driver.extraClassPath"] = os.pathsep.join(
            str(jar) for jar in (*first_jars(), *added_jars(settings.jars))
        )
    for key, value in options.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
