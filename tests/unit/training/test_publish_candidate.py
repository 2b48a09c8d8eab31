"""A candidate of the lake that is published: MLflow's champion follows where a store is named."""

from __future__ import annotations

import gzip
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from shared.domain.models.artefact import pack
from shared.domain.models.lake_layout import (
    Alias,
    alias_path,
    artefact_path,
    candidate_artefact,
    candidate_path,
    read_alias,
)
from shared.names import MLFLOW_STORE
from tests.lazily import lazily, require

require("mlflow", "publishing a candidate was not tested: MLflow is in the group ml")
require("pyspark", "publishing a candidate was not tested: it is a Spark job")
registry = lazily("spark.training.tracking")
job = lazily("spark.training.publish_candidate")

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own
SHIPPED = (resources.files("shared.domain.models") / "published" / "onset.model.json.gz").read_bytes()


class Trained:
    """A lake and a registry, each with two candidates of onset, and the first as champion in both."""

    def __init__(self, folder: Path) -> None:
        self.lake = folder / "lake"
        self.store: Any = registry.Store.in_folder(folder / "runs")
        self.first, self.second = self._candidate("first"), self._candidate("second")
        self.write(alias_path("onset"), self.first.encode())
        registry.make_champion(self.store, "onset", "1")

    def _candidate(self, version: str) -> Alias:
        packed = pack(json.loads(gzip.decompress(SHIPPED)) | {"version": version})
        tracking = registry.Tracking(self.store, "onset")
        alias = Alias("onset", version, hashlib.sha256(packed).hexdigest(), tracking.run_id)
        self.write(candidate_artefact(alias), packed)
        self.write(candidate_path("onset", alias.run_id), alias.encode())
        tracking.register((self.lake / candidate_artefact(alias)).as_uri(), alias.sha256, champion=False)
        return alias

    def write(self, path: str, data: bytes) -> None:
        (self.lake / path).parent.mkdir(parents=True, exist_ok=True)
        (self.lake / path).write_bytes(data)

    def publish(self, alias: Alias) -> tuple[str, ...]:
        from spark.jobs.context import RunContext
        from spark.paths import LakeRoot

        nothing: Any = None  # a lake that is a folder is read without a session
        (report,) = job.run(RunContext(nothing, LakeRoot(str(self.lake)), source=f"onset/{alias.run_id}"))
        return tuple(report.notes)

    def champions(self) -> tuple[str, str]:
        """The run that the lake names, and the one that MLflow does."""
        lake = read_alias((self.lake / alias_path("onset")).read_bytes(), "onset")
        return lake.run_id, registry.champion_of(self.store, "onset").run_id


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return Trained(tmp_path)


def test_the_champion_of_mlflow_follows_what_is_published(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MLFLOW_STORE, trained.store.uri)
    _, said = trained.publish(trained.second)
    assert said == "version 2 is the champion of MLflow"
    assert trained.champions() == (trained.second.run_id, trained.second.run_id)
    assert (trained.lake / artefact_path("onset", trained.second.sha256)).is_file()


def test_without_a_store_that_is_named_mlflow_is_left_alone(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(MLFLOW_STORE, raising=False)
    assert len(trained.publish(trained.second)) == 1
    assert trained.champions() == (trained.second.run_id, trained.first.run_id)


def test_a_store_that_does_not_know_the_run_is_said_and_what_is_published_stays(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = registry.Store.in_folder(tmp_path / "other")
    monkeypatch.setenv(MLFLOW_STORE, other.uri)
    _, said = trained.publish(trained.second)
    assert "the champion of MLflow stays" in said
    assert f"no version of onset of run {trained.second.run_id}" in said
    assert trained.champions()[0] == trained.second.run_id
    assert not (tmp_path / "other").exists()
