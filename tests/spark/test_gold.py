"""Gold over real Synthea patients and real adverse event reports, against a second road, and kept up by increments."""

from __future__ import annotations

import math
import shutil
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="not tested: gold, which needs Spark")
pytest.importorskip("pyarrow", reason="not tested: gold, which needs the lake group")
pytest.importorskip("deltalake", reason="not tested: gold, which needs the lake group")

from deltalake import DeltaTable

from spark.schemas.silver import BY_NAME as SILVER
from tests.spark import second_road as second
from tests.spark import second_road_groups as second_groups
from tests.spark import second_road_people as second_people
from tests.spark import second_road_rows as second_rows
from tests.spark.conftest import RawLake
from tests.spark.gold_lake import GoldLake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def made(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> GoldLake:
    return GoldLake(spark, RawLake(tmp_path_factory.mktemp("gold") / "lake"))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        # The bound of a share of nothing is zero, or what is left of it after two roundings.
        return None if math.isnan(value) else float(f"{value:.9g}") if abs(value) > 1e-12 else 0.0
    if hasattr(value, "hour"):
        return value.astimezone(UTC).isoformat()[:19]
    return value


def _multiset(rows: Any) -> list[str]:
    return sorted(repr(tuple(_plain(each) for each in row)) for row in rows)


def assert_same(found: list[dict[str, Any]], columns: str, expected: Any) -> None:
    rows = [tuple(row[name] for name in columns.split()) for row in found]
    assert rows
    assert _multiset(rows) == _multiset(expected)


def test_encounters_per_condition_by_both_roads(made: GoldLake) -> None:
    columns = "condition_code age_group encounters patients"
    found = made.gold("encounters_per_condition_and_age")
    assert_same(found, columns, second.encounters_per_condition(made.sample))


def test_patient_journeys_by_both_roads(made: GoldLake) -> None:
    columns = (
        "condition_code condition_display records diagnosed_at first_encounter_at first_medication_at first_medication "
        "encounters_before_treatment encounters_after_treatment resolved_at days_to_medication days_to_resolution died_at"
    )
    names = "code display records diagnosed first treated medication before after resolved to_medication to_resolution died"
    expected = [tuple(each[name] for name in names.split()) for each in second.journeys(made.sample)]
    assert_same(made.gold("patient_journeys"), columns, expected)


def test_average_journeys_by_both_roads(made: GoldLake) -> None:
    columns = (
        "condition_code patients treated resolved mean_days_to_medication mean_encounters_before_treatment "
        "mean_encounters_after_treatment mean_days_to_resolution median_days_to_resolution treated_share treated_low "
        "treated_high usual_first_medication"
    )
    expected = second.journey_averages(second.journeys(made.sample))
    assert_same(made.gold("journey_by_condition"), columns, expected)


def test_surveillance_counts_by_both_roads(made: GoldLake) -> None:
    columns = "condition_code place on cases"
    assert_same(made.gold("surveillance_counts"), columns, second.surveillance_counts(made.sample))


def test_operations_by_both_roads(made: GoldLake) -> None:
    columns = "class_code on admissions discharges census mean_stay_days occupied occupancy"
    assert_same(made.gold("operations_daily"), columns, second.operations(made.sample))


def test_costs_by_both_roads(made: GoldLake) -> None:
    assert_same(made.gold("encounter_costs"), "class_code on claims claimed", second.costs(made.sample))


def test_prevalence_by_both_roads_small_cells_hidden(made: GoldLake) -> None:
    columns = "condition_code dimension stratum people suppressed cases rate low high"
    found = made.gold("prevalence")
    assert_same(found, columns, second_people.prevalence(made.sample))
    assert not [row for row in found if row["cases"] is not None and 0 < row["cases"] < 5]


def test_means_by_both_roads(made: GoldLake) -> None:
    columns = "measured_code dimension stratum people mean deviation"
    assert_same(made.gold("group_means"), columns, second_people.means(made.sample))


def test_quality_rows_by_both_roads(made: GoldLake) -> None:
    columns = "measure condition_code month value in_denominator in_numerator excluded"
    assert_same(made.gold("quality_rows"), columns, second_rows.quality_rows(made.sample))


def test_quality_measures_add_up_to_their_rows(made: GoldLake) -> None:
    rows, measures = made.gold("quality_rows"), made.gold("quality_measures")
    for measure in ("stay", "readmission", "adherence", "latency"):
        mine = [row for row in rows if row["measure"] == measure]
        summed = [row for row in measures if row["measure"] == measure]
        known = [row for row in mine if row["in_denominator"] and row["known_on"] <= made.sample.as_of]
        assert sum(row["denominator"] for row in summed) == len(known)
        assert sum(row["numerator"] for row in summed) == sum(row["in_numerator"] for row in known)
        assert sum(row["excluded"] for row in summed) == sum(row["excluded"] is not None for row in mine)


def test_outcomes_by_both_roads(made: GoldLake) -> None:
    columns = (
        "condition_code treatment patients resolved died hospitalised readmitted mean_days_to_resolution "
        "median_days_to_resolution mean_days_to_death median_days_to_death resolved_share resolved_low resolved_high "
        "died_share died_low died_high readmitted_share readmitted_low readmitted_high"
    )
    expected = second_groups.outcomes(made.sample, second.journeys(made.sample))
    assert_same(made.gold("treatment_outcomes"), columns, expected)


def test_cohorts_by_both_roads(made: GoldLake) -> None:
    columns = "cohort entered_on left_on left_because"
    assert_same(made.gold("cohort_members"), columns, second_groups.cohorts(made.sample))


def test_use_of_practitioners_and_procedures_by_both_roads(made: GoldLake) -> None:
    columns = "month encounters patients hours"
    assert_same(made.gold("practitioner_activity"), columns, second_groups.practitioners(made.sample))
    columns = "month procedure_code procedures patients"
    assert_same(made.gold("procedure_use"), columns, second_groups.procedures(made.sample))


def test_cost_by_class_by_both_roads(made: GoldLake) -> None:
    columns = "class_code year encounters patients claimed mean_per_encounter mean_per_patient"
    assert_same(made.gold("cost_by_class"), columns, second_groups.costs_by_class(made.sample))


def test_top_conditions_by_both_roads(made: GoldLake) -> None:
    columns = "age_group rank condition_code cases people"
    expected = second_groups.top_conditions(second_people.prevalence(made.sample))
    rows = [tuple(row[name] for name in columns.split()) for row in made.gold("top_conditions")]
    # Of so few patients no cell is large enough to be shown: both roads hide all of them.
    assert _multiset(rows) == _multiset(expected)


def test_surveillance_flags_by_both_roads(made: GoldLake) -> None:
    columns = "condition_code place on cases c1 c2 c3 cusum c1_alarm c2_alarm c3_alarm cusum_alarm"
    expected = second_groups.flags(second.surveillance_counts(made.sample))
    assert_same(made.gold("surveillance_flags"), columns, expected)


def test_a_change_does_its_patients_anew_and_no_other(made: GoldLake) -> None:
    from spark.gold.registry import BY_NAME

    for name in made.kept_up:
        if BY_NAME[name].unit == "patient_id":
            touched = made.touched_by(BY_NAME[name].inputs)
            rows = made.stored(name)
            assert made.second_run[name] == sum(row["patient_id"] in touched for row in rows) < len(rows)


def test_what_two_runs_left_is_what_one_over_everything_gives(made: GoldLake) -> None:
    for name in made.kept_up:
        stored, whole = made.stored(name), made.gold(name)
        assert _multiset(row.values() for row in stored) == _multiset(row.values() for row in whole), name


@pytest.mark.everything
def test_spark_does_the_conditions_of_changed_patients_anew_and_no_other(
    made: GoldLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spark.gold.registry import BY_NAME
    from spark.jobs import changed_units, gold, gold_inputs
    from spark.paths import LakeRoot

    counts = BY_NAME["surveillance_counts"]
    for path in (counts.declared.path, *(SILVER[name].path for name in counts.inputs)):
        shutil.copytree(made.raw.root / path, tmp_path / path)
    max((tmp_path / counts.declared.path / "_delta_log").glob("*.json")).unlink()  # what the second run wrote
    for module in (changed_units, gold, gold_inputs):  # as of a lake that is no folder
        monkeypatch.setattr(module, "can_read_files", lambda _: False)
    monkeypatch.setattr(gold.GoldJob, "_session", lambda _: made.session)  # it compiles nothing
    (report,) = gold.GoldJob(made.session, LakeRoot(str(tmp_path))).run_all((counts,))
    assert 0 < report.rows == made.second_run["surveillance_counts"] < report.total
    stored = DeltaTable(tmp_path / counts.declared.path).to_pyarrow_table().to_pylist()
    both = (stored, made.stored("surveillance_counts"))
    assert len({str(_multiset(row.values() for row in rows)) for rows in both}) == 1


def test_a_table_whose_inputs_did_not_change_is_left_alone(made: GoldLake) -> None:
    assert made.second_run["adverse_event_lines"] == 0


def test_adverse_event_reports_have_exactly_the_published_columns(made: GoldLake) -> None:
    from spark.gold.safety_reports import EXACT

    if not made.reports:
        pytest.skip("not tested: real adverse event reports, which GALEN_TEST_DATA would hold")
    assert [f"{column.name} {column.ddl}" for column in EXACT.columns] == [
        "safetyreportid STRING",
        "transmissiondate_converted DATE",
        "patientonsetage INT",
        "patientsex INT",
        "reaction.reactionmeddrapt STRING",
        "drug_name STRING",
        "drug_characterization INT",
        "drug_indication STRING",
        "is_overdose BOOLEAN",
    ]
    wanted = [
        (
            report["safetyreportid"],
            reaction["reactionmeddrapt"],
            drug["medicinalproduct"],
            int(drug["drugcharacterization"]),
        )
        for report in made.reports
        for reaction in report["patient"]["reaction"]
        for drug in report["patient"]["drug"]
    ]
    columns = "safetyreportid reaction.reactionmeddrapt drug_name drug_characterization"
    assert_same(made.gold("patient_adverse_event_report"), columns, wanted)


def test_drug_safety_by_both_roads(made: GoldLake) -> None:
    if not made.reports:
        pytest.skip("not tested: real adverse event reports, which GALEN_TEST_DATA would hold")
    for name, columns, expected in (
        ("reactions_by_drug", "drug_key reaction_key reports suspected_in", second_rows.reactions_by_drug),
        ("ages_per_reaction", "reaction_key age_group reports mean_age", second_rows.ages_per_reaction),
        ("overdose_trend", "month reports overdoses rate low high", second_rows.overdoses),
        (
            "safety_signals",
            "drug_key reaction_key a b c d prr ror ror_low ror_high chi_square is_anomaly",
            second_rows.signals,
        ),
    ):
        assert_same(made.gold(name), columns, expected(made.reports))
