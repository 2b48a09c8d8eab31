"""`python -m spark.jobs JOB --lake ROOT`: runs jobs in their order; one JSON line for each start and each table.

With `--continuous` it goes on: a run whenever raw files came, until SIGTERM or SIGINT, which lets the run at work end.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from importlib import import_module
from typing import Any

from shared.domain.features.patient.known import Clock
from shared.domain.fhir.admission import parse_modes
from shared.domain.fhir.dates import parse_instant
from shared.domain.models.artefact import RefusedModel
from spark.jobs.context import RunContext
from spark.jobs.graph import Job, choices, plan
from spark.jobs.stops import DatabaseRefused, PromotionStopped, SchemaRefused, SourceMissing, TrainingRefused
from spark.paths import LakeRoot, unfit_folder
from spark.session import SparkSettings, create_session


def run_jobs(context: RunContext, jobs: tuple[Job, ...]) -> Iterator[dict[str, Any]]:
    """A `started` for each job, then a `table` for each table it wrote, when it is done.

    Raises TrainingRefused after the last job where a model could not be trained: the next one does not wait for it.
    """
    refused: list[str] = []
    for number, job in enumerate(jobs, 1):
        yield {"event": "started", "job": job.name, "number": number, "of": len(jobs), "does": job.does}
        module, _, function = job.entry.partition(":")
        try:
            for report in getattr(import_module(module), function)(context):
                yield {"event": "table", "job": job.name, **asdict(report)}
        except TrainingRefused as too_little:
            refused.append(str(too_little))
    if refused:
        raise TrainingRefused("\n".join(refused))


def one_pass(events: Iterator[dict[str, Any]]) -> None:
    """Says what a run of the continuous jobs does; one that was stopped, or whose database failed, is said too, no more."""
    try:
        for event in events:
            print(json.dumps(event), flush=True)
    except (DatabaseRefused, PromotionStopped) as stopped:
        print(stopped, file=sys.stderr, flush=True)
    print(json.dumps({"event": "current"}), flush=True)


def live(context: RunContext, jobs: tuple[Job, ...], every_s: float) -> None:
    """Runs the jobs as files come; what one run could not do is tried again with the next files."""
    from spark.jobs.live import follow

    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    follow(context, lambda: one_pass(run_jobs(context, jobs)), every_s=every_s, ended=ended)


def instant(text: str) -> datetime:
    """The instant that an option names. Raises ArgumentTypeError for anything less."""
    found = parse_instant(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no instant with its zone, such as 2026-01-31T08:00:00Z"
        )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Runs what is asked for and ends the session."""
    parser = argparse.ArgumentParser(prog="python -m spark.jobs", description=__doc__)
    parser.add_argument("job", choices=choices())
    parser.add_argument("--lake", required=True, help="abfss://…, s3a://… or a folder")
    parser.add_argument("--full", action="store_true", help="make the tables anew from the layer below")
    parser.add_argument("--from", dest="source", default="", help="what an import reads: a folder or its URI")
    parser.add_argument(
        "--as-of", type=instant, action="append", default=[], help="features: an instant with its zone"
    )
    parser.add_argument(
        "--known-by",
        choices=tuple(map(str, Clock)),
        default=str(Clock.PLATFORM),
        help="features: whose clock",
    )
    parser.add_argument(
        "--at-discharges",
        action="store_true",
        help="features: at the ends of each patient's stays, by the source's clock",
    )
    parser.add_argument("--continuous", action="store_true", help="go on as files come, until told to end")
    parser.add_argument("--every", type=float, default=5, help="with --continuous: seconds between looks (5)")
    options = parser.parse_args(arguments)
    if wrong := LakeRoot(options.lake).is_local and unfit_folder(options.lake):
        parser.error(wrong)
    if options.at_discharges and (options.as_of or options.known_by != Clock.SOURCE):
        parser.error("--at-discharges goes with --known-by source and without --as-of")
    try:
        modes = parse_modes(dict(json.loads(os.environ.get("GALEN_VALIDATION_MODES") or "{}")))
    except (ValueError, TypeError) as wrong:
        parser.error(f"GALEN_VALIDATION_MODES: {wrong}")
    settings = SparkSettings.from_environment(os.environ)
    spark = create_session(settings)
    try:
        context = RunContext(
            spark,
            LakeRoot(options.lake),
            modes,
            options.full,
            options.source,
            tuple(options.as_of),
            Clock(options.known_by),
            options.at_discharges,
        )
        if options.continuous:
            live(context, plan(options.job), options.every)
        else:
            for event in run_jobs(context, plan(options.job)):
                print(json.dumps(event), flush=True)
    except (
        DatabaseRefused,
        PromotionStopped,
        RefusedModel,
        SchemaRefused,
        SourceMissing,
        TrainingRefused,
    ) as stopped:
        print(stopped, file=sys.stderr)
        return 1
    finally:
        if (
            settings.master
        ):  # else the session is the cluster's, and the next task of the workflow may go on with it
            spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
