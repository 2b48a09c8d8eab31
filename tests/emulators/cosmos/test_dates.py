"""The functions on instants and whole numbers, with the values of the service's documentation where it gives some."""

from __future__ import annotations

from typing import Any

import pytest

from local.emulators.cosmos.sql.compile import PARAMETERS_SLOT
from local.emulators.cosmos.sql.errors import AbsentError
from local.emulators.cosmos.sql.queries import compile_text
from local.emulators.cosmos.sql.values import UNDEFINED


def _value(expression: str) -> Any:
    query = compile_text(f"SELECT VALUE {expression}")
    frame: list[Any] = [UNDEFINED] * query.slots
    frame[PARAMETERS_SLOT] = {}
    return next(query.values(frame), UNDEFINED)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("DateTimeAdd('mm', 1, '2020-07-09T23:20:13.4575530Z')", "2020-08-09T23:20:13.4575530Z"),
        ("DateTimeAdd('yyyy', -1, '2020-07-09T23:20:13.4575530Z')", "2019-07-09T23:20:13.4575530Z"),
        ("DateTimeAdd('month', 1, '2020-01-31')", "2020-02-29T00:00:00.0000000Z"),
        ("DateTimeAdd('hh', -24, '2020-03-01T00:00:00Z')", "2020-02-29T00:00:00.0000000Z"),
        ("DateTimeAdd('ns', 500, '2020-03-01T00:00:00Z')", "2020-03-01T00:00:00.0000005Z"),
        ("DateTimeAdd('week', 1, '2020-03-01')", UNDEFINED),
        ("DateTimeAdd('dd', 1, 'no date')", UNDEFINED),
        ("DateTimeDiff('year', '2028-01-01T01:02:03.1234527Z', '2020-01-03T01:02:03.1234567Z')", -8),
        ("DateTimeDiff('month', '2018-11-30', '2019-01-01')", 2),
        ("DateTimeDiff('hh', '2018-11-05T22:59:59Z', '2018-11-05T23:00:00Z')", 1),
        ("DateTimeDiff('second', '2018-11-05T23:00:02.1234567Z', '2018-11-05T23:00:04.1234567Z')", 2),
        ("DateTimePart('mcs', '2016-05-29T08:30:00.1301617Z')", 130161),
        ("DateTimePart('ns', '2016-05-29T08:30:00.1301617Z')", 130161700),
        ("DateTimePart('dd', '2016-05-29T08:30:00.1301617Z')", 29),
        ("DateTimeFromParts(2020, 9, 4)", "2020-09-04T00:00:00.0000000Z"),
        ("DateTimeFromParts(2020, 9, 4, 10, 52, 12, 3456789)", "2020-09-04T10:52:12.3456789Z"),
        ("DateTimeFromParts(2020, 13, 4)", UNDEFINED),
        ("DateTimeBin('2021-06-28T17:24:29.2991234Z', 'dd')", "2021-06-28T00:00:00.0000000Z"),
        ("DateTimeBin('2021-06-28T17:24:29.2991234Z', 'hh', 5)", "2021-06-28T16:00:00.0000000Z"),
        ("DateTimeBin('2021-06-28T17:24:29.2991234Z', 'mm', 3)", "2021-04-01T00:00:00.0000000Z"),
        ("TicksToDateTime(15943368134575530)", "2020-07-09T23:20:13.4575530Z"),
        ("DateTimeToTicks('2020-07-09T23:20:13.4575530Z')", 15943368134575530),
        ("TimestampToDateTime(1594227912345)", "2020-07-08T17:05:12.3450000Z"),
        ("DateTimeToTimestamp('2020-07-08T17:05:12.3450000Z')", 1594227912345),
        ("DateTimeToTimestamp('2020-07-08T19:05:12.345+02:00')", 1594227912345),
        ("IntDiv(-7, 2)", -3),
        ("IntMod(-7, 2)", -1),
        ("IntBitAnd(12, 10) + IntBitOr(12, 10) + IntBitXor(12, 10)", 28),
        ("IntDiv(1, 0)", UNDEFINED),
        ("IntBitAnd(1.5, 1)", UNDEFINED),
        ("POWER(-2, 0.5)", UNDEFINED),
        ("POWER(2, 0.5)", 2**0.5),
        ("TimestampToDateTime(1e307)", UNDEFINED),
        ("DateTimeFromParts(2020, 1, 1e300)", UNDEFINED),
    ],
)
def test_gives_what_the_service_gives(expression: str, expected: Any) -> None:
    assert _value(expression) == expected


def test_the_present_is_told_alike_in_all_three_forms() -> None:
    assert abs(_value("GetCurrentTicks()") // 10_000 - _value("GetCurrentTimestamp()")) < 60_000
    assert _value("DateTimeToTimestamp(GetCurrentDateTimeStatic())") <= _value("GetCurrentTimestamp()")


@pytest.mark.parametrize("expression", ["udf.f(1)", "ST_WITHIN({}, {})", "VectorDistance([1], [2])"])
def test_what_is_left_out_is_named(expression: str) -> None:
    with pytest.raises(AbsentError):
        compile_text(f"SELECT VALUE {expression}")
