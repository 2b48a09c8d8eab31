"""`local publish`: what is verified is published and then the champion of the registry; of the rest nothing changes."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from local import exits
from local.cli import publish as command
from local.exits import CommandStopped
from shared.adapters.memory.lake import MemoryLake
from shared.domain.models.artefact import pack
from shared.domain.models.lake_layout import alias_path, artefact_path, read_alias
from tests.lazily import lazily, require

require("mlflow", "publishing was not tested: MLflow is in the group ml")
registry = lazily("spark.training.tracking")

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own
SHIPPED = (resources.files("shared.domain.models") / "published" / "onset.model.json.gz").read_bytes()


def another(**change: object) -> bytes:
    """The shipped onset model with some changes."""
    return pack(json.loads(gzip.decompress(SHIPPED)) | change)


@dataclass
class Trained:
    """A registry whose version 1 is champion, published, and whose version 2 is a candidate."""

    store: Any
    lake: MemoryLake
    artefact: Path

    def add(self, packed: bytes, *, champion: bool = False) -> str:
        tracking = registry.Tracking(self.store, "onset")
        self.artefact.write_bytes(packed)
        return str(
            tracking.register(
                tracking.keep(self.artefact), hashlib.sha256(packed).hexdigest(), champion=champion
            )
        )

    def file_of(self, version: str) -> Path:
        return Path(self.store.client().get_model_version("onset", version).source.removeprefix("file://"))

    def publish(self, version: str | None = None) -> str:
        return command.publish(self.lake, self.store, "onset", version).version

    def champions(self) -> tuple[str, str]:
        """The registry's champion and the lake's, by hash."""
        return (
            registry.champion_of(self.store, "onset").sha256,
            read_alias(self.lake.read(alias_path("onset")), "onset").sha256,
        )


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    made = Trained(
        registry.Store.in_folder(tmp_path / "runs"), MemoryLake(), tmp_path / "onset.model.json.gz"
    )
    made.add(another(version="first"), champion=True)
    assert made.publish() == "first"
    made.add(another(version="second"))
    return made


def test_a_version_is_published_and_then_the_champion_of_the_registry(trained: Trained) -> None:
    second = hashlib.sha256(another(version="second")).hexdigest()
    assert second not in trained.champions()
    assert trained.publish("2") == "second"
    assert trained.champions() == (second, second)
    assert trained.lake.read(artefact_path("onset", second)) == another(version="second")
    assert trained.publish("1") == "first"
    assert trained.publish() == "first"


def damaged(trained: Trained) -> str:
    trained.file_of("2").write_bytes(another(version="second")[:-1])
    return "2"


def gone(trained: Trained) -> str:
    trained.file_of("2").unlink()
    return "2"


def without_hash(trained: Trained) -> str:
    client = trained.store.client()
    client.delete_model_version_tag("onset", "2", "sha256")
    return "2"


def of_other_features(trained: Trained) -> str:
    names = json.loads(gzip.decompress(SHIPPED))["features"]
    return trained.add(another(features=["shoe size", *names[1:]]))


def unknown(_: Trained) -> str:
    return "9"


def no_number(_: Trained) -> str:
    return "newest"


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (damaged, "its SHA-256 differs"),
        (gone, "the artefact of version 2 of onset is not at"),
        (without_hash, "version 2 of onset has no tag sha256"),
        (of_other_features, "trained on other features"),
        (unknown, "no version 9 of onset is registered"),
        (no_number, "no version newest of onset is registered"),
    ],
)
def test_of_a_version_that_is_refused_nothing_changes(trained: Trained, spoilt: Any, why: str) -> None:
    version = spoilt(trained)
    before = trained.champions()
    with pytest.raises(CommandStopped, match=f"^nothing was published: .*{why}") as stopped:
        trained.publish(version)
    assert stopped.value.exit_code == exits.FINDING
    assert trained.champions() == before


def test_a_champion_whose_artefact_is_gone_ends_in_a_sentence(trained: Trained) -> None:
    trained.file_of("1").unlink()
    with pytest.raises(CommandStopped, match="the artefact of version 1 of onset is not at"):
        trained.publish()


def test_a_folder_without_a_registry_ends_in_a_sentence_and_stays_without_one(tmp_path: Path) -> None:
    store = registry.Store.in_folder(tmp_path / "nothing")
    for version, why in ((None, "names no champion of onset"), ("1", "no version 1 of onset")):
        with pytest.raises(CommandStopped, match=why):
            command.publish(MemoryLake(), store, "onset", version)
    assert not (tmp_path / "nothing").exists()


def test_it_looks_where_the_jobs_over_the_same_lake_keep_their_runs(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    there = parser.parse_args(["publish", "onset", "--data", str(tmp_path)])
    assert command.runs_folder(there) == tmp_path / "mlflow"
    named = parser.parse_args(["publish", "onset", "--data", str(tmp_path), "--runs", str(tmp_path / "x")])
    assert command.runs_folder(named) == tmp_path / "x"
