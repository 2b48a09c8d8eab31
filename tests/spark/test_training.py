"""Training on a lake: the jobs' landmarks are those of the bundles that were landed, and what they make is a candidate."""

from __future__ import annotations

import importlib
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deltalake", reason="not tested: training on a lake, which needs the lake group")
pytest.importorskip("pandas", reason="not tested: training on a lake, which needs pandas")

from shared.domain.features.patient.diagnoses import BY_NAME
from shared.domain.models.artefact import read_model
from shared.domain.models.lake_layout import Alias, alias_path, candidate_artefact, candidate_path, read_alias
from shared.domain.onset.cohort import OUTCOME
from spark.jobs.graph import plan
from spark.plain.build import build
from tests.lazily import require
from tests.spark.conftest import RawLake
from tests.unit.features.patients import encounter, observation, patient

require("mlflow", "training on a lake was not tested: MLflow is in the group ml")
require("sklearn", "training on a lake was not tested: scikit-learn is in the group ml")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore"),  # MLflow's own
]
SICK, WELL = 20, 6
"""Real bundles of patients with heart disease and without."""
MADE_UP, READMITTED = 40, 5
BEGAN = datetime(2015, 1, 1, 8, tzinfo=UTC)


BOOKED = encounter("booked", "IMP", "2090-01-01T08:00:00Z", status="planned")
"""Of one patient: nobody was followed until then."""


