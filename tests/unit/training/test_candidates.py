"""A trained candidate is never lost to MLflow: its store is opened before the training, a refused version is told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest

pytest.importorskip("pyspark", reason="not tested: candidates, whose jobs need pyspark")
pytest.importorskip("delta", reason="not tested: candidates, whose jobs need delta-spark")

from shared.domain.models.artefact import read_model
from shared.domain.models.lake_layout import candidate_artefact, candidate_path, read_alias
from shared.names import MODEL_CANDIDATES
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.stops import TrainingRefused
from spark.paths import LakeRoot
from tests.lazily import lazily, require
from tests.unit.training.test_too_little import landmarks

require("mlflow", "candidates were not tested: MLflow is in the group ml")
require("sklearn", "candidates were not tested: scikit-learn is in the group ml")
job = lazily("spark.training.job")
tasks = lazily("spark.training.tasks")
tracking = lazily("spark.training.tracking")

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own
MODEL = "readmission-store"
SAMPLE = "a sample of whole patients"
OF_ANOTHER_MLFLOW = "0123456789ab"


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)


@pytest.fixture
def refusing_registry() -> Iterator[str]:
    """A server that answers as a workspace whose registry of models is disabled."""

    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            body = json.dumps(
                {"error_code": "FEATURE_DISABLED", "message": "the registry is disabled"}
            ).encode()
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - as http.server names it

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Run:
    """A training on landmarks as a lake would give them."""

    def __init__(self, lake: Path, patients: int = 60) -> None:
        self.lake, self.patients = lake, patients
        self.phases: list[str] = []

    def reports(self) -> Iterator[TableReport]:
        nobody = cast("Any", None)  # a folder is written without Spark
        context = RunContext(nobody, LakeRoot(str(self.lake)), on_phase=self.phases.append)
        marks = landmarks(self.patients, 3, lambda number, year: (number + year) % 3 == 0)
        return cast(
            "Iterator[TableReport]",
            job.candidate(
                context, tasks.READMISSION, "train-readmission", lambda _: job.Found(marks, SAMPLE)
            ),
        )

    @property
    def database(self) -> Path:
        return self.lake / MODEL_CANDIDATES / MODEL / "mlflow.db"

    def statuses(self) -> list[str]:
        with sqlite3.connect(self.database) as store:
            return [status for (status,) in store.execute("SELECT status FROM runs")]


def revision(database: Path) -> str:
    """Of MLflow's schema."""
    with sqlite3.connect(database) as store:
        return str(store.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def to_earlier(uri: str) -> None:
    """Takes the newest change of MLflow's schema back."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from sqlalchemy import create_engine

    engine, config = create_engine(uri), _get_alembic_config(uri)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
    engine.dispose()


def test_a_registry_that_refuses_leaves_a_whole_candidate_and_its_reason(
    tmp_path: Path, refusing_registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", refusing_registry)
    run = Run(tmp_path)
    (report,) = run.reports()
    (file,) = (tmp_path / MODEL_CANDIDATES / MODEL).glob("*/candidate.json")
    alias = read_alias(file.read_bytes(), MODEL)
    model = read_model((tmp_path / candidate_artefact(alias)).read_bytes(), alias.sha256)
    card = (tmp_path / candidate_path(MODEL, alias.run_id, "card.md")).read_text("utf-8")
    assert model.version == alias.version
    assert f"their data do not leave it; {SAMPLE} |" in card
    assert (report.rows, report.total) == (1, 0)
    assert "out of fold AUROC" in report.notes[0]
    assert f"a candidate of run {alias.run_id}, and no version" in report.notes[1]
    assert "the registry is disabled" in report.notes[1]
    assert report.notes[2] == SAMPLE
    assert run.statuses() == ["FINISHED"]


def test_the_store_of_an_earlier_mlflow_is_brought_to_this_one(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (first,) = run.reports()
    newest = revision(run.database)
    to_earlier(f"sqlite:///{run.database}")
    earlier = tracking.Store.in_folder(tmp_path / "copy")
    earlier.database.parent.mkdir()
    earlier.database.write_bytes(run.database.read_bytes())
    assert revision(earlier.database) != newest
    earlier.upgrade()
    assert revision(earlier.database) == newest
    (second,) = run.reports()
    assert (first.total, second.total) == (1, 2)
    assert revision(run.database) == newest


@pytest.mark.parametrize("broken", ["of a later MLflow", "no database"])
def test_a_store_that_cannot_be_opened_ends_the_run_before_the_training(tmp_path: Path, broken: str) -> None:
    run = Run(tmp_path)
    run.database.parent.mkdir(parents=True)
    if broken == "no database":
        run.database.write_text("anything else " * 100)
    else:
        with sqlite3.connect(run.database) as store:
            store.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            store.execute("INSERT INTO alembic_version VALUES (?)", (OF_ANOTHER_MLFLOW,))
    before = run.database.read_bytes()
    reports = run.reports()
    told = next(reports)
    assert f"{MODEL}/mlflow.db: MLflow does not open its store: " in told.notes[0]
    with pytest.raises(TrainingRefused, match=f"no model of {MODEL} was trained: "):
        next(reports)
    assert run.phases == []
    assert run.database.read_bytes() == before


def test_the_store_that_the_environment_names_is_opened_first_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, store = (tracking.Store.in_folder(tmp_path / name) for name in ("made", "named"))
    for each in (made, store):
        each.database.parent.mkdir()
    made.open()
    store.database.write_bytes(made.database.read_bytes())
    with sqlite3.connect(store.database) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (OF_ANOTHER_MLFLOW,))
    before = store.database.read_bytes()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    run = Run(tmp_path / "lake")
    assert "mlflow db upgrade" in next(run.reports()).notes[0]
    assert run.phases == []
    assert store.database.read_bytes() == before


def test_a_training_that_is_refused_keeps_no_store(tmp_path: Path) -> None:
    run = Run(tmp_path, patients=4)
    assert "12 landmarks of 4 patients are too few" in next(run.reports()).notes[0]
    assert not (tmp_path / MODEL_CANDIDATES).exists()
