"""No patient is on both sides of a split, and no outcome finds its way into its own features."""

from __future__ import annotations

from pathlib import Path

import pytest

np = pytest.importorskip("numpy", reason="the splits were not tested: NumPy is in the group scoring")

from local.datasets.encounters import with_earlier  # noqa: E402
from local.training.checkpoints import Checkpoints  # noqa: E402
from local.training.rates import rates_for_others, rates_of  # noqa: E402
from shared.domain.features.readmission import OVERALL  # noqa: E402
from spark.training.folds import patient_folds  # noqa: E402
from tests.unit.features.test_readmission_features import encounter  # noqa: E402


def test_all_rows_of_a_patient_are_in_one_fold_and_events_are_shared_out() -> None:
    patients = [f"p{number // 3}" for number in range(300)]
    labels = np.array([number % 30 == 0 for number in range(300)], np.int8)
    folds = patient_folds(patients, labels, 5, seed=1)
    assert all(len({folds[row] for row in range(300) if patients[row] == name}) == 1 for name in patients)
    assert [int(labels[folds == fold].sum()) for fold in range(5)] == [2] * 5


def test_a_rare_value_keeps_close_to_the_overall_rate() -> None:
    rows = [encounter(diag_1="428") for _ in range(400)] + [encounter(diag_1="999")]
    labels = np.array([number % 10 == 0 for number in range(400)] + [1], np.int8)
    rates = rates_of(rows, labels)["diag_1"]
    assert rates["428"] == pytest.approx(0.1, abs=0.01)
    assert rates["999"] == pytest.approx(rates[OVERALL], abs=0.01)


def test_the_rates_for_a_fold_do_not_know_its_outcomes() -> None:
    rows = [encounter(diag_1="428") for _ in range(100)]
    folds = np.arange(100) % 2
    labels = (folds == 0).astype(np.int8)
    assert rates_for_others(rows, labels, folds)[0]["diag_1"]["428"] == 0.0
    assert rates_for_others(rows, labels, folds)[1]["diag_1"]["428"] == 1.0


def test_what_is_known_of_a_patient_is_what_came_before() -> None:
    rows = [
        encounter(encounter_id="30", patient_nbr="a"),
        encounter(encounter_id="7", patient_nbr="a"),
        encounter(encounter_id="9", patient_nbr="b"),
        encounter(encounter_id="200", patient_nbr="a"),
    ]
    before = {place: [each["encounter_id"] for each in earlier] for place, earlier in with_earlier(rows)}
    assert before == {0: ["7"], 1: [], 2: [], 3: ["7", "30"]}


def test_encounters_without_a_number_are_not_one_encounter() -> None:
    unknown = [
        encounter(encounter_id=number, patient_nbr="a", diag_1=code)
        for number, code in (("?", "1"), ("", "2"), ("?", "3"), (" ", "4"))
    ]
    rows = [encounter(encounter_id="7", patient_nbr="a", diag_1="5"), *unknown]
    before = {place: [each["diag_1"] for each in earlier] for place, earlier in with_earlier(rows)}
    assert before == {0: ["1", "2", "3", "4"], 1: [], 2: ["1"], 3: ["1", "2"], 4: ["1", "2", "3"]}


def test_a_finished_step_is_not_made_again_and_other_settings_do_not_meet_it(tmp_path: Path) -> None:
    made = []

    def make():  # type: ignore[no-untyped-def]
        made.append(1)
        return np.arange(3.0)

    first = Checkpoints(tmp_path, key=["data", 1])
    assert first.get("step", make).tolist() == first.get("step", make).tolist() == [0, 1, 2]
    Checkpoints(tmp_path, key=["data", 2]).get("step", make)
    assert len(made) == 2
