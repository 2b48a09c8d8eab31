"""What a view makes of one resource, beyond the published tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.domain.fhir.json import decode_object, encode
from shared.domain.fhir.views import View

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "subject": {"reference": "Patient/p1"},
    "performer": [
        {"reference": "Practitioner/a"},
        {"reference": "https://example.org/fhir/Patient/b/_history/2"},
    ],
    "hasMember": [{"reference": "#c"}, {"reference": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}],
    "component": [{"code": {"text": "one"}}, {"code": {"text": "two"}}],
}
ANSWERS: dict[str, Any] = {
    "resourceType": "QuestionnaireResponse",
    "id": "q1",
    "item": [
        {"linkId": "1", "item": [{"linkId": "1.1", "answer": [{"item": [{"linkId": "1.1.1"}]}]}, {"linkId": "1.2"}]},
        {"linkId": "2"},
    ],
}  # fmt: skip


def rows(resource: dict[str, Any], *select: dict[str, Any], **parts: Any) -> list[dict[str, Any]]:
    return View({"resource": resource["resourceType"], "select": list(select), **parts}).rows(resource)


def column(name: str, path: str, **parts: Any) -> dict[str, Any]:
    return {"name": name, "path": path, **parts}


def only(resource: dict[str, Any], path: str, **parts: Any) -> Any:
    return rows(resource, {"column": [column("c", path, **parts)]})[0]["c"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("getResourceKey()", "o1"),
        ("subject.getReferenceKey()", "p1"),
        ("subject.getReferenceKey(Patient)", "p1"),
        ("subject.getReferenceKey('Patient')", "p1"),
        ("subject.getReferenceKey(Group)", None),
        ("performer.getReferenceKey(Patient)", "b"),
        ("hasMember.getReferenceKey()", None),
        ("subject.getReferenceKey(Patient) = 'p1'", True),
    ],
)
def test_keys_join_a_reference_to_its_resource(path: str, expected: Any) -> None:
    assert only(OBSERVATION, path) == expected


def test_a_collection_is_a_list_and_null_where_it_is_empty() -> None:
    assert only(OBSERVATION, "component.code.text", collection=True) == ["one", "two"]
    assert only(OBSERVATION, "subject.reference", collection=True) == ["Patient/p1"]
    assert only(OBSERVATION, "category.text", collection=True) is None


def test_numbers_keep_the_digits_that_the_resource_has() -> None:
    body = '{"resourceType":"Observation","valueQuantity":{"value":1.50,"unit":"kg"}}'
    found = rows(
        decode_object(body), {"column": [column("v", "value.ofType(Quantity).value"), column("i", "1")]}
    )
    assert encode(found[0]) == '{"v":1.50,"i":1}'


def test_a_computed_number_has_its_shortest_form() -> None:
    assert str(only(OBSERVATION, "1.50 + 1.50")) == "3"
    assert only(OBSERVATION, "10 / 4") == Decimal("2.5")
    assert str(only(OBSERVATION, "1000 / 1")) == "1000"


def test_a_complex_element_is_an_object() -> None:
    assert only(OBSERVATION, "subject", type="Reference") == {"reference": "Patient/p1"}


def test_repeat_finds_every_level_each_item_before_what_is_below_it() -> None:
    found = rows(
        ANSWERS,
        {"repeat": ["item", "answer.item"], "column": [column("link", "linkId"), column("n", "%rowIndex")]},
    )
    assert [(row["link"], row["n"]) for row in found] == [
        ("1", 0),
        ("1.1", 1),
        ("1.1.1", 2),
        ("1.2", 3),
        ("2", 4),
    ]


def test_the_row_index_counts_within_the_nearest_unnesting() -> None:
    patient = {"resourceType": "Patient", "name": [{"given": ["a", "b"]}, {"given": ["c"]}]}
    inner = {"forEach": "given", "column": [column("inner", "%rowIndex"), column("given", "$this")]}
    found = rows(
        patient,
        {"column": [column("top", "%rowIndex")]},
        {"forEach": "name", "select": [inner, {"column": [column("outer", "%rowIndex + 1")]}]},
    )
    assert [tuple(row.values()) for row in found] == [(0, 0, "a", 1), (0, 1, "b", 1), (0, 0, "c", 2)]


def test_an_empty_for_each_or_null_gives_one_row_of_nulls_but_for_its_row_index() -> None:
    nested = {"forEach": "given", "column": [column("given", "$this"), column("g", "%rowIndex")]}
    flat = {"column": [column("also", "%rowIndex"), column("word", "'A'")]}
    found = rows(
        {"resourceType": "Patient", "id": "p"},
        {"column": [column("id", "id")]},
        {"forEachOrNull": "name", "column": [column("n", "%rowIndex")], "select": [nested, flat]},
    )
    assert found == [{"id": "p", "n": 0, "given": None, "g": None, "also": 0, "word": None}]


def test_columns_stand_before_nested_selects_and_those_before_the_union() -> None:
    union = [{"column": [column("e", "'E1'")]}, {"column": [column("e", "'E2'")]}]
    found = rows(
        OBSERVATION,
        {
            "unionAll": union,
            "select": [{"forEach": "component", "column": [column("c", "code.text")]}],
            "column": [column("a", "'A'"), column("b", "'B'")],
        },
        {"column": [column("g", "'G'")]},
    )
    assert [list(row) for row in found] == [["a", "b", "c", "e", "g"]] * 4
    assert [(row["c"], row["e"]) for row in found] == [
        ("one", "E1"),
        ("one", "E2"),
        ("two", "E1"),
        ("two", "E2"),
    ]


def test_resources_of_another_type_give_no_rows() -> None:
    assert View({"resource": "Patient", "select": [{"column": [column("id", "id")]}]}).rows(OBSERVATION) == []


def test_a_condition_that_is_empty_leaves_the_resource_out() -> None:
    where = [{"path": "status = 'final'"}]
    assert rows(OBSERVATION, {"column": [column("id", "id")]}, where=where) == []


def test_what_is_kept_of_one_column_does_not_reach_the_next() -> None:
    union = [{"forEach": "component", "column": [column("t", "%context.code.text")]}]
    assert [row["t"] for row in rows(OBSERVATION, {"unionAll": union})] == ["one", "two"]


def test_constants_have_their_type() -> None:
    constants = [
        {"name": "long", "valueInteger64": "9007199254740993"},
        {"name": "day", "valueDate": "2020-01-02"},
        {"name": "sep", "valueString": ", "},
    ]
    patient = {"resourceType": "Patient", "birthDate": "2020-01-02", "name": [{"given": ["a", "b"]}]}
    paths = ("%long + 1", "birthDate = %day", "birthDate <= %day", "name.given.join(%sep)", "%day")
    found = rows(
        patient, {"column": [column(f"c{n}", path) for n, path in enumerate(paths)]}, constant=constants
    )
    assert list(found[0].values()) == [9007199254740994, True, True, "a, b", "2020-01-02"]


def test_rows_are_the_callers_own() -> None:
    view = View(
        {"resource": "Patient", "select": [{"forEachOrNull": "name", "column": [column("f", "family")]}]}
    )
    view.rows({"resourceType": "Patient"})[0]["f"] = "changed"
    assert view.rows({"resourceType": "Patient"}) == [{"f": None}]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("effective.ofType(Period).lowBoundary()", "2020-01-01T00:00:00.000+14:00"),
        ("effective.ofType(Period).highBoundary()", None),
        ("issued.lowBoundary()", "2020-01-01T10:00:00.000Z"),
    ],
)
def test_the_boundaries_of_a_period_are_those_of_its_ends(path: str, expected: str | None) -> None:
    period = {"effectivePeriod": {"start": "2020-01"}, "issued": "2020-01-01T10:00:00Z"}
    assert only({**OBSERVATION, **period}, path) == expected
