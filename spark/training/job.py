"""The jobs that train on the lake: landmarks to a candidate, tracked in MLflow, with a card. Nothing goes into service.

Landmarks are computed anew in each run, in one pass over each patient's facts, by the source's clock and the functions of
the feature store; nothing of them is kept but their hash in the artefact.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.discharges import discharges
from shared.domain.features.patient.features import FEATURES
from shared.domain.features.patient.known import Clock
from shared.domain.models.artefact import read_model
from shared.domain.models.lake_layout import Alias, candidate_artefact, candidate_path
from shared.names import MLFLOW_STORE, MODEL_CANDIDATES, TABLES
from spark.features.facts import facts
from spark.features.store import Instants, feature_rows
from spark.jobs.context import RunContext
from spark.jobs.lake_files import read_file, write_file
from spark.jobs.report import TableReport
from spark.jobs.stops import TrainingRefused
from spark.jobs.tables import open_declared
from spark.schemas.silver import CONDITIONS, ENCOUNTERS
from spark.training.artefact import Trained, packed
from spark.training.card import card
from spark.training.evaluation import Evaluation
from spark.training.landmark_models import SEEDS, SETTINGS, Landmarks, Task, train
from spark.training.landmarks import (
    HORIZON,
    NOT_HELD,
    READMISSION,
    Landmark,
    Row,
    UnreadablePatients,
    after_discharge,
    before_onset,
    sha256_of_landmarks,
)
from spark.training.tasks import ONSET, YEARS
from spark.training.tasks import READMISSION as READMISSION_TASK
from spark.training.tracking import Store, Tracking
from spark.training.words import WORDS

_LICENCE: Final = "patients of this lake; their data do not leave it"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def onset(context: RunContext) -> Iterator[TableReport]:
    """A candidate of the onset model. Raises TrainingRefused where the lake has too little to learn from."""
    return _candidate(context, ONSET, "train-onset", _before_onset)


def readmission(context: RunContext) -> Iterator[TableReport]:
    """A candidate of the readmission model of the feature store. Raises TrainingRefused as `onset`."""
    return _candidate(context, READMISSION_TASK, "train-readmission", _after_discharge)


def _before_onset(context: RunContext) -> list[Landmark]:
    last = _last(context)
    years = [at for year in YEARS if (at := datetime(year, 1, 1, tzinfo=UTC)) + HORIZON <= last]
    conditions = _silver(context, CONDITIONS).select(
        "tenant", "patient_id", "code_system", "code", "onset_at", "recorded_at", "verification_status", "deleted"
    )  # fmt: skip
    return before_onset(_features(context, lambda _: years), _rows(conditions), last)


def _after_discharge(context: RunContext) -> list[Landmark]:
    last = _last(context)
    gold = TABLES["gold_quality_rows"]
    if not DeltaTable.isDeltaTable(context.spark, context.lake.uri(gold)):
        raise UnreadablePatients("there are no measures of quality yet, which the job gold makes")
    judged = context.read(gold).where((F.col("measure") == READMISSION) & F.col("in_denominator"))
    stays = judged.select("tenant", F.col("subject_id").alias("id"))
    encounters = _silver(context, ENCOUNTERS).join(stays, ["tenant", "id"], "left_semi")
    return after_discharge(
        _features(context, discharges), _rows(judged), _rows(encounters.select("tenant", "id", "ended_text")), last
    )  # fmt: skip


def _features(context: RunContext, instants: Instants) -> Iterator[Row]:
    now = facts(context, _EPOCH, as_it_was=False).frame
    rows = feature_rows(now, instants, Clock.SOURCE)
    return _rows(rows.select("tenant", "patient_id", "as_of", "deceased", *(each.name for each in FEATURES)))


def _last(context: RunContext) -> datetime:
    """Until when patients were followed: `followed_until`, told by the cluster."""
    begun, now = F.unix_micros("started_at"), datetime.now(UTC)
    held = ~F.coalesce("deleted", F.lit(False)) & ~F.coalesce("status", F.lit("")).isin(*NOT_HELD)
    seen = _silver(context, ENCOUNTERS).where(held & (begun <= (now - _EPOCH) // timedelta(microseconds=1)))
    newest = seen.agg(F.max(begun)).first()[0]
    if newest is None:
        raise UnreadablePatients("no Encounter in the lake says when it began")
    return _EPOCH + timedelta(microseconds=int(newest))


def _silver(context: RunContext, table: Any) -> DataFrame:
    return open_declared(context.spark, context.lake.uri(table.path), table)[0].toDF()


def _rows(frame: DataFrame) -> Iterator[dict[str, Any]]:
    """Computed by the cluster, held by the driver as columns, and given out batch by batch; instants in UTC."""
    for batch in frame.toArrow().to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


@dataclass(frozen=True)
class _Made:
    """What a training came to."""

    trained: Trained
    evaluation: Evaluation
    sample: Any


def _candidate(
    context: RunContext, task: Task, job: str, landmarks: Callable[[RunContext], list[Landmark]]
) -> Iterator[TableReport]:
    started = time.monotonic()
    place = f"{MODEL_CANDIDATES}/{task.name}"
    try:
        context.on_phase("landmarks")
        rows = landmarks(context)
        data = Landmarks.of(task, rows, sha256_of_landmarks(rows), _LICENCE)
        context.on_phase("train")
        made = _Made(*train(task, data, context.on_phase))
    except UnreadablePatients as too_little:
        said = f"no model of {task.name} was trained: {too_little}"
        yield TableReport(place, 0, 0, time.monotonic() - started, (said,))
        raise TrainingRefused(said) from too_little
    with _store(context, task) as store:
        tracking = Tracking(store, task.name)
        try:
            version, notes = _kept(context, tracking, store, made, job)
        except BaseException:
            tracking.fail()
            raise
    yield TableReport(place, 1, int(version), time.monotonic() - started, tuple(notes))


def _kept(
    context: RunContext, tracking: Tracking, store: Store, made: _Made, job: str
) -> tuple[str, Sequence[str]]:
    """Artefact and card in the lake, the run in MLflow; `candidate.json` comes last: what it names is whole."""
    run = tracking.run_id
    trained = replace(made.trained, version=f"{made.trained.version}+{run[:8]}")
    artefact = packed(trained, run, f"python3 -m local spark {job}")
    alias = Alias(trained.name, trained.version, hashlib.sha256(artefact).hexdigest(), run)
    model = read_model(artefact, alias.sha256)
    text = card(WORDS[trained.name], model, made.evaluation.with_importance(model, made.sample))
    page = candidate_path(trained.name, run, "card.md")
    context.on_phase("write candidate")
    write_file(context, candidate_artefact(alias), artefact)
    write_file(context, page, text.encode())
    tracking.record({**SETTINGS, "seeds": SEEDS}, trained.metrics, trained.data)
    source = context.lake.uri(candidate_artefact(alias))
    if store.database is None:  # a server keeps the files of its versions itself
        with TemporaryDirectory() as folder:
            for name, content in (("card.md", text.encode()), (f"{trained.name}.model.json.gz", artefact)):
                (Path(folder) / name).write_bytes(content)
                source = tracking.keep(Path(folder) / name)
    version = tracking.register(source, alias.sha256, champion=False)
    write_file(context, candidate_path(trained.name, run), alias.encode())
    return version, (
        _summary(trained.data, trained.metrics),
        f"version {version} in MLflow, no champion; card: {page}",
    )


def _summary(data: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    return (
        f"{data['rows']:,} landmarks of {data['patients']:,} patients, {data['events']:,} followed by the outcome; "
        f"out of fold AUROC {figures['auroc']}, calibration error {figures['ece']}"
    )


@contextmanager
def _store(context: RunContext, task: Task) -> Iterator[Store]:
    """The store that the environment names; else a SQLite file of the model's own in the lake, fetched and put back."""
    if uri := os.environ.get(MLFLOW_STORE):
        yield Store(uri)
        return
    kept = f"{MODEL_CANDIDATES}/{task.name}/mlflow.db"
    with TemporaryDirectory() as folder:
        store = Store.in_folder(Path(folder))
        assert store.database is not None
        if (before := read_file(context, kept)) is not None:
            store.database.write_bytes(before)
        try:
            yield store
        finally:
            if store.database.exists():
                write_file(context, kept, store.database.read_bytes())
