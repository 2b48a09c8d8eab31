"""A driver of the silver jobs that is killed at a moment: `killed_driver.py LAKE PHASE MOMENT ROAD`.

MOMENT is `before` (the phase has not begun), `written` (the first data file of the phase's table lies there, its commit
does not) or `committed` (the commit lies there, the driver has not heard of it). ROAD is `spark`, or `few`: the road of a
few new rows, which begins with the rows in hand and here needs no Spark.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from shared.names import TABLES
from spark.jobs import events, silver
from spark.jobs.context import RunContext
from spark.jobs.silver_few import merge_few
from spark.jobs.tables import Progress
from spark.paths import LakeRoot
from spark.schemas.silver import BY_NAME
from spark.session import SparkSettings, create_session

TABLE_OF = {
    "merge patients": TABLES["silver_patients"],
    "set aside patients": TABLES["quarantine_set_aside"],
    "list versions": TABLES["silver_versions"],
    "merge clinical events": TABLES["silver_clinical_events"],
    "merge patient 360": TABLES["silver_patient_360"],
    "append patients": TABLES["silver_patients"],
    "append versions": TABLES["silver_versions"],
}


MERGED = ("patients", "observations") if os.environ.get("GALEN_TEST_EVERYTHING") else ("patients",)
"""The silver tables of the run."""


def die() -> None:
    """Ends this process and the JVM, which is of the same group, at once."""
    os.killpg(0, signal.SIGKILL)


def die_when(happened: Callable[[], bool]) -> None:
    while not happened():
        pass
    die()


def main(lake: str, phase: str, moment: str, road: str) -> None:
    table = Path(lake) / TABLE_OF[phase]
    watches: list[threading.Thread] = []

    def on_phase(name: str) -> None:
        if name != phase:
            return
        if moment == "before":
            die()
        pattern = "*.parquet" if moment == "written" else "_delta_log/*.json"
        known = set(table.glob(pattern))
        watches.append(
            threading.Thread(
                target=die_when, args=(lambda: bool(set(table.glob(pattern)) - known),), daemon=True
            )
        )
        watches[-1].start()

    tables = tuple(BY_NAME[name] for name in MERGED)
    if road == "few":
        rows, progress = few_rows(lake)
        no_spark: Any = None
        list(merge_few(RunContext(no_spark, LakeRoot(lake), on_phase=on_phase), tables, rows, progress, ()))
    else:
        spark = create_session(SparkSettings.from_environment(os.environ), "galen killed")
        context = RunContext(spark, LakeRoot(lake), few=0, on_phase=on_phase)
        list(silver.run(context, tables))
        list(events.run(context))
    for watch in watches:  # the moment may come after the last phase has begun
        watch.join()
    sys.exit("the phase was not reached")


def few_rows(lake: str) -> tuple[list[dict[str, Any]], Progress]:
    """The rows of the newest batch of bronze, and how far they come."""
    bronze = DeltaTable(Path(lake) / TABLES["bronze_resources"])
    rows = bronze.to_pyarrow_table().to_pylist()
    last = max(row["batch"] for row in rows)
    return [row for row in rows if row["batch"] == last], Progress(str(bronze.metadata().id), last)


if __name__ == "__main__":
    main(*sys.argv[1:])
