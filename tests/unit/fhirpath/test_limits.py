"""Expressions and data that mean harm end soon, with an error that says why."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from shared.domain.fhir import fhirpath


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 30_000 + "a" + ")" * 30_000,
        "a.b" * 100_000,
        "a" + ".b" * 30_000,
        "-" * 60_000 + "1",
        "a" + "[0]" * 20_000,
        "a" + " or a" * 12_000,
        "a(" * 30_000,
        "1" * 60_000,
        "'" + "\\" * 60_000,
        "/*" * 30_000,
    ],
)
def test_deep_and_long_expressions_are_refused(text: str) -> None:
    with pytest.raises(fhirpath.FhirPathSyntaxError):
        fhirpath.compile(text)


def test_the_deepest_allowed_expression_can_be_evaluated() -> None:
    assert sys.getrecursionlimit() <= 1_000
    assert fhirpath.compile("true" + " and true" * 198).evaluate({}) == [True]
    assert fhirpath.compile("(" + " | ".join(f"'{code}'" for code in range(199)) + ").count()").evaluate(
        {}
    ) == [199]
    assert fhirpath.compile("$this" + ".select($this" * 90 + ")" * 90).evaluate({"id": "x"}) == [{"id": "x"}]
    assert fhirpath.compile("(" * 90 + "1" + ")" * 90).evaluate({}) == [1]
    assert fhirpath.compile("iif(true, " * 60 + "1" + ")" * 60).evaluate({}) == [1]


@pytest.mark.parametrize(
    "expression",
    [
        "1.repeat($this + 1)",
        "'a'.repeat($this & 'a')",
        "descendants().select(%resource.descendants()).select(%resource.descendants())",
        "name.given.select(%resource.name.given.take($index).select($this & 'b').count())",
        "'a'" + ".replace('', 'aaaaaaaaaa')" * 20,
        "(1 | 2)" + ".select($this | $this + 1)" * 3 + ".repeat($this + 1)",
        "'a'" + ".select($this & $this)" * 60,
    ],
)
def test_what_grows_without_end_is_stopped(expression: str) -> None:
    focus = {"resourceType": "Patient", "name": [{"given": ["x"] * 50} for _ in range(50)]}
    with pytest.raises(fhirpath.FhirPathLimitError):
        fhirpath.compile(expression).evaluate(focus)


@pytest.mark.parametrize(
    "expression", ["2.power(1000000)", "9" * 40 + " * " + "9" * 40, "10.exp().exp().exp()"]
)
def test_numbers_beyond_any_type_are_empty(expression: str) -> None:
    assert fhirpath.compile(expression).evaluate({}) == []


def test_large_collections_are_compared_in_linear_time() -> None:
    entries = [{"fullUrl": f"urn:uuid:{number}"} for number in range(20_000)]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "entry": entries}
    assert fhirpath.compile("entry.isDistinct() and entry.fullUrl.isDistinct()").evaluate(bundle) == [True]
    assert fhirpath.compile("(entry.fullUrl | entry.fullUrl).count()").evaluate(bundle) == [20_000]
    assert fhirpath.compile("entry.fullUrl.intersect(entry.fullUrl).count()").evaluate(bundle) == [20_000]


def test_equivalence_of_large_collections_in_other_orders_is_refused() -> None:
    numbers = [str(number) for number in range(20_000)]
    focus = {"resourceType": "Basic", "left": numbers, "right": numbers[::-1]}
    assert fhirpath.compile("left ~ left").evaluate(focus) == [True]
    with pytest.raises(fhirpath.FhirPathLimitError):
        fhirpath.compile("left ~ right").evaluate(focus)


def test_the_steps_of_an_invariant_are_told() -> None:
    told: list[int] = []
    patient = {"resourceType": "Patient", "name": [{"family": "Doe"}] * 50}
    assert fhirpath.compile("name.all(family.exists())").is_true(patient, on_steps=told.append)
    assert fhirpath.compile("name.exists()").is_true(patient, on_steps=told.append)
    assert told == [50]


def test_membership_in_a_large_collection_is_asked_for_each_item_in_constant_time() -> None:
    codes = [str(number) for number in range(20_000)]
    focus = {"resourceType": "Basic", "left": codes, "right": codes[::-1]}
    assert fhirpath.compile("left.all(%resource.right contains $this)").evaluate(focus) == [True]
    assert fhirpath.compile("left.where($this in %resource.right).count()").evaluate(focus) == [20_000]
    assert fhirpath.compile("left.where(intersect(%resource.right).empty()).empty()").evaluate(focus) == [
        True
    ]
