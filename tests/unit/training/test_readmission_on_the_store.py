"""The readmission model of the feature store: trained by one command, tracked, with a card, and never in service."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import exits
from local.cli.main import main
from shared.domain.models.artefact import read_model
from spark.training.landmarks import UnreadablePatients
from tests.lazily import lazily, require
from tests.unit.features.patients import encounter, observation, patient

require("mlflow", "training on the feature store was not tested: MLflow is in the group ml")
require("sklearn", "training on the feature store was not tested: scikit-learn is in the group ml")
registry = lazily("spark.training.tracking")
training = lazily("local.training.readmission_store")

BEGAN = datetime(2018, 1, 1, 8, tzinfo=UTC)


def stay(name: str, day: int) -> dict[str, Any]:
    start = BEGAN + timedelta(days=day)
    return encounter(name, "IMP", start.isoformat(), (start + timedelta(days=2)).isoformat())


def write(folder: Path, patients: int, readmitted: int) -> None:
    """Each patient has two stays a hundred days apart; of the readmitted a third one follows ten days after the first."""
    folder.mkdir()
    for number in range(patients):
        day = BEGAN + timedelta(days=number)
        resources = [
            {**patient(), "birthDate": f"{1940 + number}"},
            stay("a", number),
            stay("b", number + 100),
            observation("o", 90 + number, at=day.isoformat(), issued=day.isoformat()),
            *([stay("again", number + 12)] if number < readmitted else []),
        ]
        bundle = {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}
        (folder / f"{number:03}.json").write_text(json.dumps(bundle), "utf-8")


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_it_is_trained_tracked_and_described_and_no_champion(tmp_path: Path) -> None:
    write(tmp_path / "bundles", patients=40, readmitted=4)
    out, runs = tmp_path / "out", tmp_path / "runs"
    words = ("train", "readmission-store", tmp_path / "bundles", "--out", out, "--runs", runs)
    assert main([str(word) for word in words]) == exits.OK
    published = json.loads((out / "published.json").read_text("utf-8"))["readmission-store"]["champion"]
    model = read_model((out / published["file"]).read_bytes(), published["sha256"])
    assert model.training["data"]["events"] == 4
    assert registry.champion_of(registry.Store.in_folder(runs), "readmission-store") is None
    card = (out / "readmission-store.md").read_text("utf-8")
    assert "| rows with the outcome | 4 |" in card
    assert "4 of them with the outcome" in card
    assert "| random forest |" in card


@pytest.mark.parametrize("model", ["onset", "readmission-store"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"resourceType": "Encounter", "id": "e", "status": "finished", "class": "IMP"},
        {"resourceType": "Encounter", "id": "e", "period": [1]},
        {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": "high"}},
        {"id": "without a type"},
    ],
    ids=range(4),
)
def test_a_bundle_with_what_is_no_resource_is_named(
    tmp_path: Path, model: str, wrong: dict[str, Any]
) -> None:
    write(tmp_path / "bundles", patients=2, readmitted=1)
    file = tmp_path / "bundles" / "wrong.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": wrong}]}), "utf-8")
    trainer = importlib.import_module(f"local.training.{model.replace('-', '_')}")
    with pytest.raises(UnreadablePatients, match=f"{file} holds what is no FHIR resource"):
        trainer.train(tmp_path / "bundles", lambda _: None, tmp_path)


def test_a_patient_whose_death_is_no_date_is_named_by_its_file(tmp_path: Path) -> None:
    write(tmp_path / "bundles", patients=2, readmitted=1)
    file = tmp_path / "bundles" / "001.json"
    bundle = json.loads(file.read_text("utf-8"))
    bundle["entry"][0]["resource"]["deceasedDateTime"] = 5
    file.write_text(json.dumps(bundle), "utf-8")
    with pytest.raises(UnreadablePatients, match=f"{file} holds what is no FHIR resource"):
        training.train(tmp_path / "bundles", lambda _: None, tmp_path)


def test_so_few_discharges_that_forecasts_are_alike_make_no_model(tmp_path: Path) -> None:
    write(tmp_path / "bundles", patients=12, readmitted=2)
    with pytest.raises(
        UnreadablePatients, match="follows 2 of 14 landmarks: so few that forecasts are alike"
    ):
        training.train(tmp_path / "bundles", lambda _: None, tmp_path)
