"""The screen of expectations passes only rows that Great Expectations would pass, of new files and keys of old ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="not tested: the screen of expectations")
pytest.importorskip("deltalake", reason="not tested: the screen of expectations")
pytest.importorskip("pyspark", reason="not tested: the screen of expectations")

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from shared.names import TABLES
from spark.quality.suites import NOT_NULL, UNIQUE, Check
from tests.lazily import lazily

folder_files = lazily("spark.jobs.folder_files")
screen = lazily("spark.quality.screen")

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("share", pa.float64()),
        ("n", pa.int64()),
        ("of", pa.int64()),
    ]
)
GOOD = {"id": "b", "type": "Patient", "share": 0.5, "n": 1, "of": 2}
CHECKS = (
    Check("t", NOT_NULL, {"column": "id"}),
    Check("t", UNIQUE, {"column_list": ["id"]}),
    Check("t", "ExpectColumnValuesToBeInSet", {"column": "type", "value_set": ["Patient", "it's"]}),
    Check("t", "ExpectColumnValuesToMatchRegex", {"column": "type", "regex": "^[A-Z][a-z]+$"}),
    Check("t", "ExpectColumnValuesToBeBetween", {"column": "share", "min_value": 0, "max_value": 1}),
    Check("t", "ExpectColumnValuesToBeBetween", {"column": "n", "min_value": 0}),
    Check(
        "t",
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {"column_A": "of", "column_B": "n", "or_equal": True},
        where="type = 'Patient'",
    ),
)


def findings(folder: Path, *new: dict[str, Any]) -> Any:
    """What the screen says of rows that came after an old one, which breaks what an old row may break."""
    write_deltalake(folder, pa.Table.from_pylist([GOOD | {"id": "a", "share": 7.0}], schema=SCHEMA))
    before = set(folder_files.dataset_of(DeltaTable(folder)).files)
    write_deltalake(folder, pa.Table.from_pylist(list(new), schema=SCHEMA), mode="append")
    dataset = folder_files.dataset_of(DeltaTable(folder))
    with duckdb.connect() as connection:
        return screen.screened(connection, dataset, frozenset(set(dataset.files) - before), CHECKS)


def test_new_rows_that_meet_every_check_pass_whatever_older_ones_hold(tmp_path: Path) -> None:
    found = findings(tmp_path, GOOD, {**GOOD, "id": "c", "share": None, "n": 2})
    assert {(each.success, each.rows, each.unexpected) for each in found} == {(True, 2, 0)}
    assert {each.check.expectation for each in found} == {each.expectation for each in CHECKS}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"id": "a"},
        {"type": "Patients"},
        {"type": "it's"},
        {"share": 1.5},
        {"share": math.nan},
        {"n": -1},
        {"n": 3},
    ],
    ids=str,
)
def test_a_row_that_may_break_a_check_is_left_to_great_expectations(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    assert findings(tmp_path, GOOD | {"id": "c"}, GOOD | wrong) is None


def test_a_key_that_came_twice_is_left_to_great_expectations(tmp_path: Path) -> None:
    assert findings(tmp_path, GOOD, GOOD) is None


def test_an_expectation_that_the_screen_does_not_know_is_left_to_great_expectations(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.Table.from_pylist([GOOD], schema=SCHEMA))
    dataset = folder_files.dataset_of(DeltaTable(tmp_path))
    other = Check("t", "ExpectColumnMaxToBeBetween", {"column": "n", "max_value": 9})
    with duckdb.connect() as connection:
        assert screen.screened(connection, dataset, frozenset(dataset.files), (other,)) is None


def test_a_new_file_that_the_table_has_not_is_left_to_great_expectations(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.Table.from_pylist([GOOD], schema=SCHEMA))
    dataset = folder_files.dataset_of(DeltaTable(tmp_path))
    with duckdb.connect() as connection:
        assert screen.screened(connection, dataset, frozenset(dataset.files), CHECKS[:1])[0].rows == 1
        assert screen.screened(connection, dataset, frozenset([*dataset.files, "gone"]), CHECKS) is None


def test_a_bound_of_a_share_is_held_to_one_and_a_bound_of_a_ratio_is_not() -> None:
    suites = lazily("spark.quality.suites")
    most = {
        (each.path, each.columns): each.arguments.get("max_value", "none") for each in suites.SUITES["gold"]
    }
    shares = (("gold_overdose_trend", "high"), ("gold_journey_by_condition", "treated_low"))
    assert [most[TABLES[table], column] for table, column in shares] == [1, 1]
    ratios = ("prr", "prr_low", "prr_high", "ror", "ror_low", "ror_high")
    assert {most[TABLES["gold_safety_signals"], column] for column in ratios} == {"none"}
