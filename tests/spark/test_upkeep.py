"""Upkeep leaves every row, keeps history readable for its time, and makes no follower of a table begin anew."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from shared.names import TABLES
from tests.spark.conftest import RawLake
from tests.spark.test_gold_cases import Tables, day, stay
from tests.spark.test_jobs import PATIENT, Jobs, encounter

pytestmark = pytest.mark.spark
DAY_S = 86_400
PEOPLE = [f"p{number}" for number in range(8)]
SILVER = ("silver_patients", "silver_encounters", "silver_claims")


@pytest.fixture
def jobs(spark: Any, raw: RawLake) -> Jobs:
    return Jobs(spark, raw.root)


def visit(person: str, start: str, charged: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A visit and the claim for it."""
    held = encounter(f"e-{person}-{start[:4]}", start, subject={"reference": f"Patient/{person}"})
    claim = {
        "resourceType": "Claim",
        "id": f"c-{held['id']}",
        "status": "active",
        "use": "claim",
        "patient": {"reference": f"Patient/{person}"},
        "item": [{"sequence": 1, "encounter": [{"reference": f"Encounter/{held['id']}"}]}],
        "total": {"value": charged, "currency": "USD"},
    }
    return held, claim


def commit(version: int, operation: str, at: float = 0) -> Any:
    from spark.jobs.commits import Commit

    return Commit(version, operation, at)


def newest_first(*operations: str) -> list[Any]:
    return [commit(number, name) for number, name in enumerate(operations)][::-1]


def test_a_follower_of_a_table_looks_past_upkeep() -> None:
    from spark.jobs.commits import newest_change

    assert newest_change(newest_first("CREATE TABLE", "MERGE", "OPTIMIZE", "VACUUM START", "VACUUM END")) == 1
    assert newest_change(newest_first("CREATE TABLE", "CHANGE COLUMNS", "WRITE")) == 2
    assert newest_change([commit(9, "VACUUM END"), commit(8, "OPTIMIZE")]) == 7


def test_a_version_is_readable_while_what_replaced_it_is_younger_than_the_retention() -> None:
    from spark.jobs.commits import readable_from

    now = 100.0 * DAY_S
    commits = [commit(3, "MERGE", now - DAY_S), commit(2, "MERGE", now - 9 * DAY_S), commit(1, "MERGE", 0)]
    assert readable_from(commits, now) == 2
    assert readable_from(commits[:1], now) == 2
    assert readable_from(commits, now + 9 * DAY_S) == 3


def test_what_was_written_since_is_compacted_and_what_left_is_removed_after_the_retention() -> None:
    from spark.jobs.upkeep import has_garbage, was_written

    assert was_written(newest_first("CREATE TABLE"))
    assert was_written(newest_first("OPTIMIZE", "MERGE", "VACUUM END"))
    assert not was_written(newest_first("MERGE", "OPTIMIZE", "VACUUM START", "VACUUM END", "CHANGE COLUMN"))
    changed = commit(1, "OPTIMIZE", 10 * DAY_S)
    assert has_garbage([changed])
    assert has_garbage([commit(2, "VACUUM END", 16 * DAY_S), changed])
    assert not has_garbage([commit(2, "VACUUM END", 18 * DAY_S), changed])


def test_every_declared_table_has_an_order_that_delta_can_skip_by() -> None:
    from spark.jobs.upkeep import order_of
    from spark.schemas.catalogue import declared
    from spark.schemas.derived import CLINICAL_EVENTS
    from spark.schemas.silver import BY_NAME

    assert order_of(BY_NAME["observations"]) == ["patient_id", "code", "effective_at"]
    assert order_of(CLINICAL_EVENTS) == ["patient_id", "type", "id"]
    for table in declared():
        order = order_of(table)
        assert bool(order) == bool(table.order), table.path
        assert not [name for name in order if "." in name], table.path


