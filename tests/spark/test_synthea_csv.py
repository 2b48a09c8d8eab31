"""Folders of Synthea CSV and Parquet: each file once, whatever lies beside it."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.cli.main import main
from local.exits import CommandStopped
from tests.spark.conftest import RawLake
from tests.spark.test_jobs import Jobs

pytestmark = pytest.mark.spark
SUPPLIES = "DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,QUANTITY"
Take = Callable[..., dict[str, Any]]


@pytest.fixture
def jobs(spark: Any, raw: RawLake) -> Jobs:
    return Jobs(spark, raw.root)


@pytest.fixture
def take(jobs: Jobs, tmp_path: Path) -> Take:
    from spark.jobs import synthea_csv

    def run(full: bool = False, below: str = "drop") -> dict[str, Any]:
        context = replace(jobs.context, source=str(tmp_path / below), full=full)
        return {report.table: report for report in synthea_csv.run(context)}

    return run


def drop(tmp_path: Path, name: str, *lines: str) -> Path:
    path = tmp_path / "drop" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_each_file_is_taken_once_though_a_checkpoint_is_lost_and_another_header_is_set_aside(
    jobs: Jobs, take: Take, tmp_path: Path
) -> None:
    from spark.jobs.synthea_csv import OTHER_COLUMNS, OTHER_LINES

    drop(tmp_path, "one/supplies.csv", SUPPLIES, '2020-10-07,p,e,409534002,"Mask, ""N95""",2')
    first = take()["bronze/synthea-csv/supplies"]
    assert (first.rows, first.total, first.notes) == (1, 1, ())
    drop(tmp_path, "two/supplies.csv", SUPPLIES, "2020-10-08,p,e,409534002,Mask,3", "2020-10-08,p,e")
    wrong = drop(tmp_path, "three/supplies.csv", "A,B", "1,2")
    drop(tmp_path, "three/notes.csv", "A,B", "1,2")
    second = take()["bronze/synthea-csv/supplies"]
    assert (second.rows, second.total) == (1, 2)
    assert second.notes == (
        f"1 set aside: {OTHER_COLUMNS}",
        f"1 set aside: {OTHER_LINES}",
        "1 files have the name of no table",
    )
    rows = jobs.rows_at("bronze/synthea-csv/supplies")
    assert sorted(row["DESCRIPTION"] for row in rows) == ["Mask", 'Mask, "N95"']
    aside = {row["reason"]: row["raw_path"] for row in jobs.rows("quarantine_set_aside")}
    assert aside.keys() == {OTHER_COLUMNS, OTHER_LINES}
    assert aside[OTHER_COLUMNS].endswith("/three/supplies.csv")
    assert take()["bronze"].notes == ("nothing new",)
    shutil.rmtree(Path(jobs.lake.root) / "audit/checkpoints/synthea-csv")
    take()
    assert len(jobs.rows_at("bronze/synthea-csv/supplies")) == 2

    wrong.write_text(f"{SUPPLIES}\n2020-10-09,p,e,409534002,Mask,4\n", "utf-8")
    assert take(full=True)["bronze/synthea-csv/supplies"].total == 3


def test_parquet_of_the_same_columns_is_taken_what_is_none_is_set_aside_and_names_may_have_any_character(
    jobs: Jobs, take: Take, tmp_path: Path
) -> None:
    pa = pytest.importorskip("pyarrow", reason="not tested: Parquet files, which need the lake group")
    from pyarrow import parquet

    from spark.jobs.synthea_csv import UNREADABLE

    folder = "a [1]{b,c}*?~ü%20\\"
    drop(tmp_path, f"{folder}/in {{2}} [x]*/supplies.csv", SUPPLIES, "2020-10-07,p,e,409534002,Mask,3")
    drop(tmp_path, "a 1b/supplies.csv", SUPPLIES, "2020-10-08,p,e,409534002,Mask,4")
    drop(tmp_path, f"{folder}/damaged/supplies.parquet", "no Parquet")
    values: dict[str, list[Any]] = {name: ["x"] for name in reversed(SUPPLIES.split(","))}
    parquet.write_table(pa.table(values | {"QUANTITY": [2]}), tmp_path / "drop" / folder / "supplies.parquet")
    report = take(below=f"drop/{folder}")["bronze/synthea-csv/supplies"]
    assert (report.rows, report.notes) == (2, (f"1 set aside: {UNREADABLE}",))
    of_parquet, of_csv = sorted(jobs.rows_at(report.table), key=lambda row: str(row["QUANTITY"]))
    assert (of_parquet["QUANTITY"], of_parquet["CODE"]) == ("2", "x")
    assert of_csv["raw_path"].endswith("/in {2} [x]*/supplies.csv")


def test_a_public_export_comes_to_the_rows_it_has(jobs: Jobs, take: Take, tmp_path: Path) -> None:
    folder = os.environ.get("GALEN_TEST_DATA")
    if not folder:
        pytest.skip("not tested: a public export; GALEN_TEST_DATA names the folder of the test data")
    wanted: dict[str, int] = {}
    with tarfile.open(Path(folder) / "synthea-csv-ohdsi.tar.xz") as archive:
        for name in ("patients", "payer_transitions", "claims_transactions"):
            content = archive.extractfile(f"synthea/{name}.csv")
            assert content
            text = content.read().decode()
            drop(tmp_path, f"{name}.csv", *text.splitlines())
            wanted[f"bronze/synthea-csv/{name.replace('_', '-')}"] = (
                len(list(csv.reader(io.StringIO(text)))) - 1
            )
    reports = take()
    assert {path: report.total for path, report in reports.items()} == wanted
    assert not any(report.notes for report in reports.values())


def test_the_folder_and_the_job_go_together(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    for arguments in (
        ["synthea-csv"],
        ["all", "--from", str(tmp_path)],
        ["synthea-csv", "--from", "nowhere"],
    ):
        with pytest.raises(CommandStopped) as stopped:
            main(["spark", *arguments, *data])
        assert stopped.value.exit_code == 2
    assert not (tmp_path / "data").exists()
