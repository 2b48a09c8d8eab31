"""Adverse event reports from the hub to the SQL database: late, doubled, corrupt and damaged ones change nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="not tested: adverse event reports in the lake, which need Spark")
pytest.importorskip(
    "deltalake", reason="not tested: adverse event reports in the lake, which need the lake group"
)

from deltalake import DeltaTable

from local.lakehouse.lineage import Lineage, is_sound
from shared.names import SQL_URL, TABLES
from spark.jobs import quality
from spark.jobs.bronze import BronzeJob
from spark.jobs.context import RunContext
from spark.jobs.safety_reports import reports_of
from spark.jobs.safety_reports import run as take_reports
from spark.jobs.sql import run as load_sql
from spark.paths import LakeRoot
from tests.delivery.test_safety_reports import report, send
from tests.delivery.world import TENANT, World

pytestmark = [pytest.mark.slow]
GOLD = ("adverse_event_lines", "patient_adverse_event_report", "safety_signals")


class SafetyLake:
    """A lake whose raw files the stream door wrote, and the jobs over it."""

    def __init__(self, spark: Any, root: Path) -> None:
        self.world = World()
        self.root = root / "lake" / "galen"
        self.context = RunContext(spark, LakeRoot(str(self.root)))
        self._next = 0

    def send(self, *bodies: Any) -> None:
        send(self.world, *bodies, first=self._next)
        self._next += len(bodies)
        self.land()

    def land(self) -> None:
        for file in self.world.lake.list("raw"):
            target = self.root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.world.lake.read(file.path))

    def run(self) -> dict[str, int]:
        """The rows that each table got."""
        from spark.gold.registry import BY_NAME
        from spark.jobs.gold import GoldJob

        reports = [*BronzeJob(self.context, lambda _: []).run(), *take_reports(self.context)]
        gold = GoldJob(self.context.spark, self.context.lake)
        reports += gold.run_all(tuple(BY_NAME[name] for name in GOLD))
        reports += [*quality.gold(self.context), *load_sql(self.context)]
        return {each.table: each.rows for each in reports}

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        found = DeltaTable(self.root / TABLES[table]).to_pyarrow_table()
        return sorted(zip(*(found[name].to_pylist() for name in columns), strict=True))

    def set_aside(self) -> list[str]:
        """The stages at which things were set aside."""
        return sorted(
            str(reason).partition(":")[0] for (reason,) in self.rows("quarantine_set_aside", "reason")
        )


@pytest.mark.filterwarnings("ignore")  # of the packages that Great Expectations brings
def test_reports_go_from_the_hub_to_the_sql_database_and_back(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("great_expectations", reason="not tested: expectations, which need the quality group")
    monkeypatch.setenv("GALEN_DEFAULT_TENANT", TENANT)
    monkeypatch.setenv(SQL_URL, f"sqlite:{tmp_path}/sql/galen.sqlite")
    lake = SafetyLake(spark, tmp_path)
    overdose = [{"reactionmeddrapt": "Accidental overdose"}]
    suspected = [{"medicinalproduct": "ASPIRIN", "drugcharacterization": "1"}]
    # Doubled by its sender, corrupt, and late: an older version after the newer one.
    newest = report("1", version="2", reaction=overdose, drug=suspected)
    lake.send(newest, report("2"), report("2"), b"{cut", report("1"))
    lake.send(report("3", patientinitial="AB"), b"\xff", report("1"), report("4"))
    second = sorted((lake.root / "raw").rglob("*.gz"))[1]
    whole = second.read_bytes()
    second.write_bytes(whole[: len(whole) // 2])
    lake.run()
    assert max(lake.rows("gold_safety_signals", "prr_high"))[0] > 1
    exact = ("safetyreportid", "reaction.reactionmeddrapt", "is_overdose")
    wanted = [("1", "Accidental overdose", True), ("2", "Headache", False)]
    assert lake.rows("gold_patient_adverse_event_report", *exact) == wanted
    assert lake.set_aside() == ["decode", "raw file"]

    again = [*take_reports(lake.context), *load_sql(lake.context)]
    assert [each.rows for each in again] == [0, 0]

    lake.send(report("2", version="3", reaction=[{"reactionmeddrapt": "Cough"}]))
    second.write_bytes(whole)
    later = lake.run()
    assert (later["bronze/adverse-event-reports"], later["sql/PatientAdverseEventReport"]) == (3, 2)
    wanted = [wanted[0], ("2", "Cough", False), ("4", "Headache", False)]
    assert lake.rows("gold_patient_adverse_event_report", *exact) == wanted
    assert lake.set_aside() == ["decode", "decode", "raw file", "validate"]

    way = Lineage(lake.root, limit=9, values=False).of("gold_patient_adverse_event_report", {"": "2"})
    (lines,) = way.rows[0].made_of
    (message,) = lines.rows[0].made_of
    assert is_sound(way)
    assert message.rows[0].raw is not None
    assert (message.rows[0].raw.line, message.rows[0].raw.sequence) == (1, 9)


def test_a_line_that_the_door_set_aside_is_no_report() -> None:
    at = datetime(2026, 3, 29, tzinfo=UTC)
    line = {
        "tenant": "t",
        "body": None,
        "body_b64": None,
        "raw_path": "raw/x",
        "sequence": 1,
        "landed_at": at,
    }
    good = b'{"safetyreportid":" 7 ","patient":{"reaction":[{"reactionmeddrapt":"A"}],"drug":[{"medicinalproduct":"B"}]}}'
    bodies = [good.decode(), good.decode().replace('" 7 "', "7"), "{", "[]"]
    lines = [line | {"body": body} for body in bodies] + [line | {"body_b64": text} for text in ("/w==", "c")]
    found = list(reports_of(lines, 4))
    assert [(row["report_id"], row["batch"], row["report_version"]) for row in found] == [("7", 4, 0)]
