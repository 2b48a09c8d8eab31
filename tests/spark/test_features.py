"""The feature store against the service: the same facts at an instant, the same values to the last digit."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="not tested: the feature store, which needs the lake group")
pytest.importorskip("deltalake", reason="not tested: the feature store, which needs the lake group")
pytest.importorskip("pandas", reason="not tested: the feature store, which needs pandas")

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from shared.domain.features.patient.facts import Fact
from shared.domain.features.patient.features import FEATURES, vector
from shared.domain.features.patient.known import SET_ASIDE, Clock, known
from shared.domain.fhir.dates import parse_instant
from shared.domain.models.lake_layout import artefact_path
from shared.domain.models.shipped import shipped_model
from shared.domain.onset.cohort import lacking
from shared.domain.onset.risk import checked
from shared.domain.stays.assessment import said_by
from shared.domain.stays.sepsis_risk import checked as checked_for_sepsis
from tests.spark.feature_lake import CALLER, FeatureLake, facts_in, in_order

DISCHARGED = datetime(2026, 1, 13, 8, tzinfo=UTC)
"""When a stay of the lake ended."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


class Made:
    """The lake after the job ran for both instants, twice for the second, and once by the source's clock."""

    def __init__(self, spark: Any, lake: FeatureLake) -> None:
        from spark.jobs import model_watch, predictions
        from spark.jobs.context import RunContext
        from spark.jobs.features import run
        from spark.paths import LakeRoot

        self.lake = lake
        self.champion = lake.publish("onset", version="next")
        root = LakeRoot(str(lake.root))
        self.context = RunContext(spark, root, as_of=(lake.first, lake.second))
        self.reports = list(run(self.context))
        self.again = list(run(RunContext(spark, root, as_of=(lake.second,))))
        self.of_the_source = list(run(RunContext(spark, root, as_of=(lake.first,), known_by=Clock.SOURCE)))
        self.predicted = [each.rows for each in predictions.run(self.context)]
        lake.older_version_arrives()
        self.predicted += [each.rows for each in predictions.run(self.context)]
        self.watched = list(model_watch.run(self.context))
        self.rows = lake.table("features_patients")
        self.predictions = lake.table("features_predictions")
        self.figures = lake.table("features_model_watch")
        stays = RunContext(spark, root, known_by=Clock.SOURCE, at_discharges=True)
        self.of_discharges = [report.rows for report in run(stays)]
        self.at_discharges = lake.table("features_at_discharges")
        discharge = RunContext(spark, root, as_of=(DISCHARGED,), known_by=Clock.SOURCE)
        self.at_one = [report.rows for report in run(discharge)]
        with lake.no_stay_ended():
            list(run(stays))
        self.after_a_correction = lake.table("features_at_discharges")

    def row(self, patient_id: str, as_of: datetime, by: Clock = Clock.PLATFORM) -> dict[str, Any] | None:
        found = [
            row
            for row in self.rows
            if (row["patient_id"], row["as_of"], row["known_by"]) == (patient_id, as_of, by)
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def seen_by_spark(self, as_of: datetime) -> dict[str, list[dict[str, Any]]]:
        from spark.features.facts import facts

        seen = facts(self.context, as_of, as_it_was=True)
        assert seen.notes == []
        found: dict[str, list[dict[str, Any]]] = {}
        for row in seen.frame.toArrow().to_pylist():
            found.setdefault(row["patient_id"], []).append(row)
        return found


@pytest.fixture(scope="module")
def made(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(spark, FeatureLake(tmp_path_factory.mktemp("features") / "lake"))


def _values(row: dict[str, Any]) -> dict[str, float]:
    return {each.name: math.nan if row[each.name] is None else row[each.name] for each in FEATURES}


def _set_aside(fact: Fact, patient: Fact, as_of: datetime) -> bool:
    """Whether silver has set the fact aside: what the service names, the lake has in quarantine."""
    found = known([patient, fact], as_of)
    return found is not None and any(reason in SET_ASIDE for reason, _ in found.not_counted)


@pytest.mark.everything
def test_both_see_the_same_facts_though_some_were_corrected_since(made: Made) -> None:
    as_of = made.lake.first
    seen = made.seen_by_spark(as_of)
    aside = 0
    for patient_id in made.lake.patients():
        served = in_order(made.lake.served(patient_id, as_of))
        kept = [fact for fact in served if not _set_aside(fact, served[-1], as_of)]
        assert facts_in(seen.get(patient_id, [])) == kept
        aside += len(served) - len(kept)
    assert aside == 2
    assert sum(map(len, seen.values())) > 40


def test_both_compute_the_same_to_the_last_digit(made: Made) -> None:
    compared = 0
    for as_of in (made.lake.first, made.lake.second):
        for patient_id in made.lake.patients():
            served = known(made.lake.served(patient_id, as_of), as_of)
            row = made.row(patient_id, as_of)
            assert (served is None) == (row is None)
            if served is not None and row is not None:
                assert str(_values(row)) == str(vector(served))
                assert row["events"] == len(served.events)
                counted = [(each["reason"], each["facts"]) for each in row["not_counted"]]
                assert counted == [each for each in served.not_counted if each[0] not in SET_ASIDE]
                compared += 1
    assert compared == 2 * len(made.lake.patients()) - 1


def test_a_row_says_what_was_known_then_and_not_what_is_known_now(made: Made) -> None:
    both = [
        [row for row in made.rows if row["as_of"] == as_of and row["not_counted"] and row["known_by"] == "platform"]
        for as_of in (made.lake.first, made.lake.second)
    ]  # fmt: skip
    (before,) = (row for row in both[0] if {"reason": "unknown-unit", "facts": 1} in row["not_counted"])
    (after,) = (row for row in both[1] if row["patient_id"] == before["patient_id"])
    assert (before["glucose_latest"], after["glucose_latest"]) == (99, 140)
    assert (before["glucose_highest_730d"], after["glucose_highest_730d"]) == (6.1 * 18.016, 140)
    assert (before["has_prediabetes"], after["has_prediabetes"]) == (1, 0)


def test_an_instant_that_the_store_has_is_left_alone(made: Made) -> None:
    assert [report.rows for report in made.again] == [0]
    assert [report.rows for report in made.reports] == [
        len(made.lake.patients()) - 1,
        len(made.lake.patients()),
    ]


def test_the_sources_clock_is_a_row_of_its_own(made: Made) -> None:
    assert [report.rows for report in made.of_the_source] == [len(made.lake.patients())]
    patient_id = made.lake.patients()[0]
    assert made.row(patient_id, made.lake.first, Clock.SOURCE) is not None
    assert made.row(patient_id, made.lake.first) is not None


def test_at_discharges_a_patient_has_rows_of_the_ends_of_its_own_stays(made: Made) -> None:
    rows = made.at_discharges
    assert made.of_discharges == [len(rows)]
    (row,) = (row for row in rows if row["as_of"] == DISCHARGED)
    served = in_order(made.lake.served(row["patient_id"], made.lake.second))
    kept = [fact for fact in served if not _set_aside(fact, served[-1], made.lake.second)]
    seen = known(kept, DISCHARGED, Clock.SOURCE)
    assert seen is not None
    assert str(_values(row)) == str(vector(seen))
    assert (row["known_by"], row["inpatient_encounters_365d"]) == (Clock.SOURCE, 1)


def test_the_instant_of_a_discharge_is_not_taken_for_one_that_was_asked_for(made: Made) -> None:
    assert made.at_one == [len(made.lake.patients())]


def test_a_discharge_that_was_corrected_away_has_no_row_after_the_next_run(made: Made) -> None:
    assert made.at_discharges
    assert made.after_a_correction == []


def test_each_row_of_the_store_is_asked_about_once_where_the_model_is_meant_for_the_patient(
    made: Made,
) -> None:
    meant = {
        (row["patient_id"], row["as_of"], row["known_by"])
        for row in made.rows
        if not lacking(_values(row), deceased=row["deceased"])
    }
    said = {(row["patient_id"], row["as_of"], row["known_by"]) for row in made.predictions}
    assert said > meant
    assert len(said - meant) == 1
    assert made.predicted == [len(meant) + 1, 0]
    assert len(meant) >= 3


def test_a_prediction_by_schedule_is_the_one_on_request(made: Made) -> None:
    instants = (made.lake.first, made.lake.second)
    mine = [row for row in made.predictions if row["known_by"] == Clock.PLATFORM and row["as_of"] in instants]
    for row in mine:
        asked = made.lake.world.risk.assess(CALLER, row["patient_id"], "onset", row["as_of"])
        said = asked["prediction"][0]
        assert said["probabilityDecimal"] == round(row["probability"], 6)
        assert said["qualitativeRisk"]["coding"][0]["code"] == row["band"]
        assert [each["feature"] for each in row["reasons"]] == [each["feature"] for each in _reasons(asked)]
        assert [_dated(each) for each in row["reasons"]] == [_dated(each) for each in _reasons(asked)]
    assert mine
    assert any(str(each["resource"]).startswith("Observation/") for row in mine for each in row["reasons"])


def _reasons(risk: dict[str, Any]) -> list[dict[str, Any]]:
    """What moved a risk, its dates as a table has them."""
    said = said_by(risk)
    assert said is not None
    return [
        {**each, "measured": each["measured"] and parse_instant(each["measured"])} for each in said["reasons"]
    ]


def _dated(reason: dict[str, Any]) -> tuple[Any, Any]:
    return reason["measured"], reason["resource"]


def test_a_table_of_the_release_before_goes_on_and_its_rows_have_no_dates(spark: Any, tmp_path: Path) -> None:
    from spark.features.predictions import PREDICTIONS
    from spark.jobs.stops import SchemaRefused
    from spark.jobs.tables import merge_newer, open_declared
    from spark.plain.arrow_types import arrow_schema
    from spark.schemas.struct import struct_of

    *others, reasons = sorted(PREDICTIONS.columns, key=lambda each: each.name == "reasons")
    short = replace(reasons, ddl="ARRAY<STRUCT<feature: STRING, value: DOUBLE, log_odds: DOUBLE>>")
    columns = tuple(short if each is reasons else each for each in PREDICTIONS.columns)
    key = {name: "x" for name in PREDICTIONS.key if name != "as_of"} | {
        "as_of": datetime(2026, 1, 1, tzinfo=UTC)
    }
    old = {**dict.fromkeys(each.name for each in others), **key, "patient_id": "old"}
    old["reasons"] = [{"feature": "age_years", "value": 60.0, "log_odds": 0.1}]
    uri = f"file:{tmp_path}"
    write_deltalake(
        tmp_path, pa.Table.from_pylist([old], arrow_schema(replace(PREDICTIONS, columns=columns)))
    )
    target, notes = open_declared(spark, uri, PREDICTIONS)
    assert notes == ["new column reasons.measured", "new column reasons.resource"]
    dates = {"measured": datetime(2025, 12, 1, tzinfo=UTC), "resource": "Patient/p/_history/1"}
    new = {**old, "patient_id": "new", "reasons": [{**old["reasons"][0], **dates}]}
    row = tuple(new[name] for name in struct_of(PREDICTIONS).names)
    merge_newer(target, spark.createDataFrame([row], struct_of(PREDICTIONS)), PREDICTIONS.key, "true")
    found = {row["patient_id"]: row["reasons"] for row in DeltaTable(tmp_path).to_pyarrow_table().to_pylist()}
    assert found == {
        "old": [{**old["reasons"][0], "measured": None, "resource": None}],
        "new": new["reasons"],
    }
    assert open_declared(spark, uri, PREDICTIONS)[1] == []
    other = replace(reasons, ddl="ARRAY<STRUCT<feature: STRING, value: STRING, log_odds: DOUBLE>>")
    with pytest.raises(SchemaRefused, match="the type of reasons was changed"):
        open_declared(spark, uri, replace(PREDICTIONS, columns=(*others, other)))


def test_the_champion_in_the_lake_is_asked_and_watched(made: Made) -> None:
    live = said_by(made.lake.live)
    assert live is not None
    by_schedule = [row for row in made.predictions if row["as_of"] != live["as_of"]]
    assert {(row["model_version"], row["model_sha256"]) for row in by_schedule} == {("next", made.champion)}
    assert {row["model_sha256"] for row in made.figures} == {made.champion}


def test_a_champion_that_was_tampered_with_is_refused_and_told(made: Made) -> None:
    from spark.features.champion import champion

    path = made.lake.root / artefact_path("onset", made.champion)
    packed = path.read_bytes()
    path.write_bytes(packed + b" ")
    model, (note,) = champion(made.context, "onset", checked)
    path.write_bytes(packed)
    assert model.sha256 == shipped_model("onset").sha256
    assert "SHA-256" in note
    assert champion(made.context, "onset", checked)[0].sha256 == made.champion
    assert champion(made.context, "sepsis", checked_for_sepsis)[1] == []


def test_what_a_model_said_live_is_a_prediction_too(made: Made) -> None:
    wanted = said_by(made.lake.live)
    assert wanted is not None
    (row,) = (row for row in made.predictions if row["as_of"] == wanted["as_of"])
    wanted["reasons"] = _reasons(made.lake.live)
    assert any(each["measured"] for each in wanted["reasons"])
    # and not what an older version said, which came later
    assert {name: row[name] for name in wanted} == wanted
    assert (row["tenant"], row["known_by"]) == (CALLER.tenant, Clock.PLATFORM)


def test_each_week_has_its_figures_with_their_bounds(made: Made) -> None:
    kinds = {row["kind"] for row in made.figures}
    assert {"drift", "burden"} <= kinds
    assert {row["subject"] for row in made.figures} > {"age_years", "probability"}
    beyond = [row for row in made.figures if row["out_of_bounds"]]
    assert all(row["kind"] != "drift" or row["value"] > row["high"] for row in beyond)
    (report,) = made.watched
    assert report.rows == len(made.figures)


def test_live_forecasts_are_judged_by_the_hour_against_what_was_diagnosed_within_six(made: Made) -> None:
    from spark.features.live_watch import LIVE, live_watch_rows
    from spark.features.predictions import PREDICTIONS
    from spark.schemas.struct import struct_of

    sepsis, model = LIVE[0], shipped_model("sepsis")
    monday = datetime(2026, 3, 30, 8, tzinfo=UTC)

    def said(patient: str, at: datetime, probability: float, heart_rate: float) -> dict[str, Any]:
        return {
            "tenant": "t", "patient_id": patient, "model": "sepsis", "model_version": model.version,
            "model_sha256": model.sha256, "as_of": at, "known_by": "platform", "probability": probability,
            "alert": probability > 0.3, "inputs": [{"name": "HR", "value": heart_rate}],
        }  # fmt: skip

    hour = timedelta(hours=1)
    rows = [
        said("ill", monday + hour / 4, 0.9, 80.0),
        said("ill", monday + hour / 2, 0.5, 130.0),  # the last one of its hour counts
        said("ill", monday + 3 * hour, 0.6, 130.0),  # the diagnosis is on record by then
        said("well", monday, 0.1, 75.0),
        said("well", monday + 30 * hour, 0.1, 75.0),  # six hours after it are not over
    ]
    spark = made.context.spark
    predictions = spark.createDataFrame(
        [tuple(row.get(name) for name in struct_of(PREDICTIONS).names) for row in rows],
        struct_of(PREDICTIONS),
    )
    events = spark.createDataFrame(
        [("t", "ill", [monday + 2 * hour])], "tenant STRING, patient_id STRING, happened ARRAY<TIMESTAMP>"
    )
    found = live_watch_rows(sepsis, predictions, events, monday + 31 * hour, model).collect()
    [calibration] = [row for row in found if row["kind"] == "calibration"]
    assert (calibration["value"], calibration["rows"]) == (pytest.approx(0.3), 2)
    [burden] = [row for row in found if row["kind"] == "burden"]
    assert (burden["subject"], burden["value"], burden["rows"]) == ("hours flagged", 0.5, 4)
    drift = {row["subject"]: row["value"] for row in found if row["kind"] == "drift"}
    assert drift.keys() == model.tables["reference"].keys()
    assert {row["week_on"].isoformat() for row in found} == {"2026-03-30"}
