"""Settings of a stack: what is wrong stops before anything is declared, and is named."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip(
    "pulumi", reason="not tested: the infrastructure, whose dependency group is not installed"
)

from infra.config import Cloud, ConfigurationError, StackConfig
from infra.recording import record, stack_configuration
from local.layout import CHECKOUT
from tests.infra.stacks import settings_of

PRODUCTION: dict[str, Any] = {
    "environment": "prod",
    "second_location": "westeurope",
    "customer_managed_keys": True,
    "administrators": "5d0e3f0a-7c3d-4a57-9a4b-2f4f0f2b7c11",
    "alert_email": "operations@example.org",
    "pager_webhook": "https://pager.example.org/token",
}

AWS_PRODUCTION: dict[str, Any] = {
    **PRODUCTION,
    "cloud": Cloud.AWS,
    "location": "eu-west-1",
    "second_location": "eu-central-1",
    "url": "https://galen.example.org",
    "certificate": "arn:aws:acm:us-east-1:123456789012:certificate/0b1f7c1e-52a1-4f0e-9f3c-6d2f8a7c4b21",
    "origin_token": "a token",
}


def test_production_with_all_it_needs_is_taken() -> None:
    StackConfig(**PRODUCTION).check()
    StackConfig(**AWS_PRODUCTION).check()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("environment", {"environment": "too-long"}),
        ("environment", {"environment": "9dev"}),
        ("owner", {"owner": "The Owner"}),
        ("location", {"location": "atlantis"}),
        ("location", {"cloud": Cloud.AWS, "location": "northeurope"}),
        ("secondLocation", {"second_location": "northeurope"}),
        ("logRetentionDays", {"log_retention_days": 7}),
        ("landingDays", {"landing_days": 1}),
        ("metricsAccess", {"metrics_access": "secret"}),
        ("maximumInstances", {"maximum_instances": 5}),
        ("url", {"cloud": Cloud.AWS, "location": "eu-west-1"}),
        ("certificate", {"cloud": Cloud.AWS, "location": "eu-west-1", "url": "https://galen.example.org"}),
        ("administrators", {"administrators": "the-group"}),
        ("alertEmail", {"alert_email": "nobody"}),
        ("inferenceImage", {"inference_image": "galen/inference:latest"}),
        ("trustedIssuers", {"trusted_issuers": '[{"issuer": "https://id.example.org"}]'}),
        (
            "trustedIssuers",
            {"trusted_issuers": '[{"issuer": "a", "tenants": ["*"], "jwks": {"keys": [{"d": "1"}]}}]'},
        ),
        ("customerManagedKeys", {**PRODUCTION, "customer_managed_keys": False}),
        ("secondLocation", {**PRODUCTION, "second_location": ""}),
        ("pagerWebhook", {**PRODUCTION, "pager_webhook": ""}),
        ("logRetentionDays", {**AWS_PRODUCTION, "log_retention_days": 100}),
        ("functionsPackage", {**AWS_PRODUCTION, "functions_package": "/nowhere"}),
        ("originToken", {**AWS_PRODUCTION, "origin_token": ""}),
        ("administrators", {**PRODUCTION, "administrators": StackConfig().administrators}),
        ("alertEmail", {**PRODUCTION, "alert_email": StackConfig().alert_email}),
        ("metricsAccess", {**PRODUCTION, "metrics_access": "open"}),
    ],
)
def test_a_wrong_setting_is_named(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"^galen:{field} "):
        StackConfig(**changes).check()


def _read(stack: str, values: dict[str, str]) -> StackConfig:
    found: list[StackConfig] = []
    recording = record(lambda: found.append(StackConfig.from_pulumi()), stack=stack, configuration=values)
    assert recording.resources == []
    return found[0]


def test_a_stack_file_gives_its_values_to_the_program() -> None:
    values = stack_configuration(
        "config:\n  galen:environment: dev\n  galen:subscribeLanding: true  \n  galen:owner: 'me'\n"
    )
    found = _read("azure-dev", values)
    assert (found.environment, found.subscribe_landing, found.owner) == ("dev", True, "me")


def test_a_stack_without_settings_takes_the_region_of_its_cloud() -> None:
    named = {
        key: value
        for key, value in stack_configuration(settings_of("aws-dev")).items()
        if "location" not in key
    }
    found = _read("aws-dev", named)
    assert (found.cloud, found.location) == (Cloud.AWS, "eu-west-1")


@pytest.mark.parametrize(
    ("stack", "values", "said"),
    [
        ("dev", {}, "the stack is named 'dev'"),
        ("gcp-dev", {}, "the stack is named 'gcp-dev'"),
        (
            "azure-prod",
            {"galen:environment": "dev"},
            "galen:environment is 'dev' but the stack is azure-prod",
        ),
        ("azure-dev", {"galen:landingDays": "a month"}, "galen:landingDays is a whole number"),
        ("azure-dev", {"galen:subscribeLanding": "yes"}, "galen:subscribeLanding is true or false"),
        ("azure-prod", stack_configuration(settings_of("azure-prod")), "galen:pagerWebhook is a secret"),
    ],
)
def test_wrong_settings_stop_the_program_before_anything_is_declared(
    stack: str, values: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        _read(stack, values)


def test_every_setting_of_the_project_is_explained_and_every_stack_uses_only_those() -> None:
    explained = set(stack_names((CHECKOUT / "Pulumi.yaml").read_text("utf-8")))
    used = {key for path in CHECKOUT.glob("Pulumi.*.yaml") for key in stack_names(path.read_text("utf-8"))}
    assert used <= explained
    assert explained >= {"galen:customerManagedKeys", "galen:secondLocation"}


def stack_names(text: str) -> list[str]:
    """The settings that a file of Pulumi's names."""
    return [
        line.strip().partition(": ")[0].rstrip(":")
        for line in text.splitlines()
        if line.startswith("  galen:")
    ]
