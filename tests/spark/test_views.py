"""ViewDefinitions and what follows them, without Spark."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from shared.domain.fhir.json import decode_object
from spark.schemas.columns import Rule
from spark.schemas.silver import BY_NAME, BY_TYPE, SILVER
from spark.transforms.age_groups import age_group
from spark.transforms.normalise import COMPONENTS_VIEW, silver_row
from spark.transforms.units import canonical_quantity
from spark.views.shipped import load_view, view_names


def test_every_silver_table_has_a_view_that_gives_what_its_rules_read() -> None:
    assert set(view_names()) == {*BY_NAME, COMPONENTS_VIEW}
    for table in SILVER:
        view = load_view(table.name)
        (row,) = view.rows({"resourceType": table.type})
        read = {source for field in table.fields if field.rule != Rule.COMPONENTS for source in field.sources}
        assert read | {"id"} == set(row), table.name


@pytest.mark.parametrize("name", sorted(view_names()))
def test_every_view_that_ships_compiles(name: str) -> None:
    assert load_view(name).resource in BY_TYPE


def test_decimals_keep_their_digits_in_the_text_column() -> None:
    body = '{"resourceType":"Observation","status":"final","code":{},"valueQuantity":{"value":1.10,"code":"mg/dL"}}'
    row = silver_row(BY_TYPE["Observation"], decode_object(body))
    assert (row["value_text"], row["value"], row["unit_canonical"]) == ("1.10", 1.1, "mg/dL")


def test_a_partial_birth_date_counts_from_its_first_day() -> None:
    row = silver_row(BY_TYPE["Patient"], {"resourceType": "Patient", "birthDate": "1980-05"})
    assert (row["birth_text"], row["birth_on"]) == ("1980-05", date(1980, 5, 1))


def test_blood_pressure_keeps_its_components_in_order() -> None:
    component = {"code": {"coding": [{"code": "8480-6"}]}, "valueQuantity": {"value": 120, "code": "mm[Hg]"}}
    resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {},
        "component": [component, {"code": {}}],
    }
    row = silver_row(BY_TYPE["Observation"], resource)
    assert [(each["code"], each["value_canonical"]) for each in row["components"]] == [
        ("8480-6", 120.0),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("98.6", "[degF]", ("37.0", "Cel")),
        ("310.15", "K", ("37.0", "Cel")),
        ("70", "[in_i]", ("177.8", "cm")),
        ("5.5", "mmol/L", ("5.5", "mmol/L")),
        ("1", None, ("1", None)),
    ],
)
def test_units_become_canonical_and_unknown_ones_stay(
    value: str, unit: str | None, expected: tuple[str, str | None]
) -> None:
    found, code = canonical_quantity(Decimal(value), unit)
    assert (found.quantize(Decimal("1.000000")), code) == (
        Decimal(expected[0]).quantize(Decimal("1.000000")),
        expected[1],
    )


@pytest.mark.parametrize(
    ("born", "on", "group"),
    [
        (date(2000, 1, 1), date(2014, 12, 31), "0-14"),
        (date(2000, 1, 1), date(2015, 1, 1), "15-24"),
        (date(2000, 2, 29), date(2025, 2, 28), "15-24"),
        (date(2000, 2, 29), date(2025, 3, 1), "25-44"),
        (date(1950, 6, 1), date(2025, 6, 1), "75+"),
        (date(2000, 1, 1), date(1999, 1, 1), "unknown"),
        (None, date(2000, 1, 1), "unknown"),
    ],
)
def test_age_groups_turn_over_on_the_birthday(born: date | None, on: date | None, group: str) -> None:
    assert age_group(born, on) == group
