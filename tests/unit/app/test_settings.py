"""Settings: each missing one is named, and the package brings no secret of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.settings import SettingsError, read_settings

CHECKOUT = Path(__file__).parents[3]
COMPLETE = {
    "GALEN_RECORDS": "AccountEndpoint=https://records.example/;AccountKey=a2V5;",
    "GALEN_LAKE__blobServiceUri": "https://lake.example",
    "GALEN_EVENT_HUBS__fullyQualifiedNamespace": "hubs.example",
    "GALEN_LINK_KEY": "k" * 32,
}


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("GALEN_RECORDS", "GALEN_RECORDS"),
        ("GALEN_LAKE__blobServiceUri", "GALEN_LAKE"),
        ("GALEN_EVENT_HUBS__fullyQualifiedNamespace", "GALEN_EVENT_HUBS"),
        ("GALEN_LINK_KEY", "GALEN_LINK_KEY"),
    ],
)
def test_names_the_setting_that_is_missing(left_out: str, named: str) -> None:
    environment = {name: value for name, value in COMPLETE.items() if name != left_out}
    with pytest.raises(SettingsError, match=named):
        read_settings(environment)


@pytest.mark.parametrize("tenant", ["", "Upper", "a/b", "..", "x" * 65])
def test_refuses_a_tenant_that_is_not_safe_as_a_folder(tenant: str) -> None:
    with pytest.raises(SettingsError, match="tenant"):
        read_settings({**COMPLETE, "GALEN_HUB_TENANTS": json.dumps({"vital-signs": tenant})})


@pytest.mark.parametrize(
    "modes", ['{"http":"quarantine"}', '{"ftp":"warn"}', '{"ward/file":"ignore"}', "[]", "x"]
)
def test_a_bad_validation_mode_stops_the_start_and_is_named(modes: str) -> None:
    with pytest.raises(SettingsError, match="GALEN_VALIDATION_MODES"):
        read_settings({**COMPLETE, "GALEN_VALIDATION_MODES": modes})


@pytest.mark.parametrize(
    ("jobs", "told"),
    [
        ({"GALEN_JOBS_COMMAND": "spark", "GALEN_JOBS_DATABRICKS": "https://x.example"}, "Only one"),
        ({"GALEN_JOBS_DATABRICKS": "http://x.example"}, "begins with https"),
        (
            {"GALEN_JOBS_EMR": '{"region":"r","lake":"l","colour":"red"}'},
            "role is missing.*colour is not known",
        ),
    ],
)
def test_a_place_for_jobs_that_cannot_be_used_stops_the_start(jobs: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read_settings({**COMPLETE, **jobs})


def test_the_package_has_no_token_issuer_of_its_own() -> None:
    settings = read_settings(COMPLETE)
    assert settings.token_signing_key == ""
    assert json.loads(settings.token_clients) == []
    assert json.loads(settings.trusted_issuers) == []


def test_the_example_settings_and_the_package_leave_the_local_client_out() -> None:
    example = json.loads((CHECKOUT / "local.settings.json.example").read_text("utf-8"))["Values"]
    assert not {name for name in example if "TOKEN" in name}
    ignored = (CHECKOUT / ".funcignore").read_text("utf-8").split()
    assert {"local", "local.settings.json*", "tests"} <= set(ignored)


def test_secrets_stay_out_of_what_a_traceback_would_show() -> None:
    shown = repr(
        read_settings({**COMPLETE, "GALEN_TOKEN_SIGNING_KEY": "PRIVATE", "GALEN_LINK_KEY": "s" * 40})
    )
    assert "PRIVATE" not in shown
    assert "s" * 40 not in shown
