"""`local score-dataset`: every hour and encounter is answered, from what was known then, without the outcome."""

from __future__ import annotations

import argparse
import csv
import importlib
import os
import random
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from local import exits
from shared.domain.features.readmission import COLUMNS
from shared.domain.features.sepsis import chosen, sepsis_features
from shared.domain.models.shipped import shipped_model
from tests.unit.features.stays import as_psv, made_up_stay
from tests.unit.features.test_readmission_features import encounter

np = pytest.importorskip("numpy", reason="score-dataset was not tested: NumPy is in the group scoring")

REAL = Path(os.environ.get("GALEN_TEST_DATA", ""))
needs_real_data = pytest.mark.skipif(
    "GALEN_TEST_DATA" not in os.environ,
    reason="real stays and encounters were not scored: set GALEN_TEST_DATA to the folder with the archives",
)


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    module = importlib.import_module("local.cli.score_dataset")
    module.register(parser.add_subparsers())
    return int(module.run(parser.parse_args(["score-dataset", *map(str, arguments)])))


def scores(path: Path) -> list[tuple[float, int]]:
    head, *lines = path.read_text("utf-8").splitlines()
    assert head == "PredictedProbability|PredictedLabel"
    return [(float(line.split("|")[0]), int(line.split("|")[1])) for line in lines]


def table(path: Path, rows: Sequence[dict[str, str]], columns: Sequence[str] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def stays(tmp_path: Path) -> Path:
    """Three stays, at different depths; one still has its label."""
    folder = tmp_path / "in"
    for number, (where, hours) in enumerate((("a.psv", 1), ("deep/er/b.psv", 30), ("deep/c.psv", 12))):
        path = folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            as_psv(made_up_stay(number, hours), [0] * hours if where == "a.psv" else None), "utf-8"
        )
    return folder


def test_every_hour_of_every_stay_is_answered_by_a_file_of_the_same_name(stays: Path, tmp_path: Path) -> None:
    assert command("sepsis", str(stays), str(tmp_path / "out")) == exits.OK
    found = {path.name: scores(path) for path in (tmp_path / "out").iterdir()}
    assert {name: len(lines) for name, lines in found.items()} == {"a.psv": 1, "b.psv": 30, "c.psv": 12}
    point = shipped_model("sepsis").operating_point
    for lines in found.values():
        assert all(0 <= probability <= 1 for probability, _ in lines)
        assert all(label == (probability >= point) for probability, label in lines)


def test_the_command_gives_what_serving_gives(stays: Path, tmp_path: Path) -> None:
    command("sepsis", str(stays), str(tmp_path / "out"))
    model = shipped_model("sepsis")
    served = [
        model.predict(chosen(row, model.features)).probability for row in sepsis_features(made_up_stay(1, 30))
    ]
    assert [probability for probability, _ in scores(tmp_path / "out" / "b.psv")] == pytest.approx(
        served, abs=1e-9
    )


def test_shuffling_the_future_of_a_stay_changes_no_past_score(tmp_path: Path) -> None:
    stay, chance = made_up_stay(4, 30), random.Random(1)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "whole.psv").write_text(as_psv(stay), "utf-8")
    for now in (0, 9, 20):
        future = stay[now + 1 :]
        chance.shuffle(future)
        (tmp_path / "in" / f"until{now}.psv").write_text(as_psv(stay[: now + 1] + future), "utf-8")
    command("sepsis", str(tmp_path / "in"), str(tmp_path / "out"))
    whole = scores(tmp_path / "out" / "whole.psv")
    for now in (0, 9, 20):
        assert scores(tmp_path / "out" / f"until{now}.psv")[: now + 1] == whole[: now + 1]