class Claims:
    """Ten visits of ten people, the claims for them as they come, and the gold table of their cost."""

    def __init__(self, spark: Any, root: Path) -> None:
        from spark.gold.registry import BY_NAME as GOLD
        from spark.jobs.context import RunContext
        from spark.paths import LakeRoot
        from spark.schemas.silver import CLAIMS, ENCOUNTERS

        self.table, self.costs = CLAIMS, GOLD["encounter_costs"]
        self.context = RunContext(spark, LakeRoot(str(root)))
        self._batch = 0
        visits = Tables(spark)
        for number in range(10):
            stay(visits, str(number), day(1), day(2), patient_id=f"of-{number}")
        self._append(visits, ENCOUNTERS)

    def come(self, **totals: float) -> None:
        """A batch of claims: `e3=7.0` is one for the visit 3."""
        self._batch += 1
        new = Tables(self.context.spark)
        for name, total in totals.items():
            about = {"patient_id": f"of-{name[1:]}", "encounter_id": name[1:], "total": total}
            id_ = f"{name}-{self._batch}"
            new.add("claims", id=id_, use="claim", status="active", batch=self._batch, **about)
        self._append(new, self.table)

    def _append(self, rows: Tables, table: Any) -> None:
        from deltalake import write_deltalake

        from spark.jobs.folder_tables import open_folder

        write_deltalake(open_folder(self.context, table)[0], rows.arrow(table.name), mode="append")

    def gold(self) -> tuple[int, float]:
        """The rows that a run writes, and what the visits cost after it."""
        from spark.jobs.gold import GoldJob

        (report,) = GoldJob(self.context.spark, self.context.lake).run_all((self.costs,))
        from deltalake import DeltaTable

        stored = DeltaTable(Path(self.context.lake.root) / self.costs.declared.path).to_pyarrow_table()
        return report.rows, sum(stored["claimed"].to_pylist())

    def read(self, path: str) -> Any:
        return self.context.read(path)


