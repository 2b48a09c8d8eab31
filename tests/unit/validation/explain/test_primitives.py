"""Every primitive type, its forms, ranges and calendar."""

from __future__ import annotations

import time
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.fhir.validation.primitives import Fault, primitive_fault

VALID: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, -1, 2**31 - 1, -(2**31)],
    "unsignedInt": [0, 2**31 - 1],
    "positiveInt": [1],
    "decimal": [0, -1, 1.5, Decimal("1.10"), Decimal("1e-7"), 10**30],
    "string": ["a", " a ", "é\u00a0\u2028", "a\tb\r\nc", "a < b", "5 <6"],
    "markdown": ["# <b>bold</b>"],
    "uri": [
        "http://a.b/c",
        "urn:oid:1.2.3",
        "urn:uuid:53FEFA32-fcbb-4ff8-8a92-55ee120877b7",
        "relative",
        "#x",
    ],
    "canonical": ["http://a.b/c|1.0", "urn:oid:1.2.3|4.0.1", "#x"],
    "base64Binary": ["QQ==", "QUI=", "QUJD", "QU\nJD", " QUJD "],
    "date": ["2024", "2024-02", "2024-02-29", "0001-01-01", "9999-12-31", "2000-02-29"],
    "dateTime": [
        "2024",
        "2024-02",
        "2024-02-29",
        "2016-12-31T23:59:60Z",
        "2024-01-01T00:00:00.123456789+14:00",
    ],
    "instant": ["2024-02-29T10:00:00-13:59", "2024-02-29T10:00:00.1Z"],
    "time": ["00:00:00", "23:59:60.5"],
    "code": ["a", "a b", "é", "a\u00a0b"],
    "id": ["a", "A-1.b", "x" * 64],
    "oid": ["urn:oid:2.16.840", "urn:oid:0.0"],
    "uuid": ["urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"],
}
INVALID: dict[str, list[Any]] = {
    "boolean": ["true", 1, 0, None, "", []],
    "integer": ["1", True, 1.0, Decimal("1"), 2**31, -(2**31) - 1],
    "unsignedInt": [-1, "0", False],
    "positiveInt": [0, -1],
    "decimal": ["1.0", True, float("nan"), float("inf"), Decimal("NaN")],
    "string": [
        "",
        1,
        True,
        "a\x00",
        "\x0b",
        "x" * (1024 * 1024 + 1),
        "<script>x</script>",
        '<p onclick="x">',
    ],
    "markdown": ["", "\x1f"],
    "uri": ["", "a b", " ", "urn:oid:x", "urn:uuid:1", "oid:1.2", "uuid:x"],
    "canonical": [" ", "http://a.b/c| 1", "urn:oid:x|1"],
    "base64Binary": ["", " ", "Q", "QQ=", "Q===", "QQ==QQ==", "Q-_=", "%%%"],
    "date": [
        "",
        "2024-2",
        "2023-02-29",
        "1900-02-29",
        "2024-02-30",
        "2024-13",
        "0000",
        "2024-01-01T00:00:00Z",
        "２０２４",
    ],
    "dateTime": [
        "2024-01-01T10:00",
        "2024-01-01T10:00:00",
        "2024-01-01T24:00:00Z",
        "2024-01-01T10:00:00+14:01",
        "24",
    ],
    "instant": ["2024", "2024-01-01", "2024-01-01T10:00:00", "2023-02-29T10:00:00Z"],
    "time": ["24:00:00", "10:00", "10:00:00Z", "10:60:00"],
    "code": ["", " a", "a ", "a  b", "a\tb", "a\nb"],
    "id": ["", "a_b", "x" * 65, "a b", "é"],
    "oid": ["urn:oid:3.1", "urn:oid:1", "1.2.3", "urn:oid:1.02"],
    "uuid": ["53fefa32-fcbb-4ff8-8a92-55ee120877b7", "urn:uuid:53FEFA32-FCBB-4FF8-8A92-55EE120877B7"],
}


def _fails(type_name: str, value: Any) -> bool:
    fault: Fault | None = primitive_fault(type_name, value)
    return fault is not None and fault.severity == "error"


@pytest.mark.parametrize("type_name", sorted(VALID))
def test_accepts_what_a_type_allows(type_name: str) -> None:
    assert [value for value in VALID[type_name] if _fails(type_name, value)] == []


@pytest.mark.parametrize("type_name", sorted(INVALID))
def test_refuses_what_a_type_does_not_allow(type_name: str) -> None:
    assert [value for value in INVALID[type_name] if not _fails(type_name, value)] == []


@pytest.mark.parametrize(("value", "rule"), [(" \t ", "string-blank"), ("<b>bold</b>", "string-markup")])
def test_only_warns_of_strings_that_are_odd(value: str, rule: str) -> None:
    fault = primitive_fault("string", value)
    assert fault is not None
    assert (fault.severity, fault.rule) == ("warning", rule)


@pytest.mark.parametrize("type_name", sorted(VALID))
def test_takes_time_linear_in_hostile_input(type_name: str) -> None:
    began = time.process_time()
    for unit in ("A", "1", " ", "a b", "1.", "<", "<a ", "AAA=", "\n", "2024-", "0."):
        primitive_fault(type_name, unit * (500_000 // len(unit)))
        primitive_fault(type_name, "urn:oid:1." + unit * (500_000 // len(unit)) + "!")
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("oid", "urn:oid:1" + ".1" * 500_000 + "!"),
        ("code", "a" + " a" * 500_000 + "!  "),
        ("base64Binary", "QUJD" * 250_000 + "!"),
    ],
)
def test_takes_memory_of_the_order_of_hostile_input(type_name: str, text: str) -> None:
    tracemalloc.start()
    try:
        assert primitive_fault(type_name, text) is not None
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()