def test_stays_of_one_name_keep_their_folders(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "p.psv").write_text(as_psv(made_up_stay(1, 3)), "utf-8")
    assert command("sepsis", str(tmp_path / "in"), str(tmp_path / "out")) == exits.OK
    assert (
        len(scores(tmp_path / "out" / "one" / "p.psv"))
        == len(scores(tmp_path / "out" / "two" / "p.psv"))
        == 3
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [("SepsisLabel|ICULOS\n0|1\n", "column HR is missing"), ("", "column HR is missing")],
)
def test_a_file_that_is_no_stay_is_named_and_the_others_are_scored(
    stays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (stays / "broken.psv").write_text(text, "utf-8")
    assert command("sepsis", str(stays), str(tmp_path / "out")) == exits.FINDING
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.psv", "b.psv", "c.psv"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "\ufeff" + text.replace("\n", "\r\n"), ""),
        (lambda text: text.replace("NaN", "NA"), ""),
        (lambda text: text.replace("NaN", "", 3), ""),
        (lambda text: text.replace("NaN", "low", 1), "line 2: a cell is no number"),
        (lambda text: text + "80|97\n", "2 cells instead of 40"),
        (
            lambda text: text.replace("HR|", "Pulse|", 1),
            "not in the first line, and counted as not measured: HR\n",
        ),
    ],
)
def test_every_hour_of_a_file_with_broken_lines_is_answered_and_what_is_broken_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[str], str], said: str
) -> None:
    (tmp_path / "in").mkdir()
    text = change(as_psv(made_up_stay(1, 4)))
    (tmp_path / "in" / "a.psv").write_bytes(text.encode())
    ended = command("sepsis", str(tmp_path / "in"), str(tmp_path / "out"))
    assert (ended == exits.FINDING) == bool(said)
    assert said in capsys.readouterr().err
    assert len(scores(tmp_path / "out" / "a.psv")) == len(text.splitlines()) - 1


def test_an_encounter_on_a_line_that_is_too_short_is_answered_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = table(tmp_path / "in.csv", [encounter()])
    source.write_text(source.read_text("utf-8") + "77,8\n", "utf-8")
    assert command("readmission", str(source), str(tmp_path / "out.csv")) == exits.FINDING
    assert "line 3: fewer cells than columns" in capsys.readouterr().err
    short = (tmp_path / "out.csv").read_text("utf-8").splitlines()[2]
    few = table(
        tmp_path / "few.csv", [{"encounter_id": "77", "patient_nbr": "8"}], ["encounter_id", "patient_nbr"]
    )
    assert command("readmission", str(few), str(tmp_path / "few.out")) == exits.FINDING
    assert "not in the first line, and counted as not known: gender, age" in capsys.readouterr().err
    assert (tmp_path / "few.out").read_text("utf-8").splitlines()[1] == short


@pytest.mark.parametrize("target", [".", "in.csv", "in.csv/out.csv"])
def test_scores_that_cannot_be_written_are_wrong_usage_and_the_input_stays(
    tmp_path: Path, target: str
) -> None:
    source = table(tmp_path / "in.csv", [encounter()])
    before = source.read_bytes()
    with pytest.raises(exits.CommandStopped) as stopped:
        command("readmission", str(source), str(tmp_path / target))
    assert stopped.value.exit_code == exits.USAGE
    assert source.read_bytes() == before


