"""What Z-order and materialised gold gain: a point query and a measure query over copies of a lake's own tables.

The observations are laid out twice, as streams leave them (in the order of arrival, many files) and by Z-order; the
measure is asked of silver by SQL and of the gold table. Read by delta-rs and DuckDB, as `local query` reads.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake

from shared.names import TABLES

_FILES: Final = 32
_ROUNDS: Final = 7
_ORDER: Final = ["patient_id", "code"]
_FILE_BYTES: Final = 1_000_000
"""So small that the copies still make several files."""
_KEYS: Final = ("id", "patient_id", "encounter_id")
_MEASURE: Final = """
SELECT c.code, date_diff('year', p.birth_on, CAST(e.started_at AS DATE)) // 10 AS decade,
  count(DISTINCT e.id), count(DISTINCT e.patient_id)
FROM conditions c JOIN encounters e ON e.id = c.encounter_id JOIN patients p ON p.id = e.patient_id GROUP BY 1, 2
"""
_FROM_GOLD: Final = "SELECT condition_code, age_group, encounters, patients FROM gold"


def measure(lake: Path, work: Path, copies: int) -> dict[str, float]:
    """Median milliseconds by query. The tables that are written lie in `work`; the lake is only read."""
    arrived = _times(_read(lake, "silver_observations"), copies)
    places = list(range(len(arrived)))
    random.Random(1).shuffle(places)
    arrived = arrived.take(pa.array(places)).combine_chunks()
    step = len(arrived) // _FILES + 1
    table = work / "observations"
    for first in range(0, len(arrived), step):
        write_deltalake(table, arrived.slice(first, step), mode="append")
    wanted = ds.field("patient_id") == arrived["patient_id"][0]

    def point() -> int:
        return int(DeltaTable(table).to_pyarrow_dataset().to_table(filter=wanted).num_rows)

    found = {"point query, as it came": _median_ms(point)}
    DeltaTable(table).optimize.z_order(_ORDER, target_size=_FILE_BYTES)
    found["point query, Z-ordered"] = _median_ms(point)
    silver = {name: work / name for name in ("conditions", "encounters", "patients")}
    for name, path in silver.items():
        write_deltalake(path, _times(_read(lake, f"silver_{name}"), copies))
    gold = {"gold": lake / TABLES["gold_encounters_per_condition_and_age"]}
    found["measure query, from silver"] = _median_ms(lambda: _ask(silver, _MEASURE))
    found["measure query, from gold"] = _median_ms(lambda: _ask(gold, _FROM_GOLD))
    return found


def _read(lake: Path, name: str) -> Any:
    return DeltaTable(lake / TABLES[name]).to_pyarrow_table()


def _times(rows: Any, copies: int) -> Any:
    """The rows so many times over, each copy with ids of its own."""
    parts = []
    for number in range(copies):
        part = rows
        for name in _KEYS:
            if name in rows.column_names:
                place = rows.column_names.index(name)
                part = part.set_column(place, name, pc.binary_join_element_wise(part[name], str(number), "-"))
        parts.append(part)
    return pa.concat_tables(parts)


def _ask(tables: dict[str, Path], query: str) -> list[Any]:
    with duckdb.connect() as connection:
        for name, path in tables.items():
            connection.register(name, DeltaTable(path).to_pyarrow_dataset())
        return list(connection.execute(query).fetchall())


def _median_ms(query: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS + 1):
        started = time.perf_counter()
        query()
        times.append((time.perf_counter() - started) * 1_000)
    return statistics.median(times[1:])