def test_upkeep_compacts_and_comments_leaves_every_row_and_gold_goes_on_as_if_it_had_not_been(
    spark: Any, raw: RawLake
) -> None:
    from spark.jobs import upkeep

    claims = Claims(spark, raw.root)
    uri = claims.context.lake.uri(claims.table.path)
    claims.come(**{f"e{number}": 10.0 for number in range(10)})
    claims.come(e1=1.0)
    assert claims.gold() == (10, 101)
    spark.sql(f"ALTER TABLE delta.`{uri}` ALTER COLUMN status COMMENT 'it''s another', id COMMENT 'too'")
    kept, costs = upkeep.run(claims.context, (claims.table, claims.costs.declared))
    assert kept.notes[0] == "2 comments renewed"
    assert kept.notes[1].startswith("2 files became 1, by patient_id")
    assert (kept.total, costs.notes) == (11, ())
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{uri}`").first()
    assert detail["properties"][upkeep.CLASSIFICATION] == "Highly Confidential"
    assert claims.read(claims.table.path).schema["status"].metadata["comment"] != "it's another"
    assert spark.read.format("delta").option("versionAsOf", 1).load(uri).count() == 10
    assert [report.notes for report in upkeep.run(claims.context, (claims.table,))] == [()]
    assert claims.gold() == (0, 101)

    claims.come(e2=2.0)
    assert claims.gold() == (1, 103)
    claims.come(e3=3.0)
    _as_if_made_days_ago(raw.root, 8)
    claims.come(e4=4.0)
    assert claims.gold() == (10, 110)


def test_the_comment_of_a_column_with_a_dot_is_renewed(spark: Any, raw: RawLake) -> None:
    from spark.gold.registry import BY_NAME
    from spark.jobs import upkeep
    from spark.jobs.context import RunContext
    from spark.jobs.folder_tables import open_folder
    from spark.paths import LakeRoot

    context = RunContext(spark, LakeRoot(str(raw.root)))
    dotted = BY_NAME["patient_adverse_event_report"].declared
    uri = context.lake.uri(dotted.path)
    open_folder(context, dotted)
    spark.sql(f"ALTER TABLE delta.`{uri}` ALTER COLUMN `reaction.reactionmeddrapt` COMMENT 'x'")
    (report,) = upkeep.run(context, (dotted,))
    assert report.notes == ("1 comments renewed",)


@pytest.mark.everything
def test_gold_and_events_go_on_after_upkeep_as_if_it_had_not_been(jobs: Jobs, raw: RawLake) -> None:
    from spark.gold.registry import BY_NAME
    from spark.jobs import events, upkeep
    from spark.jobs.gold import GoldJob
    from spark.schemas.derived import CLINICAL_EVENTS
    from spark.schemas.silver import BY_NAME as BY_TYPE

    def gold(*names: str, full: bool = False) -> dict[str, int]:
        tables = tuple(BY_NAME[name] for name in names or ("encounter_costs", "cost_by_class"))
        reports = GoldJob(jobs.spark, jobs.lake, full=full).run_all(tables)
        return {report.table.rpartition("/")[2]: report.rows for report in reports}

    def followed() -> dict[str, int]:
        return {report.table.rpartition("/")[2]: report.rows for report in events.run(jobs.context)}

    raw.stream(*(PATIENT | {"id": each} for each in PEOPLE))
    raw.stream(*(each for person in PEOPLE for each in visit(person, "2020-02-03T09:00:00Z", 100)))
    jobs.silver(*SILVER)
    assert followed()["patient-360"] == len(PEOPLE)
    assert gold() == {"encounter-costs": len(PEOPLE), "cost-by-class": 1}
    uri = jobs.lake.uri(TABLES["gold_encounter_costs"])
    followed_tables = (BY_TYPE["encounters"], BY_TYPE["claims"], CLINICAL_EVENTS)
    gold_tables = (BY_NAME["encounter_costs"].declared, BY_NAME["cost_by_class"].declared)
    reports = list(upkeep.run(jobs.context, (*followed_tables, *gold_tables)))
    assert not [note for report in reports[-2:] for note in report.notes if "comments" in note]
    assert gold() == {"encounter-costs": 0, "cost-by-class": 0}
    assert followed() == {"clinical-events": 0, "patient-360": 0}

    raw.stream(*visit("p1", "2021-02-03T09:00:00Z", 7))
    jobs.silver(*SILVER)
    assert followed()["patient-360"] == 1
    assert gold() == {"encounter-costs": 2, "cost-by-class": 2}
    assert sum(row["claimed"] for row in jobs.rows("gold_encounter_costs")) == 807

    raw.stream(*visit("p2", "2021-02-03T09:00:00Z", 5))
    jobs.silver(*SILVER)
    _as_if_made_days_ago(raw.root, 8)
    raw.stream(*visit("p3", "2021-02-03T09:00:00Z", 3))
    jobs.silver(*SILVER)
    _vacuum_to_the_last_file(jobs)
    assert gold("encounter_costs") == {"encounter-costs": len(PEOPLE) + 3}
    assert sum(row["claimed"] for row in jobs.rows("gold_encounter_costs")) == 815
    assert followed()["patient-360"] == 2
    assert jobs.spark.read.format("delta").load(uri).schema["claimed"].metadata["comment"]


def _as_if_made_days_ago(root: Path, days: int) -> None:
    then = time.time() - days * DAY_S
    for path in root.glob("*/**/_delta_log/*"):
        os.utime(path, (then, then))


def _vacuum_to_the_last_file(jobs: Jobs) -> None:
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    jobs.spark.conf.set(check, "false")
    try:
        for name in SILVER:
            jobs.spark.sql(f"VACUUM delta.`{jobs.lake.uri(TABLES[name])}` RETAIN 0 HOURS")
    finally:
        jobs.spark.conf.unset(check)
