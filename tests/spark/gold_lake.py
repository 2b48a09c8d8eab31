"""A lake whose gold was made once and then brought up to a change, and the sample it was made of.

Silver is made by the Python engine, whose tables are those of the Spark jobs; what is tried here begins at silver.
"""

from __future__ import annotations

import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake

from local.layout import CHECKOUT
from shared.names import TABLES, RawZone
from spark.jobs.folder_files import dataset_of
from spark.plain.arrow_types import arrow_schema
from spark.plain.build import build
from spark.schemas.silver import BY_NAME as SILVER
from spark.schemas.struct import struct_of
from tests.spark.conftest import RawLake
from tests.spark.second_road import Sample

PATIENTS = CHECKOUT / "local" / "demo" / "patients.tar.xz"
LATE = 2
"""Which of them is the change: a small one."""
EVERYTHING = bool(os.environ.get("GALEN_TEST_EVERYTHING"))
ONE_THREAD = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.constraintPropagation.enabled": "false",
}
"""Of so few rows Spark is quicker without exchanges and without compiling."""
NEVER_WAS = "recorded-by-mistake"


def bundles() -> list[dict[str, Any]]:
    """Real Synthea bundles; the last one is the change."""
    with tarfile.open(PATIENTS) as archive:
        members = [each for each in archive.getmembers() if each.name.endswith(".json")]
        members.sort(key=lambda one: one.name)
        members.append(members.pop(LATE))
        texts = [archive.extractfile(member) for member in members]
        return [json.load(each) for each in texts if each]


def reports() -> list[dict[str, Any]]:
    """Real adverse event reports, none where they are absent."""
    data = os.environ.get("GALEN_TEST_DATA")
    if not data:
        return []
    with tarfile.open(Path(data) / "openfda-events.tar.xz") as archive:
        found = archive.extractfile(
            next(each for each in archive.getmembers() if each.name.endswith(".json"))
        )
        return list(json.load(found)["results"]) if found else []


