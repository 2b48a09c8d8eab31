"""The model in service: the published champion, and the last good one where what was published is wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from typing import Any

import pytest

from shared.adapters.memory.lake import MemoryLake
from shared.domain.models.artefact import RefusedModel, pack, read_model
from shared.domain.models.lake_layout import Alias, alias_path, artefact_path
from shared.domain.models.shipped import registry, shipped_model
from shared.domain.observability.meter import ProcessMeter
from shared.domain.stays import readmission_risk, sepsis_risk
from shared.errors import Fault, GalenError, Unavailable
from shared.ports.lake import LakeFile
from shared.services.served_models import LOOKED_FOR, REFUSED, REFUSED_FOR, ServedModels, publish_champion
from tests.delivery.world import World


def changed(**change: object) -> tuple[bytes, Alias]:
    """The shipped sepsis model with some changes, as another version."""
    packed = (resources.files("shared.domain.models") / "published" / "sepsis.model.json.gz").read_bytes()
    document = json.loads(gzip.decompress(packed)) | {"version": "next"} | change
    again = pack(document)
    alias = Alias(str(document["name"]), str(document["version"]), hashlib.sha256(again).hexdigest(), "run")
    return again, alias


@pytest.fixture(scope="module")
def successor() -> tuple[bytes, Alias]:
    return changed(operating_point=0.5)


class Process:
    """One process that serves models from a lake, with a clock of its own."""

    def __init__(self, lake: MemoryLake | None = None) -> None:
        self.world = World()
        self.lake = lake or MemoryLake()
        self.meter = ProcessMeter()
        checks = {"sepsis": sepsis_risk.checked}
        self.models = ServedModels(self.lake, self.world.clock, self.meter, checks)

    def version(self) -> str:
        return self.models.model("sepsis").version

    def later(self) -> None:
        self.world.moving.advance(LOOKED_FOR.total_seconds())

    def refused(self) -> float:
        return sum(value for name, _, value in self.meter.export()["counters"] if name == REFUSED)


def test_without_a_published_champion_the_shipped_model_serves() -> None:
    assert Process().version() == shipped_model("sepsis").version


def test_a_published_champion_serves_within_a_minute(successor: tuple[bytes, Alias]) -> None:
    process = Process()
    assert process.version() != "next"
    publish_champion(process.lake, *successor)
    assert process.version() != "next"
    process.later()
    assert process.version() == "next"
    assert process.models.model("sepsis").operating_point == 0.5
    assert Process(process.lake).version() == "next"
    assert process.refused() == 0


def test_a_tampered_artefact_is_refused_once_and_the_last_good_one_stays(
    successor: tuple[bytes, Alias],
) -> None:
    process = Process()
    publish_champion(process.lake, *successor)
    assert process.version() == "next"
    packed, alias = changed(version="third")
    publish_champion(process.lake, packed, alias)
    process.lake.put(artefact_path("sepsis", alias.sha256), packed[:-1] + bytes([packed[-1] ^ 1]))
    for _ in range(3):
        process.later()
        assert process.version() == "next"
    assert process.refused() == 1
    publish_champion(process.lake, packed, alias)
    process.later()
    assert process.version() == "third"


class HashingLake(MemoryLake):
    """A lake whose etags are made of the bytes, as those of S3 are: the same bytes written again have the same."""

    def look(self, path: str) -> LakeFile | None:
        found = super().look(path)
        return found and replace(found, etag=hashlib.md5(self.read(path), usedforsecurity=False).hexdigest())


def damaged(lake: MemoryLake, successor: tuple[bytes, Alias]) -> tuple[str, bytes]:
    """Publishes a champion and changes a byte of it; where it lies, and as it was."""
    publish_champion(lake, *successor)
    path = artefact_path("sepsis", successor[1].sha256)
    packed = lake.read(path)
    lake.put(path, packed[:-1] + bytes([packed[-1] ^ 1]))
    return path, packed


def test_a_refused_champion_that_is_published_again_with_the_same_bytes_serves_within_a_minute(
    successor: tuple[bytes, Alias],
) -> None:
    process = Process(HashingLake())
    damaged(process.lake, successor)
    assert process.version() != "next"
    publish_champion(process.lake, *successor)
    process.later()
    assert process.version() == "next"
    assert process.refused() == 1


def test_a_refused_artefact_that_is_repaired_beside_its_alias_serves_without_a_restart(
    successor: tuple[bytes, Alias],
) -> None:
    process = Process()
    path, packed = damaged(process.lake, successor)
    assert process.version() != "next"
    process.lake.put(path, packed)
    process.later()
    assert process.version() != "next"
    process.world.moving.advance(REFUSED_FOR.total_seconds())
    assert process.version() == "next"


@pytest.mark.parametrize(
    "alias",
    [
        b"no json",
        b"[]",
        Alias("readmission", "1", "a" * 64, "run").encode(),
        Alias("sepsis", "1", "../../" + "a" * 58, "run").encode(),
        Alias("sepsis", "1", "a" * 64, "run").encode(),
    ],
)
def test_an_alias_that_names_no_artefact_changes_nothing(alias: bytes) -> None:
    process = Process()
    process.lake.put(alias_path("sepsis"), alias)
    assert process.version() == shipped_model("sepsis").version
    assert process.refused() == 1


def test_a_model_of_features_that_this_code_does_not_compute_is_refused() -> None:
    names = [*shipped_model("sepsis").features]
    names[3] = "length of the beard"
    process = Process()
    publish_champion(process.lake, *changed(features=names))
    assert process.version() == shipped_model("sepsis").version
    assert process.refused() == 1


@pytest.mark.parametrize(
    "change", [{"features": ("age", "height")}, {"tables": {}}], ids=["other features", "no rates"]
)
def test_a_readmission_champion_of_other_features_or_without_rates_is_refused_when_it_is_loaded(
    change: dict[str, Any],
) -> None:
    shipped = shipped_model("readmission")
    assert readmission_risk.checked(shipped) is shipped
    with pytest.raises(RefusedModel, match="trained on other features"):
        readmission_risk.checked(replace(shipped, **change))


@pytest.mark.parametrize(("failure", "refused"), [(Unavailable, 0), (Fault, 1)])
def test_a_lake_that_does_not_answer_or_refuses_changes_nothing_and_is_asked_again(
    successor: tuple[bytes, Alias], failure: type[GalenError], refused: int
) -> None:
    class Silent(MemoryLake):
        silent = True

        def read(self, path: str) -> bytes:
            if self.silent:
                raise failure
            return super().read(path)

    lake = Silent()
    publish_champion(lake, *successor)
    process = Process(lake)
    assert process.version() == shipped_model("sepsis").version
    assert process.refused() == refused
    lake.silent = False
    process.later()
    assert process.version() == "next"


def test_what_is_no_sound_artefact_is_not_published(successor: tuple[bytes, Alias]) -> None:
    packed, alias = successor
    lake = MemoryLake()
    with pytest.raises(RefusedModel, match="SHA-256"):
        publish_champion(lake, packed + b" ", alias)
    with pytest.raises(RefusedModel, match="registration"):
        publish_champion(lake, packed, Alias("sepsis", "another", alias.sha256, "run"))
    assert list(lake.list("")) == []


def test_what_is_published_is_read_back_as_it_is(successor: tuple[bytes, Alias]) -> None:
    packed, alias = successor
    lake = MemoryLake()
    lake.put(artefact_path("sepsis", alias.sha256), b"damaged")
    publish_champion(lake, packed, alias)
    assert read_model(lake.read(artefact_path("sepsis", alias.sha256)), alias.sha256).version == "next"
    assert set(registry()) >= {"sepsis", "readmission"}


def test_a_stay_is_scored_by_the_published_champion(successor: tuple[bytes, Alias]) -> None:
    from tests.unit.stays.icu import CALM, Icu

    icu = Icu()
    publish_champion(icu.world.lake, *successor)
    icu.world.moving.advance(timedelta(minutes=2).total_seconds())
    icu.admit()
    icu.measure(9, **CALM)
    icu.react()
    assert icu.risks()[-1]["method"]["coding"][0]["version"] == "next"
