"""The bench of queries: the same rows by both layouts, and a figure for each query."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

pytest.importorskip("duckdb", reason="not tested: the bench of queries, which needs the lake group")
pytest.importorskip("deltalake", reason="not tested: the bench of queries, which needs the lake group")

import pyarrow as pa
from deltalake import write_deltalake

from shared.names import TABLES
from tests.lazily import lazily

lake_queries = lazily("local.bench.lake_queries")

ROWS = {
    "silver_observations": {"id": "o", "patient_id": "p", "code": "29463-7"},
    "silver_conditions": {"id": "c", "encounter_id": "e", "code": "38341003"},
    "silver_encounters": {"id": "e", "patient_id": "p", "started_at": datetime(2020, 1, 2, tzinfo=UTC)},
    "silver_patients": {"id": "p", "birth_on": date(1980, 5, 17)},
    "gold_encounters_per_condition_and_age": {
        "condition_code": "38341003",
        "age_group": "25-44",
        "encounters": 1,
        "patients": 1,
    },
}


def test_every_query_has_its_time_and_the_lake_stays_as_it_was(tmp_path: Path) -> None:
    lake, work = tmp_path / "lake", tmp_path / "work"
    for name, row in ROWS.items():
        path = lake / TABLES[name]
        path.mkdir(parents=True)
        write_deltalake(path, pa.Table.from_pylist([row]))
    work.mkdir()
    before = sorted(lake.rglob("*"))
    found = lake_queries.measure(lake, work, copies=40)
    assert list(found) == [
        "point query, as it came",
        "point query, Z-ordered",
        "measure query, from silver",
        "measure query, from gold",
    ]
    assert all(ms > 0 for ms in found.values())
    assert sorted(lake.rglob("*")) == before
