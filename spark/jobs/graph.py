"""The jobs as data: what each is, what it waits for, how often it is due. The order of a run comes from here alone.

Schedules, the Airflow DAG and the cloud workflows are made of the same list; nothing here needs Spark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final

TRAINING: Final = "training"
LAYERS: Final = ("bronze", "silver", "gold", "features", TRAINING)
MONTH: Final = 30 * 24 * 60
"""In minutes; a schedule takes the first day of each month."""
IMPORT: Final = "synthea-csv"
"""The job that reads a folder it is told, beside the lake."""


@dataclass(frozen=True, slots=True)
class Job:
    """`entry` is `module:function`, a function of a RunContext that yields a TableReport for each table.

    `after` names the jobs whose tables it reads.
    """

    name: str
    layer: str
    entry: str
    does: str
    after: tuple[str, ...] = ()
    every_minutes: int = 60
    in_all: bool = True


JOBS: Final = (
    Job("bronze", "bronze", "spark.jobs.bronze:run", "raw files to bronze, each exactly once"),
    Job(
        "quality-bronze",
        "bronze",
        "spark.jobs.quality:bronze",
        "the expectations of bronze; a critical failure stops here",
        after=("bronze",),
    ),
    Job(
        "silver",
        "silver",
        "spark.jobs.silver:run",
        "new bronze rows merged into the tables of each type",
        after=("bronze", "quality-bronze"),
    ),
    Job(
        "events",
        "silver",
        "spark.jobs.events:run",
        "clinical events and one row a patient",
        after=("silver",),
    ),
    Job(
        "references",
        "silver",
        "spark.jobs.references:run",
        "references to what is not on record",
        after=("silver",),
    ),
    Job(
        "quality-silver",
        "silver",
        "spark.jobs.quality:silver",
        "the expectations of silver; a critical failure stops here",
        after=("silver", "events", "references"),
    ),
    Job(
        "safety-reports",
        "bronze",
        "spark.jobs.safety_reports:run",
        "the lines of the hub safety-reports that are adverse event reports",
        after=("bronze",),
    ),
    Job(
        "gold",
        "gold",
        "spark.jobs.gold:run",
        "the measures",
        after=("silver", "events", "references", "quality-silver", "safety-reports"),
    ),
    Job(
        "freshness",
        "gold",
        "spark.jobs.freshness:run",
        "how long what was landed took to be visible in gold",
        after=("gold",),
    ),
    Job(
        "quality-gold",
        "gold",
        "spark.jobs.quality:gold",
        "the expectations of gold; a critical failure stops here",
        after=("gold",),
    ),
    Job(
        "sql",
        "gold",
        "spark.jobs.sql:run",
        "adverse event reports into the SQL database",
        after=("gold", "quality-gold"),
    ),
    Job(
        IMPORT,
        "bronze",
        "spark.jobs.synthea_csv:run",
        "folders of Synthea CSV or Parquet to bronze, each new file once; needs --from",
        in_all=False,
    ),
    Job(
        "upkeep",
        "upkeep",
        "spark.jobs.upkeep:run",
        "small files compacted, old ones removed, comments renewed",
        after=("gold", "freshness", "quality-gold", "sql"),
        every_minutes=24 * 60,
        in_all=False,
    ),
    Job(
        "features",
        "features",
        "spark.jobs.features:run",
        "features of each patient as known at an instant",
        after=("silver", "quality-silver"),
        every_minutes=1440,
        in_all=False,
    ),
    Job(
        "predictions",
        "features",
        "spark.jobs.predictions:run",
        "what the published model says of each patient's features",
        after=("features",),
        every_minutes=1440,
        in_all=False,
    ),
    Job(
        "model-watch",
        "features",
        "spark.jobs.model_watch:run",
        "drift, calibration and alert burden of the published model by week",
        after=("predictions",),
        every_minutes=1440,
        in_all=False,
    ),
    Job(
        "train-onset",
        TRAINING,
        "spark.training.job:onset",
        "a candidate of the onset model from the lake's own patients; in service only when somebody publishes it",
        after=("silver", "quality-silver"),
        every_minutes=MONTH,
        in_all=False,
    ),
    Job(
        "train-readmission",
        TRAINING,
        "spark.training.job:readmission",
        "a candidate of the readmission model of the feature store from the lake's own discharges",
        after=("gold", "quality-gold"),
        every_minutes=MONTH,
        in_all=False,
    ),
    Job(
        "publish-candidate",
        "publishing",
        "spark.training.publish_candidate:run",
        "a candidate of training made the champion that is served; needs --from MODEL/RUN",
        in_all=False,
    ),
)
_BY_NAME: Final = {job.name: job for job in JOBS}


def choices() -> tuple[str, ...]:
    """What a run can be asked for: `all`, a layer, or one job."""
    return tuple(dict.fromkeys(("all", *(layer for layer in LAYERS if _of(layer)), *_BY_NAME)))


def plan(asked: str) -> tuple[Job, ...]:
    """The jobs that `asked` names, in an order that keeps to `after`. Raises ValueError where it names none."""
    if asked not in choices():
        raise ValueError(f"there is no job {asked}: {', '.join(choices())}")
    if asked == "all":
        chosen: Iterable[Job] = (job for job in JOBS if job.in_all)
    else:
        chosen = (_BY_NAME[asked],) if asked in _BY_NAME and asked not in LAYERS else _in_layer(asked)
    names = {job.name for job in chosen}
    sorter = TopologicalSorter({job.name: job.after for job in JOBS})
    return tuple(_BY_NAME[name] for name in sorter.static_order() if name in names)


def _in_layer(layer: str) -> tuple[Job, ...]:
    return tuple(job for job in _of(layer) if job.in_all) or _of(layer)


def _of(layer: str) -> tuple[Job, ...]:
    return tuple(job for job in JOBS if job.layer == layer)
