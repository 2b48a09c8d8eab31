"""The configuration table of the README is the one of shared/settings.py."""

from __future__ import annotations

import dataclasses

import pytest

from shared import names
from shared.domain.fhir import json
from shared.settings import Settings, read_settings
from tests.docs.documents import codes_in, table_after, text_of

LEAST = {
    names.RECORDS_CONNECTION: "AccountEndpoint=https://example.org/;AccountKey=a2V5",
    names.LAKE_CONNECTION: "UseDevelopmentStorage=true",
    names.EVENT_HUBS_CONNECTION: "Endpoint=sb://example.org",
    "GALEN_LINK_KEY": "k" * 32,
}
SAMPLES = {
    "cloud": "azure",
    "streams": '{"vital-signs":"readings"}',
    "hub_tenants": '{"vital-signs":"other"}',
    "link_key": "l" * 32,
    "default_tenant": "other",
    "validation_modes": '{"http":"warn"}',
    "jobs_databricks": "https://workspace.example.org",
    "jobs_emr": '{"region":"r","application":"a","role":"o","entry":"e","lake":"l"}',
    "metrics_access": "open",
    "origin_access": "0" * 64,
    "streams_asked": "false",
    "live_url": "https://live.webpubsub.azure.com",
}
ROWS = table_after(text_of("README.md"), "| field | variable |")


def shown(value: object) -> str:
    """A setting's value as one writes it in the environment."""
    return value if isinstance(value, str) else json.encode(value)


def test_every_setting_has_a_row_in_the_order_of_the_class() -> None:
    fields = [field.name for field in dataclasses.fields(Settings)]
    assert [codes_in(row[0])[0] for row in ROWS] == fields


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_variable_of_a_row_sets_the_field(row: list[str]) -> None:
    field, variable = codes_in(row[0])[0], codes_in(row[1])[0]
    sample = SAMPLES.get(field, "a sample")
    assert shown(getattr(read_settings({**LEAST, variable: sample}), field)) == sample


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_default_of_a_row_is_what_the_app_takes(row: list[str]) -> None:
    field, variable, default = codes_in(row[0])[0], codes_in(row[1])[0], codes_in(row[2])
    if default:
        assert shown(getattr(read_settings(LEAST), field)) == default[0]
    else:
        assert row[2].startswith("none")
        assert dataclasses.asdict(Settings())[field] == ""
    assert variable not in LEAST or "required" in row[2]


def test_every_row_says_what_it_means() -> None:
    assert all(len(row) == 4 and row[3] for row in ROWS)
