"""Frames in hand without Spark: what odd values and odd texts of records become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="not tested: frames in hand, which need the lake group")
pytest.importorskip("duckdb", reason="not tested: frames in hand, which need the lake group")
pytest.importorskip("deltalake", reason="not tested: frames in hand, which need the lake group")
pytest.importorskip("pyspark", reason="not tested: frames in hand, whose jobs import Spark")

import duckdb
import pyarrow as pa

from spark.in_hand import functions as F  # noqa: N812 - its name in every Spark text
from spark.in_hand.frame import Frame
from spark.jobs import gold_small


@pytest.fixture
def own() -> Iterator[duckdb.DuckDBPyConnection]:
    with gold_small.connection() as connection:
        yield connection


def _frame(own: duckdb.DuckDBPyConnection, **columns: Any) -> Frame:
    return Frame.of_arrow(own, pa.table(columns))


def test_the_next_whole_number_below_of_what_is_too_large_is_the_last_one(
    own: duckdb.DuckDBPyConnection,
) -> None:
    values = [2.7, -2.7, 1e19, -1e19, float("inf"), float("nan"), -(2.0**63), None]
    found = (
        _frame(own, value=pa.array(values, pa.float64())).select(F.floor("value").alias("below")).toArrow()
    )
    last = 2**63 - 1
    assert found["below"].type == pa.int64()
    assert found["below"].to_pylist() == [2, -3, last, -last - 1, last, 0, -last - 1, None]


def test_rows_are_known_to_their_own_connection_and_are_let_go_with_it() -> None:
    with gold_small.connection() as first:
        frame = Frame.of_arrow(first, pa.table({"value": [1.5, 2.5]}))
        kept = frame.select(F.floor("value").alias("below")).toArrow()
        with gold_small.connection() as second:
            assert views(first) != []
            assert views(second) == []
            assert Frame.of_arrow(second, pa.table({"value": [7]})).collect() == [{"value": 7}]
    assert kept["below"].to_pylist() == [1, 2]
    with gold_small.connection() as third:
        assert views(third) == []


def test_a_database_that_broke_is_let_go_of() -> None:
    def broken() -> None:
        with gold_small.connection() as own:
            own.execute("CREATE TABLE kept AS SELECT 1")
            raise duckdb.FatalException

    with pytest.raises(duckdb.FatalException):
        broken()
    with gold_small.connection() as another, pytest.raises(duckdb.CatalogException):
        another.execute("SELECT * FROM kept")


def views(connection: duckdb.DuckDBPyConnection) -> list[object]:
    """What was registered, as the connection sees it."""
    return list(connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall())


def test_a_query_in_hand_opens_no_file_and_loads_no_extension(own: duckdb.DuckDBPyConnection) -> None:
    for query in (f"SELECT * FROM read_text('{__file__}')", "INSTALL httpfs"):
        with pytest.raises(duckdb.Error):
            own.execute(query)
    settings = own.execute(
        "SELECT value FROM duckdb_settings() WHERE name IN ('temp_directory', 'autoload_known_extensions') ORDER BY name"
    )
    assert settings.fetchall() == [("false",), ("",)]


def test_the_rows_of_units_are_those_of_the_tenant_whatever_their_texts_hold(
    own: duckdb.DuckDBPyConnection,
) -> None:
    odd = ["a\x00b", "a", "it's", 'say "x"', "x') OR ('' = '", "\\", ""]
    rows = _frame(
        own, tenant=["t"] * len(odd) + ["other"] * len(odd), code=odd * 2, place=list(range(2 * len(odd)))
    )
    for place, code in enumerate(odd):
        units = frozenset({("t", code), ("nobody", "a")})
        assert gold_small.of_units(rows, units, "code").select("place").collect() == [{"place": place}]
    everyone = frozenset(("other", code) for code in odd)
    assert len(gold_small.of_units(rows, everyone, "code").collect()) == len(odd)
    assert gold_small.of_units(rows, frozenset(), "code").collect() == []


def test_columns_that_no_part_of_a_query_names_are_left_out_and_change_no_answer(
    own: duckdb.DuckDBPyConnection,
) -> None:
    rows = {
        "tenant": ["t", "t", "t"],
        "code": ["a", "a", "b"],
        "drug.name": ["x", "y", "y"],
        "rest": [1, 1, 1],
    }
    frame = _frame(own, **rows)
    asked = frame.where("code = 'a'").select(F.col("`drug.name`").alias("drug"))
    assert asked.collect() == [{"drug": "x"}, {"drug": "y"}]
    assert "rest" not in asked.sql()
    assert frame.drop("rest").columns == ["tenant", "code", "drug.name"]
    assert frame.drop("rest").collect()[0] == {"tenant": "t", "code": "a", "drug.name": "x"}
    assert len(frame.distinct().select("tenant").collect()) == 3
    assert len(frame.select("tenant", "code").distinct().collect()) == 2
    counted = frame.groupBy(F.lit("all").alias("of")).agg(F.count("*").alias("rows"))
    assert counted.collect() == [{"of": "all", "rows": 3}]
    assert frame.collect()[2] == {name: values[2] for name, values in rows.items()}


def test_a_column_with_another_value_is_of_the_columns_as_they_were(own: duckdb.DuckDBPyConnection) -> None:
    frame = _frame(own, a=[1], b=[2]).withColumns({"a": F.col("b"), "c": F.col("a"), "b": F.col("a")})
    assert frame.columns == ["a", "b", "c"]
    assert frame.collect() == [{"a": 2, "b": 1, "c": 1}]
    assert frame.withColumnRenamed("a", "z").collect() == [{"z": 2, "b": 1, "c": 1}]
    other = _frame(own, z=[9], b=[1])
    joined = frame.join(other, ["b"])
    assert joined.select("a", "z").collect() == [{"a": 2, "z": 9}]
    assert list(joined.collect()[0]) == joined.columns
    assert frame.join(other, ["b"], "left_anti").collect() == []
