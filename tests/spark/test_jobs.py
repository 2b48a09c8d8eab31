"""The jobs on a lake of landed lines: raw to bronze, silver and gold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deltalake", reason="not tested: the lake's tables, which need the lake group")

from shared.names import TABLES

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-05-17"}
HELD = {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}}
WEIGHT = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2020-02-03T10:00:00+02:00",
    "valueQuantity": {"value": 150, "unit": "lb", "system": "http://unitsofmeasure.org", "code": "[lb_av]"},
}


def encounter(id_: str, start: str, **more: Any) -> dict[str, Any]:
    return HELD | {"id": id_, "subject": {"reference": "Patient/p1"}, "period": {"start": start}} | more


def condition(id_: str, encounter_id: str, code: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": id_,
        "code": {
            "coding": [{"system": "http://snomed.info/sct", "code": code, "display": f"name of {code}"}]
        },
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": f"Encounter/{encounter_id}"},
    } | more


def unchecked(_resource: Any) -> list[Any]:
    """The rules of the doors, where they are not what is tried: none."""
    return []


class Jobs:
    """The jobs as the command runs them, and the tables as an analyst reads them."""

    def __init__(self, spark: Any, root: Any, validate: Callable[[Any], list[Any]] = unchecked) -> None:
        from spark.jobs.bronze import BronzeJob
        from spark.jobs.context import RunContext
        from spark.paths import LakeRoot

        self.spark = spark
        self.lake = LakeRoot(str(root))
        self.context = RunContext(spark, self.lake)
        self._few = self.context.few
        self._new_job = lambda: BronzeJob(self.context, validate)

    def go_by_spark(self, yes: bool = True) -> None:
        """Whether from now on everything is planned by Spark, however few rows are new."""
        self.context = replace(self.context, few=0 if yes else self._few)

    def bronze(self) -> Any:
        return self._new_job()

    def take(self) -> Any:
        """Bronze; the report of its resources."""
        return next(iter(list(self.bronze().run())))

    def silver(self, *names: str) -> dict[str, Any]:
        """Bronze, then only the silver tables a test looks at; the report of each."""
        self.take()
        return self.silver_alone(*names)

    def silver_alone(self, *names: str) -> dict[str, Any]:
        """The same of what bronze has."""
        from spark.jobs.silver import run
        from spark.schemas.silver import BY_NAME

        reports = run(self.context, tuple(BY_NAME[name.removeprefix("silver_")] for name in names))
        return {report.table: report for report in reports}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """What a table of this name holds."""
        return self.rows_at(TABLES[table])

    def rows_at(self, path: str) -> list[dict[str, Any]]:
        """Read without Spark, for which each table is a query."""
        from deltalake import DeltaTable

        return list(DeltaTable(Path(self.lake.root) / path).to_pyarrow_table().to_pylist())


@pytest.fixture
def jobs(spark: Any, raw: Any) -> Jobs:
    return Jobs(spark, raw.root)


def test_silver_has_utc_instants_and_canonical_units_and_gold_counts_distinct_encounters_by_condition_and_age(
    jobs: Jobs, raw: Any
) -> None:
    from spark.gold.encounters_per_condition import ENCOUNTERS_PER_CONDITION
    from spark.jobs.gold import GoldJob

    raw.stream(
        PATIENT,
        WEIGHT,
        encounter("e1", "2005-05-16T09:00:00Z"),  # the day before the twenty-fifth birthday
        encounter("e2", "2005-05-17T09:00:00Z"),
        encounter("e3", "2006-01-01T09:00:00Z"),
        encounter("e4", "2006-01-02T09:00:00Z", status="entered-in-error"),
        condition("c1", "e1", "38341003"),
        condition("c2", "e2", "38341003"),
        condition("c3", "e3", "38341003"),
        condition("c4", "e3", "38341003"),  # recorded twice in one encounter
        condition("c5", "e4", "38341003"),
        condition("c6", "e3", "44054006", verificationStatus={"coding": [{"code": "refuted"}]}),
        condition("c7", "elsewhere", "44054006"),
    )
    jobs.silver("silver_patients", "silver_encounters", "silver_conditions", "silver_observations")
    (row,) = jobs.rows("silver_observations")
    assert row["effective_at"].astimezone(UTC) == datetime(2020, 2, 3, 8, tzinfo=UTC)
    assert row["effective_text"] == "2020-02-03T10:00:00+02:00"
    assert (row["value_text"], row["unit"], row["unit_canonical"]) == ("150", "[lb_av]", "kg")
    assert row["value_canonical"] == pytest.approx(68.0388555)
    assert jobs.rows("silver_patients")[0]["birth_on"] == date(1980, 5, 17)
    list(GoldJob(jobs.spark, jobs.lake).run_all((ENCOUNTERS_PER_CONDITION,)))
    found = {
        (row["condition_code"], row["age_group"]): (row["encounters"], row["patients"])
        for row in jobs.rows("gold_encounters_per_condition_and_age")
    }
    assert found == {("38341003", "15-24"): (1, 1), ("38341003", "25-44"): (2, 1)}


@pytest.mark.filterwarnings("ignore")  # of the packages that Great Expectations brings
def test_tables_of_types_of_which_nothing_came_are_there_and_nothing_that_follows_minds(
    jobs: Jobs, raw: Any
) -> None:
    from deltalake import DeltaTable

    from spark.jobs import events, freshness, quality, references, upkeep
    from spark.quality.suites import SUITES
    from spark.schemas.silver import ALLERGIES, COVERAGE, SILVER

    raw.stream(PATIENT)
    jobs.silver(*(table.name for table in SILVER))
    empty = [table for table in SILVER if table.type != "Patient"]
    assert {table.path: DeltaTable(raw.root / table.path).count() for table in empty} == dict.fromkeys(
        (table.path for table in empty), 0
    )
    (found,) = references.run(jobs.context)
    assert found.rows == 0
    assert [report.rows for report in events.run(jobs.context)] == [0, 1]
    assert [report.rows for report in freshness.run(jobs.context)] == [1]
    if find_spec("great_expectations"):
        checks = [each for each in SUITES["silver"] if each.path in (ALLERGIES.path, COVERAGE.path)]
        for _ in range(2):  # all of it, then what is new
            (report,) = quality.run(jobs.context, "silver", {"silver": checks})
            assert report.notes == ()
    assert [report.total for report in upkeep.run(jobs.context, (ALLERGIES,))] == [0]

    shutil.rmtree(raw.root / COVERAGE.path)
    jobs.go_by_spark()
    assert jobs.silver_alone("silver_coverage")["processed/versions"].notes == ("nothing new",)
    assert jobs.rows("silver_coverage") == []
    jobs.go_by_spark(False)
    raw.stream({"resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/p1"}})
    jobs.silver("silver_allergies")
    assert [row["batch"] for row in jobs.rows("silver_allergies")] == [2]


def test_age_group_in_spark_is_age_group_in_python(spark: Any) -> None:
    from pyspark.sql import functions as F  # noqa: N812

    from spark.gold.frames import age_group_column
    from spark.transforms.age_groups import age_group

    days = [
        date(1904, 2, 29),
        date(1950, 12, 31),
        date(2000, 2, 29),
        date(2020, 2, 28),
        date(2024, 2, 29),
        date(2026, 3, 1),
        None,
    ]
    pairs = [(born, on) for born in days for on in days]
    frame = spark.createDataFrame(pairs, "born date, on date")
    found = frame.select("born", "on", age_group_column(F.col("born"), F.col("on")).alias("group")).collect()
    assert [row["group"] for row in found] == [age_group(row["born"], row["on"]) for row in found]
