"""What a sender can do to the fast pass: nothing that takes long or stays in memory."""

from __future__ import annotations

import time
from itertools import islice, permutations
from typing import Any

import pytest

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation import fast
from shared.domain.fhir.validation.explain import explain
from shared.domain.fhir.validation.explain.findings import MAX_ERRORS
from shared.domain.fhir.validation.fast import known, shapes
from shared.domain.fhir.validation.fast.resources import Resources
from shared.domain.fhir.validation.validator import R4Validator

PATIENT: dict[Any, Any] = {
    "resourceType": "Patient",
    "id": "1",
    "active": True,
    "gender": "male",
    "birthDate": "2000-01-01",
}


def nested(depth: int) -> dict[str, Any]:
    extension: dict[str, Any] = {"url": "x", "valueString": "y"}
    for _ in range(depth):
        extension = {"url": "http://example.org", "extension": [extension]}
    return {**PATIENT, "extension": [extension]}


@pytest.mark.parametrize(
    "resource",
    [
        None,
        [],
        "Patient",
        {},
        {"resourceType": None},
        {"resourceType": ["Patient"]},
        {"resourceType": "Nothing", "id": "1"},
        {**PATIENT, "name": "x" * 1_000_000},
        {**PATIENT, "name": [[{}]]},
        {**PATIENT, "contained": {}},
        {**PATIENT, "contained": [None]},
        {**PATIENT, "contained": [{"resourceType": "Patient"}]},
        {**PATIENT, 1: 2},
        {**PATIENT, "": ""},
        {**PATIENT, "extension": [{"url": {}, "valueString": []}]},
        {"resourceType": "Bundle", "type": "batch", "entry": [1, None, {"resource": []}]},
        {"resourceType": "Observation", "status": {}, "code": {"coding": [{"system": [], "code": {}}]}},
    ],
)
def test_what_is_no_resource_is_not_plainly_valid(resource: Any) -> None:
    assert fast.remarks(resource) is None


def test_depth_ends_in_an_answer() -> None:
    assert fast.remarks(nested(20), best_practice=False) == []
    assert fast.remarks(nested(3_000)) is None


def test_many_shapes_do_not_stay() -> None:
    checks = Resources(r4())
    kept = checks._shapes
    names = (
        "id",
        "active",
        "gender",
        "birthDate",
        "language",
        "implicitRules",
        "deceasedBoolean",
        "multipleBirthInteger",
    )
    values = ("1", True, "male", "2000-01-01", "en", "http://a.org", False, 1)
    pairs = list(zip(names, values, strict=True))
    for order in islice(permutations(pairs), shapes.MAX_SHAPES + 500):
        assert checks.is_plain({"resourceType": "Patient", **dict(order)})
    assert sum(map(len, kept._plans)) <= shapes.MAX_SHAPES


def test_many_values_do_not_stay() -> None:
    texts = known.Known(lambda text: len(text) > 0)
    for number in range(known.MAX_VALUES * 2 + 10):
        assert texts[str(number)]
    assert texts["x" * 10_000]
    assert not texts[""]
    assert len(texts) <= known.MAX_VALUES
    assert "x" * 10_000 not in texts


def test_time_grows_with_length_only() -> None:
    def seconds(count: int) -> float:
        names = [{"family": f"Family {number}", "given": ["a", "b"]} for number in range(count)]
        resource = {**PATIENT, "name": names}
        started = time.process_time()
        assert fast.remarks(resource, best_practice=False) == []
        return time.process_time() - started

    seconds(100)
    assert seconds(40_000) < 40 * max(min(seconds(4_000) for _ in range(3)), 0.005)


@pytest.mark.parametrize(
    "value", ["a" * 900_000 + "\x00", "<" * 900_000, " " * 900_000 + "x", "-" * 900_000, "1" * 900_000]
)
def test_long_texts_are_read_once(value: str) -> None:
    started = time.process_time()
    for name in ("language", "birthDate", "implicitRules", "id"):
        fast.remarks({**PATIENT, name: value})
    fast.remarks({**PATIENT, "name": [{"text": value}]})
    assert time.process_time() - started < 2


def test_many_wrong_codes_end_in_findings() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/1"}}
    found = R4Validator().validate({**allergy, "category": ["none"] * 2 * MAX_ERRORS})
    assert [issue.rule for issue in found[-2:]] == ["binding-required", "too-many"]


def test_work_is_bounded_and_what_ends_there_is_no_valid_resource() -> None:
    resource = {**PATIENT, "gender": "none", "address": [{"city": "Boston"}] * 200}
    *_, error, last = explain(resource, r4(), work=1_000)
    assert (error.rule, error.severity) == ("binding-required", "error")
    assert (last.rule, last.severity, last.code) == ("too-much-work", "error", "too-costly")


def test_one_error_deep_below_many_good_items_does_not_cost_them_again_at_each_level() -> None:
    asked: list[str] = []

    def shortcut(*about: Any) -> list[Issue] | None:
        asked.append(about[4])
        return fast.remarks_within(*about, best_practice=False)

    good = [{"linkId": str(number), "type": "string", "text": "<b>"} for number in range(50)]
    item = {"linkId": "wrong", "type": "none"}
    for depth in range(12):
        item = {"linkId": f"group {depth}", "type": "group", "item": [*(good if not depth else []), item]}
    resource = {"resourceType": "Questionnaire", "status": "draft", "item": [item]}
    found = explain(resource, r4(), best_practice=False, shortcut=shortcut)
    assert found == explain(resource, r4(), best_practice=False)
    assert len(asked) == len(set(asked)) == 50 + 12 + 1


def test_another_order_of_the_same_properties_is_learnt_from_the_first() -> None:
    checks = Resources(r4())
    forward = {**PATIENT, "name": [{"family": "Doe", "given": ["Jo"]}]}
    backward = dict(reversed(forward.items()))
    assert checks.is_plain(forward)
    assert checks.is_plain(backward)
    assert not checks.is_plain({**backward, "gender": "none"})