def test_stays_whose_scores_cannot_be_written_are_wrong_usage(stays: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", "utf-8")
    with pytest.raises(exits.CommandStopped, match="that can be written") as stopped:
        command("sepsis", str(stays), str(tmp_path / "out"))
    assert stopped.value.exit_code == exits.USAGE


@pytest.mark.parametrize(
    "arguments", [lambda at: (at / "nowhere", at / "out"), lambda at: (at / "in", at / "in")]
)
def test_wrong_usage_is_said(
    stays: Path, tmp_path: Path, arguments: Callable[[Path], tuple[Path, Path]]
) -> None:
    with pytest.raises(exits.CommandStopped) as stopped:
        command("sepsis", *map(str, arguments(tmp_path)))
    assert stopped.value.exit_code == exits.USAGE


def test_every_encounter_is_answered_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [
        encounter(encounter_id="30", patient_nbr="a", number_inpatient="0"),
        encounter(encounter_id="7", patient_nbr="a"),
        encounter(encounter_id="9", patient_nbr="b", diag_1="?"),
    ]
    out = tmp_path / "far" / "out.csv"
    assert command("readmission", str(table(tmp_path / "in.csv", rows)), str(out)) == exits.OK
    head, *lines = out.read_text("utf-8").splitlines()
    assert head == "encounter_id,probability"
    assert [line.split(",")[0] for line in lines] == ["30", "7", "9"]
    assert all(0 < float(line.split(",")[1]) < 1 for line in lines)


def test_neither_the_outcome_nor_a_later_encounter_changes_a_score(tmp_path: Path) -> None:
    first = encounter(encounter_id="7", patient_nbr="a")
    later = encounter(encounter_id="30", patient_nbr="a", number_inpatient="9")
    told = table(tmp_path / "told.csv", [first | {"readmitted": "<30"}, later], [*COLUMNS, "readmitted"])
    command("readmission", str(told), str(tmp_path / "told.out"))
    command("readmission", str(table(tmp_path / "alone.csv", [first])), str(tmp_path / "alone.out"))
    line = (tmp_path / "alone.out").read_text("utf-8").splitlines()[1]
    assert (tmp_path / "told.out").read_text("utf-8").splitlines()[1] == line


def test_what_is_odd_in_a_table_is_said_and_every_line_is_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = encounter(encounter_id="7", patient_nbr="a"), encounter(encounter_id="8", patient_nbr="a")
    odd = encounter(
        encounter_id="9", patient_nbr="b", number_inpatient="-3", insulin="much", A1Cresult="high"
    )
    rows = [first, second, first, second, odd, {**odd, "encounter_id": "10"}]
    assert (
        command("readmission", str(table(tmp_path / "in.csv", rows)), str(tmp_path / "out.csv")) == exits.OK
    )
    said = capsys.readouterr().err
    assert "2 encounters are there already" in said
    assert "count as not known: A1Cresult 2, insulin 2, number_inpatient 2" in said
    lines = (tmp_path / "out.csv").read_text("utf-8").splitlines()[1:]
    assert [line.partition(",")[0] for line in lines] == ["7", "8", "7", "8", "9", "10"]
    assert lines[:2] == lines[2:4]
    command("readmission", str(table(tmp_path / "once.csv", [first, second])), str(tmp_path / "once.out"))
    assert (tmp_path / "once.out").read_text("utf-8").splitlines()[1:] == lines[:2]


@pytest.mark.parametrize("unknown", ["?", "", " "])
def test_stays_without_a_number_are_history_of_each_other_and_none_is_there_already(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unknown: str
) -> None:
    stay = encounter(patient_nbr="a", number_inpatient="0", time_in_hospital="9")
    answers = {}
    for name, number in (("known.csv", "99"), ("unknown.csv", unknown)):
        rows = [
            stay | {"encounter_id": number},
            encounter(encounter_id="100" if number == "99" else unknown, patient_nbr="a"),
        ]
        assert (
            command("readmission", str(table(tmp_path / name, rows)), str(tmp_path / "out.csv")) == exits.OK
        )
        lines = (tmp_path / "out.csv").read_text("utf-8").splitlines()[1:]
        answers[name] = [line.partition(",")[2] for line in lines]
    assert answers["known.csv"] == answers["unknown.csv"]
    assert "there already" not in capsys.readouterr().err


@pytest.mark.parametrize("unknown", ["?", "", " "])
def test_encounters_of_patients_who_are_not_known_are_no_history_of_each_other(
    tmp_path: Path, unknown: str
) -> None:
    rows = [encounter(encounter_id=number, patient_nbr=unknown) for number in ("7", "8")]
    command("readmission", str(table(tmp_path / "in.csv", rows)), str(tmp_path / "out.csv"))
    first, second = (tmp_path / "out.csv").read_text("utf-8").splitlines()[1:]
    assert first.partition(",")[2] == second.partition(",")[2]


def test_a_table_of_windows_is_read_as_any_other(tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", [encounter()])
    command("readmission", str(source), str(tmp_path / "plain.csv"))
    source.write_bytes(b"\xef\xbb\xbf" + source.read_bytes())
    assert command("readmission", str(source), str(tmp_path / "bom.csv")) == exits.OK
    assert (tmp_path / "bom.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_values_that_no_patient_has_and_hours_out_of_order_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stay = made_up_stay(1, 4)
    stay[1] = (900.0, *stay[1][1:])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.psv").write_text(as_psv([stay[0], stay[1], stay[3], stay[2], stay[2]]), "utf-8")
    assert command("sepsis", str(tmp_path / "in"), str(tmp_path / "out")) == exits.OK
    said = capsys.readouterr().err
    assert "values that no patient has count as not measured: HR 1\n" in said
    assert "2 hours do not follow the one before by ICULOS" in said
    assert len(scores(tmp_path / "out" / "a.psv")) == 5


def test_hours_of_which_nothing_is_known_and_a_file_of_a_header_alone_are_answered(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    head, *lines = as_psv(made_up_stay(1, 3)).splitlines()
    nothing = "|".join(["NaN"] * len(head.split("|")))
    (tmp_path / "in" / "nothing.psv").write_text("\n".join([head, *[nothing] * len(lines)]), "utf-8")
    (tmp_path / "in" / "none.psv").write_text(head + "\n", "utf-8")
    assert command("sepsis", str(tmp_path / "in"), str(tmp_path / "out")) == exits.OK
    assert all(0 < probability < 1 for probability, _ in scores(tmp_path / "out" / "nothing.psv"))
    assert (len(scores(tmp_path / "out" / "nothing.psv")), scores(tmp_path / "out" / "none.psv")) == (3, [])


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("encounter_id\n1\n", "utf-8")
    with pytest.raises(exits.CommandStopped, match="column patient_nbr is missing"):
        command("readmission", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"))


@needs_real_data
@pytest.mark.slow
def test_real_stays_are_told_apart(tmp_path: Path) -> None:
    from spark.training.metrics import auroc

    labels: dict[str, list[int]] = {}
    (tmp_path / "in").mkdir()
    with tarfile.open(REAL / "physionet2019-setb.tar.xz") as archive:
        for member in archive:
            if not member.name.endswith(".psv"):
                continue
            lines = archive.extractfile(member).read().decode().splitlines()  # type: ignore[union-attr]
            name = Path(member.name).name
            labels[name] = [int(line.rsplit("|", 1)[1]) for line in lines[1:]]
            (tmp_path / "in" / name).write_text("\n".join(line.rsplit("|", 1)[0] for line in lines), "utf-8")
            if len(labels) == 600:
                break
    assert command("sepsis", str(tmp_path / "in"), str(tmp_path / "out")) == exits.OK
    found = {name: scores(tmp_path / "out" / name) for name in labels}
    assert all(len(found[name]) == len(labels[name]) for name in labels)
    seen = np.array([label for name in labels for label in labels[name]], np.int8)
    assert auroc(seen, np.array([p for name in labels for p, _ in found[name]])) > 0.85


@needs_real_data
@pytest.mark.slow
def test_real_encounters_are_told_apart_and_calibrated(tmp_path: Path) -> None:
    from spark.training.metrics import auroc, calibration_error

    with tarfile.open(REAL / "uci-diabetes-readmission.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    source = next(tmp_path.rglob("diabetic_data.csv"))
    rows = list(csv.DictReader(source.read_text("utf-8").splitlines()))[:8000]
    assert (
        command("readmission", str(table(tmp_path / "in.csv", rows)), str(tmp_path / "out.csv")) == exits.OK
    )
    lines = (tmp_path / "out.csv").read_text("utf-8").splitlines()[1:]
    found = np.array([float(line.split(",")[1]) for line in lines])
    seen = np.array([row["readmitted"] == "<30" for row in rows], np.int8)
    assert auroc(seen, found) > 0.66
    assert calibration_error(seen, found) < 0.03
