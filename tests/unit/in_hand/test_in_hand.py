"""Frames in hand without Spark: what odd values and odd texts of records become."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="not tested: frames in hand, which need the lake group")
pytest.importorskip("duckdb", reason="not tested: frames in hand, which need the lake group")
pytest.importorskip("deltalake", reason="not tested: frames in hand, which need the lake group")
pytest.importorskip("pyspark", reason="not tested: frames in hand, whose jobs import Spark")

import pyarrow as pa

from spark.in_hand import functions as F  # noqa: N812 - its name in every Spark text
from spark.in_hand.frame import Frame
from spark.jobs import gold_small


def _frame(**columns: Any) -> Frame:
    return Frame.of_arrow(gold_small.connection(), pa.table(columns))


def test_the_next_whole_number_below_of_what_is_too_large_is_the_last_one() -> None:
    values = [2.7, -2.7, 1e19, -1e19, float("inf"), float("nan"), -(2.0**63), None]
    found = _frame(value=pa.array(values, pa.float64())).select(F.floor("value").alias("below")).toArrow()
    last = 2**63 - 1
    assert found["below"].type == pa.int64()
    assert found["below"].to_pylist() == [2, -3, last, -last - 1, last, 0, -last - 1, None]


def test_the_rows_of_units_are_those_of_the_tenant_whatever_their_texts_hold() -> None:
    odd = ["a\x00b", "a", "it's", 'say "x"', "x') OR ('' = '", "\\", ""]
    rows = _frame(
        tenant=["t"] * len(odd) + ["other"] * len(odd), code=odd * 2, place=list(range(2 * len(odd)))
    )
    for place, code in enumerate(odd):
        units = frozenset({("t", code), ("nobody", "a")})
        assert gold_small.of_units(rows, units, "code").select("place").collect() == [{"place": place}]
    everyone = frozenset(("other", code) for code in odd)
    assert len(gold_small.of_units(rows, everyone, "code").collect()) == len(odd)
    assert gold_small.of_units(rows, frozenset(), "code").collect() == []