class GoldLake:
    """Gold tables kept up by the job in two runs: over all but what is late, then over the rest; and each computed whole.

    The job has so few rows in hand and makes them by DuckDB, `gold` by Spark: what is compared is one and the other.

    Late are a whole bundle, a condition that had stood with another patient, and the deletion of a condition.
    """

    def __init__(self, spark: Any, raw: RawLake) -> None:
        from spark.gold.registry import GOLD
        from spark.paths import LakeRoot

        self.spark, self.raw, self.lake = spark, raw, LakeRoot(str(raw.root))
        self.session = spark if EVERYTHING else spark.newSession()
        for key, value in ONE_THREAD.items() if not EVERYTHING else ():
            self.session.conf.set(key, value)
        self._computed: dict[str, pa.Table] = {}
        chosen = bundles()
        self.sample, self.reports = Sample(chosen), reports()
        self._land_reports()
        raw.stream(*chosen)
        list(build(raw.root, lambda _: []))
        read = {name for table in GOLD for name in table.inputs} & SILVER.keys()
        self._whole = {name: self._silver(name).to_pyarrow_table() for name in read}
        self._late = int(pc.max(self._whole["patients"]["sequence"]).as_py())
        self._mistake_and_correction()
        self.kept_up = tuple(t.name for t in GOLD)
        self._run()
        for name, rows in self._changes.items():
            self._upsert(name, rows)
        self.second_run = self._run()

    def _land_reports(self) -> None:
        from spark.jobs import safety_reports
        from spark.jobs.bronze import stream_path
        from spark.jobs.context import RunContext

        lines = [json.loads(self.raw.line(each)) for each in self.reports]
        if lines:
            more = {"body_b64": None, "raw_path": f"raw/{RawZone.SAFETY_REPORTS}/0.ndjson.gz", "batch": 1}
            more |= {"landed_at": datetime(2026, 1, 1, tzinfo=UTC)}
            taken = ("tenant", "body", "sequence")
            rows = pa.Table.from_pylist([{name: line[name] for name in taken} | more for line in lines])
            none = pa.nulls(len(rows), pa.string())
            rows = rows.set_column(rows.column_names.index("body_b64"), "body_b64", none)
            write_deltalake(self.raw.root / stream_path(RawZone.SAFETY_REPORTS), rows)
        list(safety_reports.run(RunContext(self.spark, self.lake)))

    def _silver(self, name: str) -> DeltaTable:
        return DeltaTable(self.raw.root / SILVER[name].path)

    def _mistake_and_correction(self) -> None:
        """Writes silver as it first was, and keeps what changes it."""
        self._changes = {}
        for name, rows in self._whole.items():
            late = pc.equal(rows["sequence"], self._late)
            self._changes[name] = rows.filter(late).to_pylist()
            self._write(name, rows.filter(pc.invert(late)))
        people = self._silver("patients").to_pyarrow_table()["id"].to_pylist()
        conditions = self._silver("conditions").to_pyarrow_table()
        moved = min(conditions.to_pylist(), key=lambda row: row["id"])
        wrong = min(each for each in people if each != moved["patient_id"])
        gone = moved | {"id": NEVER_WAS, "code": "38341003", "patient_id": wrong}
        first = [
            row | {"patient_id": wrong} if row["id"] == moved["id"] else row
            for row in [*conditions.to_pylist(), gone]
        ]
        self._write("conditions", pa.Table.from_pylist(first, schema=conditions.schema))
        kept = {*SILVER["conditions"].columns[:2], *SILVER["conditions"].columns[-10:]}
        emptied = {each.name: gone[each.name] for each in kept} | {"deleted": True}
        self._changes["conditions"] += [moved, emptied]
        self._wrong = wrong

    def touched_by(self, inputs: tuple[str, ...]) -> set[str]:
        """The patients whom the change of these tables concerns."""
        rows = [row for name in inputs for row in self._changes[name]]
        found = {row["patient_id"] if "patient_id" in row else row["id"] for row in rows}
        return found | ({self._wrong} if "conditions" in inputs else set())

    def _write(self, name: str, rows: pa.Table) -> None:
        write_deltalake(self.raw.root / SILVER[name].path, rows, mode="overwrite")

    def _upsert(self, name: str, rows: list[dict[str, Any]]) -> None:
        table = self._silver(name)
        new = pa.Table.from_pylist([row | {"batch": 2} for row in rows], schema=self._whole[name].schema)
        merge = table.merge(new, "now.tenant = new.tenant AND now.id = new.id", "new", "now")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()

    def _run(self) -> dict[str, int]:
        from spark.gold.registry import BY_NAME
        from spark.jobs.gold import GoldJob

        tables = tuple(BY_NAME[name] for name in self.kept_up)
        reports = GoldJob(self.spark, self.lake).run_all(tables)
        return {table.name: report.rows for table, report in zip(tables, reports, strict=True)}

    def stored(self, name: str) -> list[dict[str, Any]]:
        """The table's rows as the second run left them."""
        return list(DeltaTable(self.raw.root / TABLES[f"gold_{name}"]).to_pyarrow_table().to_pylist())

    def gold(self, name: str) -> list[dict[str, Any]]:
        """The table's rows computed from everything its inputs hold, whatever a run left."""
        return list(self._in_hand(name).to_pylist())

    def _in_hand(self, name: str) -> pa.Table:
        from spark.gold.registry import BY_NAME
        from spark.jobs.gold import shaped
        from spark.jobs.gold_inputs import declaration

        if name not in self._computed:
            if name in BY_NAME:
                table = BY_NAME[name]
                read = (*table.inputs, *table.lookups)
                frames = {each: self._frame(each) for each in read}
                self._computed[name] = shaped(table, table.build(frames)).toArrow()
            else:
                declared = declaration(name)
                self._computed[name] = _rows_of(DeltaTable(self.raw.root / declared.path), declared)
        return self._computed[name]

    def _frame(self, name: str) -> Any:
        """The rows as Spark has them, in one partition."""
        from spark.jobs.gold_inputs import declaration

        rows = self._in_hand(name)
        # Spark does not take a column without any chunk, which is how a table of no row is read.
        whole = [column.combine_chunks() for column in rows.columns] if not len(rows) else rows.columns
        rows = pa.table(whole, names=rows.column_names)
        return self.session.createDataFrame(rows, struct_of(declaration(name))).coalesce(1)


def _rows_of(table: DeltaTable, declared: Any) -> pa.Table:
    found, schema = dataset_of(table).to_table(), arrow_schema(declared)
    columns = [
        found[each.name].cast(each.type)
        if each.name in found.column_names
        else pa.nulls(len(found), each.type)
        for each in schema
    ]
    return pa.table(columns, names=schema.names)
