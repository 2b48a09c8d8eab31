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
from mlflow.exceptions import MlflowException
from pyspark import StorageLevel
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
    UnreadablePatients,
    after_discharge,
    before_onset,
    sha256_of_landmarks,
)
from spark.training.tasks import ONSET, YEARS
from spark.training.tasks import READMISSION as READMISSION_TASK
from spark.training.tracking import Store, StoreRefused, Tracking, first_line
from spark.training.words import WORDS

_LICENCE: Final = "patients of this lake; their data do not leave it"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHARES: Final = 1_000_000


@dataclass(frozen=True)
class Found:
    """Landmarks of a lake; `sample` says which patients they are of, where not of all."""

    landmarks: list[Landmark]
    sample: str = ""


@dataclass(frozen=True)
class _Patients:
    """Rows of features of as many whole patients as the driver may hold."""

    features: DataFrame
    chosen: str
    sample: str

    def of(self, frame: DataFrame) -> DataFrame:
        """The rows of the same patients."""
        return frame.where(self.chosen)


def onset(context: RunContext) -> Iterator[TableReport]:
    """A candidate of the onset model. Raises TrainingRefused where the lake has too little to learn from."""
    return candidate(context, ONSET, "train-onset", _before_onset)


def readmission(context: RunContext) -> Iterator[TableReport]:
    """A candidate of the readmission model of the feature store. Raises TrainingRefused as `onset`."""
    return candidate(context, READMISSION_TASK, "train-readmission", _after_discharge)


def _before_onset(context: RunContext) -> Found:
    last = _last(context)
    years = [at for year in YEARS if (at := datetime(year, 1, 1, tzinfo=UTC)) + HORIZON <= last]
    conditions = _silver(context, CONDITIONS).select(
        "tenant", "patient_id", "code_system", "code", "onset_at", "recorded_at", "verification_status", "deleted"
    )  # fmt: skip
    with _patients(context, lambda _: years) as patients:
        rows = _rows(patients.of(patients.features)), _rows(patients.of(conditions))
        return Found(before_onset(*rows, last), patients.sample)


def _after_discharge(context: RunContext) -> Found:
    last = _last(context)
    gold = TABLES["gold_quality_rows"]
    if not DeltaTable.isDeltaTable(context.spark, context.lake.uri(gold)):
        raise UnreadablePatients("there are no measures of quality yet, which the job gold makes")
    with _patients(context, discharges) as patients:
        judged = patients.of(context.read(gold)).where(
            (F.col("measure") == READMISSION) & F.col("in_denominator")
        )
        stays = judged.select("tenant", F.col("subject_id").alias("id"))
        encounters = _silver(context, ENCOUNTERS).join(stays, ["tenant", "id"], "left_semi")
        rows = _rows(patients.of(patients.features)), _rows(judged)
        ends = _rows(encounters.select("tenant", "id", "ended_text"))
        return Found(after_discharge(*rows, ends, last), patients.sample)


@contextmanager
def _patients(context: RunContext, instants: Instants) -> Iterator[_Patients]:
    """The rows of all patients, on the cluster's disks; where they are more than a driver may hold, of a share of them."""
    now = facts(context, _EPOCH, as_it_was=False).frame
    computed = feature_rows(now, instants, Clock.SOURCE)
    columns = ("tenant", "patient_id", "as_of", "deceased", *(each.name for each in FEATURES))
    rows = computed.select(*columns).persist(StorageLevel.DISK_ONLY)
    try:
        total = rows.count()
        if total <= context.most_rows:
            yield _Patients(rows, "true", "")
            return
        kept = _SHARES * context.most_rows // total
        sample = (
            f"a sample of whole patients by a hash of their id, {kept / _SHARES:.2%} of them: all have {total:,} rows of "
            f"features, and a training takes about {context.most_rows:,}"
        )
        yield _Patients(rows, f"pmod(xxhash64(tenant, patient_id), {_SHARES}) < {kept}", sample)
    finally:
        rows.unpersist()


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


