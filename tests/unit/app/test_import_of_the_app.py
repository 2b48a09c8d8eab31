"""What `import function_app` may load: a function that starts cold pays for every module of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PACKAGES = {"azure", "function_app", "functions", "markupsafe", "orjson", "shared", "werkzeug"}
OURS = {
    "functions",
    "functions.azure",
    "functions.azure.events",
    "functions.azure.http",
    "functions.azure.landing",
    "functions.azure.reactions",
    "functions.azure.schedules",
    "functions.azure.streams",
    "shared",
    "functions.needs",
    "shared.domain",
    "shared.domain.ingest",
    "shared.domain.ingest.stream_record",
    "shared.domain.traces",
    "shared.names",
}
AZURE = {"azure", "azure.functions"}


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=CHECKOUT, check=True
    )
    return set(ran.stdout.split())


def modules_loaded_by_the_app() -> set[str]:
    return loaded_by("import function_app")


def test_loads_azure_functions_and_what_that_needs_but_no_sdk_and_no_resource_models() -> None:
    loaded = modules_loaded_by_the_app()
    packages = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert packages == PACKAGES
    assert {".".join(name.split(".")[:2]) for name in loaded if name.startswith("azure")} == AZURE


def test_loads_only_the_bindings_of_ours_and_leaves_the_use_cases_to_the_first_call() -> None:
    assert {name for name in modules_loaded_by_the_app() if name.startswith(("shared", "functions"))} == OURS


LAMBDA = {
    "functions",
    "functions.aws",
    "functions.aws.telling",
    "functions.needs",
    "shared",
    "shared.names",
}
BATCHES = {
    "functions.aws.batches",
    "shared.domain",
    "shared.domain.ingest",
    "shared.domain.ingest.stream_record",
}


@pytest.mark.parametrize(
    ("group", "beside"),
    [
        ("http", set()),
        ("streams", BATCHES),
        ("landing", BATCHES),
        ("reactions", BATCHES),
        ("schedules", BATCHES),
    ],
)
def test_a_handler_of_lambda_loads_its_needs_and_leaves_the_rest_to_the_first_call(
    group: str, beside: set[str]
) -> None:
    module = f"functions.aws.{group}"
    loaded = {
        name
        for name in loaded_by(f"import {module}")
        if name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert loaded == {*LAMBDA, *beside, module}


# What picks adapters may load the SDK of its cloud, never that of the other.
NO_SDK = "from shared.bootstrap import adapters_of; from shared.settings import read_settings; import os; "
ON_AZURE = {
    "GALEN_RECORDS": "AccountEndpoint=https://records.example/;AccountKey=a2V5;",
    "GALEN_LAKE": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=example.org",
    "GALEN_EVENT_HUBS": "Endpoint=sb://hubs.example;SharedAccessKeyName=n;SharedAccessKey=k",
    "GALEN_LINK_KEY": "k" * 32,
}
ON_AWS = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "GALEN_TABLE": "records",
    "GALEN_LAKE_BUCKET": "lake",
    "GALEN_LANDING_BUCKET": "landing",
    "GALEN_STREAMS": '{"clinical-events":"c","vital-signs":"v","safety-reports":"s"}',
    "GALEN_LINK_KEY": "k" * 32,
}


def test_the_adapters_of_aws_load_no_sdk_of_azure() -> None:
    loaded = loaded_by(f"{NO_SDK}adapters_of(read_settings({ON_AWS!r}))")
    assert "boto3" in loaded
    assert not [
        name for name in loaded if name.partition(".")[0] in ("azure", "msrest", "requests", "starlette")
    ]


def test_the_use_cases_and_settings_of_azure_load_no_sdk_of_aws() -> None:
    loaded = loaded_by(
        f"{NO_SDK}import shared.adapters.azure.records, shared.adapters.azure.lake; read_settings({ON_AZURE!r})"
    )
    assert "azure.cosmos" in loaded
    assert not [name for name in loaded if name.partition(".")[0] in ("boto3", "botocore", "mangum")]
