"""Fixed values, patterns and codes of value sets."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.definitions.model import ValueSetCodes
from shared.domain.fhir.validation.profiles.matching import fits_pattern, is_fixed, is_in_value_set


@pytest.mark.parametrize(
    ("value", "fixed", "same"),
    [
        ("a", "a", True),
        ("a", "A", False),
        (True, True, True),
        (1, True, False),
        (0, False, False),
        (json.decode("1.10"), 1.1, True),
        (json.decode("100"), 100.0, True),
        (json.decode("1.11"), 1.1, False),
        ({"a": [1]}, {"a": [1]}, True),
        ({"a": [1], "b": 1}, {"a": [1]}, False),
        ([1, 2], [2, 1], False),
        (None, "a", False),
        ("a", {"a": 1}, False),
        ("a", ["a"], False),
    ],
)
def test_a_fixed_value_is_the_whole_value(value: Any, fixed: Any, same: bool) -> None:
    assert is_fixed(value, fixed) is same


@pytest.mark.parametrize(
    ("value", "pattern", "fits"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"b": 2}, {"a": 1}, False),
        ([{"a": 1, "b": 2}, {"c": 3}], [{"c": 3}], True),
        ([{"a": 1}], [{"a": 1}, {"c": 3}], False),
        ({"a": "x"}, [{"a": "x"}], False),
        ("x", "x", True),
        (None, {"a": 1}, False),
    ],
)
def test_a_pattern_is_contained_in_the_value(value: Any, pattern: Any, fits: bool) -> None:
    assert fits_pattern(value, pattern) is fits


CODES = ValueSetCodes("urn:vs", {"urn:s": frozenset({"a"})}, frozenset({"urn:open"}))
CLOSED = ValueSetCodes("urn:vs", {"urn:s": frozenset({"a"})})


@pytest.mark.parametrize(
    ("value", "is_in"),
    [
        ("a", True),
        ("b", False),
        ({"system": "urn:s", "code": "a"}, True),
        ({"system": "urn:t", "code": "a"}, False),
        ({"code": "a"}, False),
        ({"coding": [{"system": "urn:t", "code": "z"}, {"system": "urn:s", "code": "a"}]}, True),
        ({"coding": [{"display": "a"}], "text": "a"}, None),
        ({"text": "a"}, None),
        (7, None),
    ],
)
def test_one_coding_in_the_value_set_is_enough(value: Any, is_in: bool | None) -> None:
    assert is_in_value_set(value, CLOSED) is is_in


def test_an_open_system_takes_any_code() -> None:
    assert is_in_value_set({"system": "urn:open", "code": "anything"}, CODES) is True
    assert is_in_value_set("anything", CODES) is True, "a bare code may be of the open system"