def candidate(
    context: RunContext, task: Task, job: str, landmarks: Callable[[RunContext], Found]
) -> Iterator[TableReport]:
    """Trains on the landmarks and leaves a candidate; the report's total is the version in MLflow, 0 where it took none.

    Raises TrainingRefused, after a report that says why, where there is too little to learn from or MLflow's store is shut.
    """
    started = time.monotonic()
    place = f"{MODEL_CANDIDATES}/{task.name}"
    try:
        with _store(context, task) as store:  # before the training: a store that is shut costs none
            context.on_phase("landmarks")
            found = landmarks(context)
            data = Landmarks.of(
                task, found.landmarks, sha256_of_landmarks(found.landmarks),
                "; ".join(each for each in (_LICENCE, found.sample) if each),
            )  # fmt: skip
            context.on_phase("train")
            made = _Made(*train(task, data, context.on_phase))
            version, notes = _kept(context, store, made, job)
    except (UnreadablePatients, StoreRefused) as refused:
        said = f"no model of {task.name} was trained: {refused}"
        yield TableReport(place, 0, 0, time.monotonic() - started, (said,))
        raise TrainingRefused(said) from refused
    told = (*notes, *filter(None, [found.sample]))
    yield TableReport(place, 1, version, time.monotonic() - started, told)


def _kept(context: RunContext, store: Store, made: _Made, job: str) -> tuple[int, Sequence[str]]:
    """Artefact, card and last `candidate.json` in the lake: what it names is whole. Then what MLflow takes of it."""
    try:
        tracking = Tracking(store, made.trained.name)
    except MlflowException as refused:
        raise StoreRefused(f"MLflow takes no run: {first_line(refused)}") from refused
    try:
        alias, text = _written(context, tracking.run_id, made, job)
        page = candidate_path(alias.model, alias.run_id, "card.md")
        summary = _summary(made.trained.data, made.trained.metrics)
        try:
            version = _registered(context, tracking, store, made, alias, text)
        except (MlflowException, OSError) as refused:  # a server's answer to a file is an OSError
            tracking.end("FINISHED")
            why = (
                f"a candidate of run {alias.run_id}, and no version: MLflow refused it: {first_line(refused)}"
            )
            return 0, (summary, f"{why}; card: {page}")
    except BaseException:
        tracking.end("FAILED")
        raise
    return int(version), (summary, f"version {version} in MLflow, no champion; card: {page}")


def _written(context: RunContext, run: str, made: _Made, job: str) -> tuple[Alias, str]:
    """The candidate in the lake, and its card."""
    trained = replace(made.trained, version=f"{made.trained.version}+{run[:8]}")
    artefact = packed(trained, run, f"python3 -m local spark {job}")
    alias = Alias(trained.name, trained.version, hashlib.sha256(artefact).hexdigest(), run)
    model = read_model(artefact, alias.sha256)
    text = card(WORDS[trained.name], model, made.evaluation.with_importance(model, made.sample))
    context.on_phase("write candidate")
    write_file(context, candidate_artefact(alias), artefact)
    write_file(context, candidate_path(trained.name, run, "card.md"), text.encode())
    write_file(context, candidate_path(trained.name, run), alias.encode())
    return alias, text


def _registered(
    context: RunContext, tracking: Tracking, store: Store, made: _Made, alias: Alias, text: str
) -> str:
    """The version that MLflow gave the candidate."""
    tracking.record({**SETTINGS, "seeds": SEEDS}, made.trained.metrics, made.trained.data)
    source = context.lake.uri(candidate_artefact(alias))
    if store.database is None:  # a server keeps the files of its versions itself
        artefact = read_file(context, candidate_artefact(alias)) or b""
        with TemporaryDirectory() as folder:
            for name, content in (("card.md", text.encode()), (f"{alias.model}.model.json.gz", artefact)):
                (Path(folder) / name).write_bytes(content)
                source = tracking.keep(Path(folder) / name)
    return tracking.register(source, alias.sha256, champion=False)


def _summary(data: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    return (
        f"{data['rows']:,} landmarks of {data['patients']:,} patients, {data['events']:,} followed by the outcome; "
        f"out of fold AUROC {figures['auroc']}, calibration error {figures['ece']}"
    )


@contextmanager
def _store(context: RunContext, task: Task) -> Iterator[Store]:
    """The store that the environment names; else a SQLite file of the model's own in the lake, fetched and put back."""
    if uri := os.environ.get(MLFLOW_STORE):
        store = Store(uri)
        store.open()
        yield store
        return
    kept = f"{MODEL_CANDIDATES}/{task.name}/mlflow.db"
    with TemporaryDirectory() as folder:
        store = Store.in_folder(Path(folder))
        assert store.database is not None
        if (before := read_file(context, kept)) is not None:
            store.database.write_bytes(before)
            try:
                store.upgrade()
            except StoreRefused as refused:
                raise StoreRefused(f"{kept}: {refused}") from refused
        store.open()
        opened = store.database.read_bytes()
        try:
            yield store
        finally:
            if (now := store.database.read_bytes()) != opened:
                write_file(context, kept, now)
