"""What a Spark job needs on this machine: Java 17, pyspark, and Delta's jars in a cache; and the process that runs one."""

from __future__ import annotations

import fcntl
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.exits import NOT_RUNNING, CommandStopped
from local.java import WHAT_TO_DO, find_java
from local.lakehouse.sql_database import local_url
from local.layout import CHECKOUT, DEFAULT_DATA, runs_of
from shared.names import LAKE_FILE_SYSTEM, MLFLOW_STORE, SQL_URL

_MODULES: Final = ("pyspark", "delta", "pandas", "pyarrow")
_FETCH: Final = """
import sys
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.jars.ivy", sys.argv[1])
configure_spark_with_delta_pip(builder.config("spark.ui.enabled", "false")).getOrCreate().stop()
"""
_FETCH_TRIES: Final = 2
_LOG_LINES_SHOWN: Final = 15


class SparkMissing(CommandStopped):
    """Spark cannot run here; the sentence says what to do about it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, NOT_RUNNING)


@dataclass(frozen=True, slots=True)
class SparkRuntime:
    """A Java 17 and a folder with Delta's jars: what a process of this interpreter needs to run jobs."""

    java: Path
    jars: Path

    def variables(self) -> dict[str, str]:
        """The environment of a process that runs jobs, and of the Python workers that Spark starts."""
        return {
            **os.environ,
            "JAVA_HOME": str(self.java),
            "PYTHONPATH": str(CHECKOUT),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "GALEN_SPARK_MASTER": os.environ.get("GALEN_SPARK_MASTER", "local[2]"),
            "GALEN_SPARK_JARS": str(self.jars),
        }


def lake_root(data: Path) -> Path:
    """The folder of the emulated lake's main file system, whose tree is the lake."""
    return data / "lake" / LAKE_FILE_SYSTEM


def what_is_missing() -> str | None:
    """One sentence that says what keeps Spark from running here and what to do, or None."""
    if find_java() is None:
        return f"the Spark jobs need Java 17, which was not found: {WHAT_TO_DO}"
    absent = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if absent:
        return f"{' and '.join(absent)} cannot be imported: `python3 -m local spark` installs the locked spark group"
    return None


def prepare(cache: Path | None = None, say: Callable[[str], None] | None = None) -> SparkRuntime:
    """The runtime, with Delta's jars fetched into `cache` (by default below `.local`) where they are not there yet.

    Raises SparkMissing where Java or pyspark is missing, or the jars cannot be fetched.
    """
    missing = what_is_missing()
    java = find_java()
    if missing or java is None:
        raise SparkMissing(missing or "no Java")
    version = importlib.metadata.version("delta-spark")
    folder = (cache or DEFAULT_DATA / "spark") / f"delta-{version}"
    if not _is_complete(folder):
        if say:
            say(f"fetching the jars of Delta {version} into {folder}, once")
        _fetch_jars(java, folder)
    return SparkRuntime(java, folder / "jars")


def _is_complete(folder: Path) -> bool:
    return (folder / "complete").exists()


def _fetch_jars(java: Path, folder: Path) -> None:
    """Lets Spark's own Ivy resolve and check them, in one process at a time: two that share a cache fail each other.

    The stamp is set last, so that a cut download is not taken for whole. A second try goes on with what the first has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "JAVA_HOME": str(java), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, "-c", _FETCH, str(folder)]
    with (folder / "fetch.lock").open("wb") as lock, (folder / "fetch.log").open("ab") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in range(_FETCH_TRIES):
            if _is_complete(folder):
                return
            code = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False).returncode
            if code == 0 and any((folder / "jars").glob("*delta-spark*.jar")):
                (folder / "complete").touch()
    if not _is_complete(folder):
        raise SparkMissing(
            f"Delta's jars could not be fetched (a network to a Maven repository is needed): see {log.name}"
        )


def run_job(
    runtime: SparkRuntime, arguments: Sequence[str], lake: Path, log: Path, on_line: Callable[[str], None]
) -> None:
    """Runs what `arguments` ask of `spark.jobs` in a process of its own; its lines go to `on_line`, the rest to `log`.

    Raises CommandStopped with the log's end where the job fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "spark.jobs", *arguments, "--lake", str(lake)]
    data = lake.parents[1]
    runs = f"sqlite:///{(runs_of(data) / 'mlflow.db').absolute()}"
    environment = {SQL_URL: local_url(data), MLFLOW_STORE: runs, **runtime.variables()}
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                on_line(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        end = "\n".join(log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES_SHOWN:])
        raise CommandStopped(f"the Spark job failed; {log} ends with:\n{end}")
