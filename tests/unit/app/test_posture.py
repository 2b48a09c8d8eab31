"""What an app sees of the platform's rules from inside: keys, plain HTTP, secrets; on this machine none count."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shared.posture import broken_rules
from shared.settings import AWS, AZURE, Settings

LOCAL_LAKE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k;BlobEndpoint=http://127.0.0.1:1/a;"
IN_THE_CLOUD = Settings(
    cloud=AZURE,
    url="https://fhir.example.org",
    records_endpoint="https://records.documents.azure.com:443/",
    lake_endpoint="https://lake.blob.core.windows.net/",
    event_hubs_namespace="streams.servicebus.windows.net",
)
HERE = Settings(
    url="http://127.0.0.1:7071",
    records="AccountEndpoint=http://127.0.0.1:2/;AccountKey=k==;",
    lake=LOCAL_LAKE,
    event_hubs="Endpoint=sb://127.0.0.1:3;SharedAccessKeyName=Root;SharedAccessKey=k;UseDevelopmentEmulator=true;",
)
ON_AWS = Settings(cloud=AWS, region="eu-central-1", url="https://fhir.example.org")
CLOUD_LAKE = "AccountName=a;AccountKey=k;BlobEndpoint=https://a.blob.core.windows.net/;"


@pytest.mark.parametrize(
    "settings", [IN_THE_CLOUD, HERE, ON_AWS, replace(HERE, cloud=AWS, endpoint=HERE.url)]
)
def test_a_platform_as_it_is_made_breaks_none(settings: Settings) -> None:
    environment = {"GALEN_LINK_KEY": "k"} if settings.endpoint else {}
    assert broken_rules(settings, environment) == {"transport": 0, "identity": 0, "secrets": 0}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"url": "http://fhir.example.org"}, "transport"),
        ({"lake_endpoint": "http://lake.blob.core.windows.net/"}, "transport"),
        ({"lake": CLOUD_LAKE.replace("https", "http").replace("AccountKey=k;", "")}, "transport"),
        ({"lake": CLOUD_LAKE}, "identity"),
        ({"records": "AccountKey=k;"}, "identity"),
        ({"jobs_databricks": "https://adb.azuredatabricks.net", "jobs_token": "t"}, "identity"),
    ],
)
def test_what_somebody_changed_by_hand_is_counted(changed: dict[str, str], rule: str) -> None:
    assert broken_rules(replace(IN_THE_CLOUD, **changed), {})[rule] == 1  # type: ignore[arg-type]


def test_an_issuer_without_tls_is_counted() -> None:
    keys = {"keys": []}
    issuers = [{"issuer": "http://idp.example.org", "jwks": keys, "tenants": ["*"]}]
    found = broken_rules(replace(IN_THE_CLOUD, trusted_issuers=json.dumps(issuers)), {})
    assert found["transport"] == 1


def test_a_secret_that_stands_in_the_settings_of_a_lambda_function_is_counted() -> None:
    environment = {"GALEN_LINK_KEY": "k" * 32, "GALEN_SECRET_TOKEN_CLIENTS": "arn:aws:secretsmanager:…"}
    assert broken_rules(ON_AWS, environment)["secrets"] == 1
    assert broken_rules(IN_THE_CLOUD, environment)["secrets"] == 0
