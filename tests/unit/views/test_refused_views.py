"""Wrong views are refused before any row, with the place of the mistake."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.views import View, ViewError

ID = {"name": "id", "path": "id"}


def view(**parts: Any) -> dict[str, Any]:
    return {"resource": "Patient", "select": [{"column": [ID]}], **parts}


def select(**parts: Any) -> dict[str, Any]:
    return view(select=[parts])


def columns(*paths: str) -> dict[str, Any]:
    return {"column": [{"name": f"c{number}", "path": path} for number, path in enumerate(paths)]}


@pytest.mark.parametrize(
    ("definition", "place"),
    [
        ([], ""),
        ({}, "resource"),
        (view(resource="Patents"), "resource"),
        (view(resourceType="Patient"), "resourceType"),
        (view(name="1st"), "name"),
        ({"resource": "Patient"}, "select"),
        (view(select={"column": [ID]}), "select"),
        (view(select=[]), "select"),
        (view(select=["id"]), "select[0]"),
        (select(), "select"),
        (select(column=[ID, ID]), "select[0].column[1]"),
        (select(column=[ID], select=[{"column": [ID]}]), "select[0].select[0].column[0]"),
        (select(column=[{"path": "id"}]), "select[0].column[0].name"),
        (select(column=[{"name": "no space", "path": "id"}]), "select[0].column[0].name"),
        (select(column=[{"name": "id"}]), "select[0].column[0].path"),
        (select(column=[{**ID, "collection": "yes"}]), "select[0].column[0].collection"),
        (select(forEach="name", forEachOrNull="name", column=[ID]), "select[0]"),
        (select(forEach="name", repeat=["contact"], column=[ID]), "select[0]"),
        (select(repeat=[], column=[ID]), "select[0].repeat"),
        (select(repeat="item", column=[ID]), "select[0].repeat"),
        (select(forEach="name[", column=[ID]), "select[0].forEach"),
        (select(**columns("name.nosuch()")), "select[0].column[0].path"),
        (select(**columns("id", "%nowhere")), "select[0].column[1].path"),
        (select(**columns("now()")), "select[0].column[0].path"),
        (select(**columns("gender.memberOf('x')")), "select[0].column[0].path"),
        (view(where=[{"path": "name.family"}]), "where[0].path"),
        (view(where=[{"path": "gender"}]), "where[0].path"),
        (view(where=[{"path": "name.count()"}]), "where[0].path"),
        (view(where=[{}]), "where[0].path"),
        (view(constant=[{"name": "c", "valueInteger": "1"}]), "constant[0].valueInteger"),
        (view(constant=[{"name": "c", "valueDate": "1.5.2020"}]), "constant[0].valueDate"),
        (view(constant=[{"name": "c", "valuePeriod": {}}]), "constant[0].valuePeriod"),
        (view(constant=[{"name": "c", "valueCode": "a", "valueString": "a"}]), "constant[0]"),
        (view(constant=[{"name": "c", "valueCode": "a"}, {"name": "c", "valueCode": "b"}]), "constant[1]"),
        (select(unionAll=[columns("id"), {"column": [ID]}]), "select[0].unionAll[1]"),
        (select(unionAll=[columns("id"), columns("active")]), "select[0].unionAll[1].column[0].path"),
    ],
)  # fmt: skip
def test_a_wrong_view_is_refused_at_its_place(definition: Any, place: str) -> None:
    with pytest.raises(ViewError) as refused:
        View(definition)
    assert refused.value.place == place


def test_several_values_in_a_single_column_are_told_with_the_column_and_without_the_values() -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "canary1"}, {"family": "canary2"}]}
    with pytest.raises(ViewError, match="several values for the column c0") as refused:
        View(select(**columns("name.family"))).rows(patient)
    assert "canary" not in refused.value.text


def test_a_step_that_no_resource_can_have_is_a_remark_and_no_error() -> None:
    definition = View(select(**columns("nmae.family"))).definition
    assert definition.remarks == (
        "select[0].column[0].path: Patient has no element nmae in FHIR R4, so that nothing will be found",
    )


@pytest.mark.parametrize(
    "path",
    [
        "(gender = 'male') and active",
        "name.where(use = 'official').exists()",
        "active",
        "deceased.ofType(boolean)",
        "contained.first().foo",
        "name.all(family.exists())",
        "iif(active, true, false)",
    ],
)
def test_a_path_that_may_give_a_boolean_is_a_condition(path: str) -> None:
    assert View(view(where=[{"path": path}])).rows({"resourceType": "Observation"}) == []
