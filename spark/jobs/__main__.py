"""`python -m spark.jobs {all|bronze|silver|gold} --lake ROOT`: one JSON line per table on standard output."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from pyspark.sql import SparkSession

from shared.domain.fhir.admission import ValidationModes, parse_modes
from spark.jobs.bronze import BronzeJob
from spark.jobs.gold import run_gold
from spark.jobs.silver import run_silver
from spark.jobs.tables import TableReport
from spark.paths import LakeRoot
from spark.schemas.silver import SILVER
from spark.session import SparkSettings, create_session
from spark.transforms.validating import validate

JOBS: Final = ("all", "bronze", "silver", "gold")


def run_jobs(spark: SparkSession, lake: LakeRoot, modes: ValidationModes, job: str) -> Iterator[TableReport]:
    """The reports of a job's tables, each when it is done."""
    if job in ("all", "bronze"):
        yield BronzeJob(spark, lake, validate, modes).run()
    if job in ("all", "silver"):
        for table in SILVER:
            yield run_silver(spark, lake, table)
    if job in ("all", "gold"):
        yield run_gold(spark, lake)


def main(arguments: list[str] | None = None) -> int:
    """Runs one job and ends the session."""
    parser = argparse.ArgumentParser(prog="python -m spark.jobs", description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--lake", required=True, help="abfss://…, s3a://… or a folder")
    options = parser.parse_args(arguments)
    try:
        modes = parse_modes(dict(json.loads(os.environ.get("GALEN_VALIDATION_MODES") or "{}")))
    except (ValueError, TypeError) as wrong:
        parser.error(f"GALEN_VALIDATION_MODES: {wrong}")
    spark = create_session(SparkSettings.from_environment(os.environ))
    try:
        for report in run_jobs(spark, LakeRoot(options.lake), modes, options.job):
            print(json.dumps(asdict(report)), flush=True)
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
