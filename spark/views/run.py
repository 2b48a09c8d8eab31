"""A view over NDJSON files, in a process of its own: `python -m spark.views.run VIEW.json FILE…`

Standard output has one line for each row, a JSON object, and lines that begin with `!`: JSON too, about the run
(`engine`, `bad`, `view_error`). Whatever Spark itself says goes to standard error.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.fhir.json import decode
from shared.domain.fhir.views import ViewError
from spark.session import SparkSettings, create_session
from spark.views.frame import SparkView

_PLACE: Final = "place"
_ROW_BITS: Final = 33
"""Of `monotonically_increasing_id`: the partition stands above them."""


def main(arguments: Sequence[str]) -> int:
    """0 where the files were read to their end, 2 where the view is invalid."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace", buffering=1 << 20)
    os.dup2(2, 1)
    view_file, *files = arguments
    with out:
        try:
            view = SparkView(decode(Path(view_file).read_bytes()))
            _say(out, engine="plan" if view.plan else "python", why=view.why_python)
            spark = create_session(SparkSettings.from_environment(os.environ), "galen view")
            for file in files:
                _run(spark, view, file, out)
        except ViewError as failure:
            _say(out, view_error=failure.text)
            return 2
    return 0


def _run(spark: SparkSession, view: SparkView, file: str, out: IO[str]) -> None:
    lines = spark.read.text(_exactly(file), lineSep="\n")
    placed = lines.select(F.monotonically_increasing_id().alias(_PLACE), "value")
    starts: list[int] = []
    for place, row in view.lines_and_bad(placed, _PLACE, "value"):
        if row is None:
            starts = starts or _starts(lines)
            _say(out, bad=starts[place >> _ROW_BITS] + (place & ((1 << _ROW_BITS) - 1)), file=file)
        else:
            out.write(row + "\n")


def _exactly(file: str) -> str:
    """The path as Hadoop takes it, in whose patterns these signs mean more than themselves."""
    return re.sub(r"([\\\[\]{}*?,^])", r"\\\1", str(Path(file).absolute()))


def _starts(lines: DataFrame) -> list[int]:
    """The number of the first line of each partition, which are in the order of the file."""
    found = lines.groupBy(F.spark_partition_id().alias("p")).count().collect()
    counts = {row["p"]: row["count"] for row in found}
    starts = [1]
    for partition in range(lines.rdd.getNumPartitions()):
        starts.append(starts[-1] + counts.get(partition, 0))
    return starts


def _say(out: IO[str], **what: Any) -> None:
    out.write(f"!{json.dumps(what)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