def synthea() -> Iterator[tuple[str, dict[str, Any]]]:
    """By name the smallest real bundles."""
    data = os.environ.get("GALEN_TEST_DATA")
    if not data:
        pytest.skip(
            "not tested: training on real bundles; GALEN_TEST_DATA is the folder with synthea-r4.tar.xz"
        )
    named = tuple(f'"{code}"' for code in BY_NAME[OUTCOME].snomed)
    found: dict[bool, list[tuple[int, str, str]]] = {True: [], False: []}
    with tarfile.open(Path(data) / "synthea-r4.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file is not None:
                text = file.read().decode()
                sick = any(code in text for code in named)
                found[sick].append((len(text), Path(member.name).name, text))
    for _, name, text in (*sorted(found[True])[:SICK], *sorted(found[False])[:WELL]):
        yield name, json.loads(text)


def made_up(number: int) -> dict[str, Any]:
    """A patient with two stays a hundred days apart; of the first ones a third stay follows ten days after the first."""

    def stay(name: str, day: int) -> dict[str, Any]:
        start = BEGAN + timedelta(days=day)
        return encounter(name, "IMP", start.isoformat(), (start + timedelta(days=2)).isoformat())

    seen = (BEGAN + timedelta(days=number)).isoformat()
    resources = [
        {**patient(), "birthDate": f"{1940 + number}"},
        stay("a", number),
        stay("b", number + 100),
        observation("o", 90 + number, at=seen, issued=seen),
        *([BOOKED] if number == MADE_UP - 1 else []),
        *([stay("again", number + 12)] if number < READMITTED else []),
    ]
    entries = [{"fullUrl": f"urn:uuid:{each['id']}-{number}", "resource": each} for each in resources]
    text = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return dict(json.loads(text.replace("Patient/p", f"urn:uuid:p-{number}")))


class Made:
    """A lake of real and of made up patients, and what the layer `training` did with it."""

    def __init__(self, spark: Any, folder: Path) -> None:
        from spark.gold.registry import BY_NAME
        from spark.jobs.__main__ import run_jobs
        from spark.jobs.context import RunContext
        from spark.jobs.gold import GoldJob
        from spark.paths import LakeRoot

        self.bundles = folder / "bundles"
        self.bundles.mkdir()
        self.root = folder / "lake"
        raw = RawLake(self.root)
        made = ((f"made-up-{number:02}.json", made_up(number)) for number in range(MADE_UP))
        for name, bundle in (*synthea(), *made):
            raw.stream(bundle)
            (self.bundles / name).write_text(json.dumps(bundle), "utf-8")
        list(build(self.root, lambda _: []))
        root = LakeRoot(str(self.root))
        list(GoldJob(spark, root).run_all((BY_NAME["quality_rows"],)))
        self.context = RunContext(spark, root)
        events = [
            *run_jobs(self.context, plan("training")),
            *run_jobs(self.context, plan("train-readmission")),
        ]
        self.reports = [each for each in events if each["event"] == "table"]

    def candidates(self, model: str) -> list[Alias]:
        """What lies in the lake, in the order of its making."""
        files = (self.root / Path(candidate_path(model, "x")).parents[1]).glob("*/candidate.json")
        return [
            read_alias(each.read_bytes(), model)
            for each in sorted(files, key=lambda one: one.stat().st_mtime_ns)
        ]


@pytest.fixture(scope="module")
def made(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield Made(spark, tmp_path_factory.mktemp("training"))


@pytest.mark.parametrize(
    ("trainer", "job"), [("onset", "_before_onset"), ("readmission_store", "_after_discharge")]
)
def test_the_landmarks_of_a_lake_are_those_of_the_bundles_that_were_landed(
    made: Made, trainer: str, job: str
) -> None:
    files = sorted(made.bundles.iterdir())
    expected = importlib.import_module(f"local.training.{trainer}")._bundled(files)
    read = getattr(importlib.import_module("spark.training.job"), job)
    all_of_them = read(made.context)
    found, sample = all_of_them.landmarks, all_of_them.sample
    assert (len(found) > 50, sample) == (True, "")
    assert sum(each.followed for each in found) >= READMITTED
    assert sorted((each.at, each.followed, str(each.values)) for each in found) == sorted(
        (each.at, each.followed, str(each.values)) for each in expected
    )
    some = read(replace(made.context, most_rows=len(found) // 2))
    patients = {each.patient for each in some.landmarks}
    assert some.sample.startswith("a sample of whole patients by a hash of their id, ")
    assert 0 < len(patients) < len({each.patient for each in found})
    assert [str(each) for each in some.landmarks] == [str(each) for each in found if each.patient in patients]


@pytest.mark.parametrize(
    ("model", "job"), [("onset", "train-onset"), ("readmission-store", "train-readmission")]
)
def test_each_run_leaves_a_candidate_with_its_card_and_no_champion(made: Made, model: str, job: str) -> None:
    candidates = made.candidates(model)
    told = [each for each in made.reports if each["job"] == job]
    assert len(candidates) == len(told) == (1 if model == "onset" else 2)
    for number, (report, alias) in enumerate(zip(told, candidates, strict=True), start=1):
        packed = (made.root / candidate_artefact(alias)).read_bytes()
        trained = read_model(packed, alias.sha256)
        assert (trained.name, trained.version) == (model, alias.version)
        assert trained.training["command"] == f"python3 -m local spark {job}"
        card = (made.root / candidate_path(model, alias.run_id, "card.md")).read_text("utf-8")
        assert alias.sha256 in card
        assert "in service nowhere" in card
        assert (report["rows"], report["total"]) == (1, number)
        assert "out of fold AUROC" in report["notes"][0]
    assert not (made.root / alias_path(model)).exists()


def test_the_same_lake_trains_the_same_model(made: Made) -> None:
    first, second = made.candidates("readmission-store")
    assert first.run_id != second.run_id
    found = []
    for alias in (first, second):
        model = read_model((made.root / candidate_artefact(alias)).read_bytes(), alias.sha256)
        data = model.training["data"]["sha256"]
        found.append((model.forest, model.calibration, model.operating_point, data))
    assert found[0] == found[1]


def test_runs_and_versions_are_kept_in_the_lake_where_no_server_is_named(made: Made, tmp_path: Path) -> None:
    tracking = importlib.import_module("spark.training.tracking")
    model = "readmission-store"
    kept = made.root / Path(candidate_path(model, "x")).parents[1] / "mlflow.db"
    (tmp_path / "mlflow.db").write_bytes(kept.read_bytes())
    store = tracking.Store.in_folder(tmp_path)
    assert tracking.champion_of(store, model) is None
    tracking.make_champion(store, model, "2")
    (_, newest) = made.candidates(model)
    found = tracking.champion_of(store, model)
    assert (found.sha256, found.run_id) == (newest.sha256, newest.run_id)
    assert read_model(found.packed, found.sha256).version == newest.version


def test_a_lake_with_too_few_patients_ends_with_a_sentence_for_each_model(spark: Any, raw: RawLake) -> None:
    from spark.jobs.__main__ import run_jobs
    from spark.jobs.context import RunContext
    from spark.jobs.stops import TrainingRefused
    from spark.paths import LakeRoot

    raw.stream(made_up(1))
    list(build(raw.root, lambda _: []))
    told: list[dict[str, Any]] = []
    events = run_jobs(RunContext(spark, LakeRoot(str(raw.root))), plan("training"))
    with pytest.raises(TrainingRefused) as stopped:
        told.extend(events)
    onset, readmission = str(stopped.value).splitlines()
    assert "a model of onset needs 20" in onset
    assert "there are no measures of quality yet, which the job gold makes" in readmission
    assert [each["notes"] for each in told if each["event"] == "table"] == [(onset,), (readmission,)]
    assert not (raw.root / "ml-features" / "model-candidates").exists()


def test_a_candidate_is_served_only_when_somebody_publishes_it(made: Made) -> None:
    from shared.domain.models.artefact import RefusedModel
    from shared.domain.onset.risk import checked
    from spark.features.champion import champion
    from spark.jobs.stops import SourceMissing
    from spark.training.publish_candidate import run

    (first,) = made.candidates("onset")
    before, _ = champion(made.context, "onset", checked)
    (report,) = run(replace(made.context, source=f"onset/{first.run_id}"))
    assert report.notes == (f"onset {first.version} of run {first.run_id} is the champion",)
    served, notes = champion(made.context, "onset", checked)
    assert (served.sha256, notes) == (first.sha256, [])
    assert before.sha256 != first.sha256
    for nowhere in ("", "onset", "onset/no-run"):
        with pytest.raises(SourceMissing, match="there is no candidate"):
            next(run(replace(made.context, source=nowhere)))
    readmission, _ = made.candidates("readmission-store")
    with pytest.raises(RefusedModel, match="no service asks"):
        next(run(replace(made.context, source=f"readmission-store/{readmission.run_id}")))
    artefact = made.root / candidate_artefact(first)
    artefact.write_bytes(artefact.read_bytes()[:-1])
    with pytest.raises(RefusedModel):
        next(run(replace(made.context, source=f"onset/{first.run_id}")))
    assert champion(made.context, "onset", checked)[0].sha256 == first.sha256
