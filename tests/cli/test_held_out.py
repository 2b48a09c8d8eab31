"""The commands on real data split off by patient: what was trained on the rest tells the held-out ones apart."""

from __future__ import annotations

import csv
import os
import tarfile
from pathlib import Path

import pytest

from local import exits
from shared.domain.features.readmission import COLUMNS
from tests.cli.test_score_dataset import command, scores, table

np = pytest.importorskip("numpy", reason="held-out data was not scored: NumPy is in the group scoring")
pytest.importorskip(
    "sklearn", reason="nothing was trained to be held against other data: it needs the group ml"
)

from local.training import readmission, sepsis  # noqa: E402
from local.training.publish import publish  # noqa: E402
from local.training.utility import normalised_utility, worth_of  # noqa: E402
from spark.training.metrics import auroc  # noqa: E402

REAL = Path(os.environ.get("GALEN_TEST_DATA", ""))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "GALEN_TEST_DATA" not in os.environ,
        reason="held-out stays and encounters were not scored: set GALEN_TEST_DATA to the folder with the archives",
    ),
]


def _unpacked(archive: str, into: Path) -> Path:
    with tarfile.open(REAL / archive) as packed:
        packed.extractall(into, filter="data")
    return into


def _said(_line: str) -> None:
    """Nobody listens."""


def test_held_out_encounters_are_told_apart_by_a_model_of_other_patients(tmp_path: Path) -> None:
    [source] = _unpacked("uci-diabetes-readmission.tar.xz", tmp_path).rglob("diabetic_data.csv")
    rows = list(csv.DictReader(source.read_text("utf-8").splitlines()))[:6000]
    patients = sorted({row["patient_nbr"] for row in rows})[::3]
    held_out = [row for row in rows if row["patient_nbr"] in patients]
    rest = [row for row in rows if row["patient_nbr"] not in patients]
    trained, _, _ = readmission.train(table(tmp_path / "rest.csv", rest, [*rows[0]]), _said, tmp_path)
    publish(trained, "held-out", tmp_path / "trained")
    asked, answered = table(tmp_path / "in.csv", held_out, COLUMNS), tmp_path / "out.csv"
    assert command("readmission", *map(str, (asked, answered, "--model", tmp_path / "trained"))) == exits.OK
    found = [line.split(",") for line in answered.read_text("utf-8").splitlines()[1:]]
    assert [number for number, _ in found] == [row["encounter_id"] for row in held_out]
    back = np.array([row["readmitted"] == "<30" for row in held_out], np.int8)
    assert auroc(back, np.array([float(probability) for _, probability in found])) > 0.6


def test_held_out_stays_are_told_apart_by_a_model_of_other_stays(tmp_path: Path) -> None:
    files = sorted(_unpacked("physionet2019-setb.tar.xz", tmp_path / "all").rglob("*.psv"))[:1800]
    lines = {file.name: file.read_text("utf-8").splitlines() for file in files}
    labels = {name: [int(line.rpartition("|")[2]) for line in each[1:]] for name, each in lines.items()}
    chosen = [name for place, name in enumerate(lines) if any(labels[name]) or place % 4 == 0]
    held_out = chosen[::3]
    for folder in ("rest", "in"):
        (tmp_path / folder).mkdir()
    for name in chosen:
        bare = [line.rpartition("|")[0] for line in lines[name]]
        if name in held_out:
            (tmp_path / "in" / name).write_text("\n".join(bare), "utf-8")
        else:
            (tmp_path / "rest" / name).write_text("\n".join(lines[name]), "utf-8")
    trained, _, _ = sepsis.train(tmp_path / "rest", _said, tmp_path / "work")
    publish(trained, "held-out", tmp_path / "trained")
    folders = (tmp_path / "in", tmp_path / "out", "--model", tmp_path / "trained")
    assert command("sepsis", *map(str, folders)) == exits.OK
    found = {name: scores(tmp_path / "out" / name) for name in held_out}
    assert all(len(found[name]) == len(labels[name]) for name in held_out)
    seen = np.array([label for name in held_out for label in labels[name]], np.int8)
    assert auroc(seen, np.array([each for name in held_out for each, _ in found[name]])) > 0.7
    worths = [worth_of(np.array(labels[name], np.int8)) for name in held_out]
    alarms = [np.array([label for _, label in found[name]], bool) for name in held_out]
    assert normalised_utility(worths, alarms) > 0.3
