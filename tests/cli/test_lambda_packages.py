"""The packages for Lambda: what is in them, and their handlers called by AWS's own loop from the unpacked zip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.layout import CHECKOUT
from local.packaging.build import copy_sources, zip_folder
from local.packaging.contents import LAMBDA_GROUPS, lambda_contents
from local.provision_aws import provision
from shared import names
from shared.adapters.aws.connections import client
from shared.domain.access.live_tickets import LiveTickets
from shared.names import SECRET_SETTINGS, secret_variable
from shared.settings import read_settings
from tests.cli.lambda_runtime import InvocationFailed, LambdaFunction
from tests.delivery.world import patient
from tests.emulators.aws_server import REGION, AwsServer
from tests.unit.aws.events import http, kinesis, object_created

SHARD = "shardId-000000000000"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each zip of our own files, unpacked as Lambda does; their dependencies are this environment's."""
    built = tmp_path_factory.mktemp("built")
    found = {}
    for group in LAMBDA_GROUPS:
        copy_sources(built / group, lambda_contents(group))
        found[group] = tmp_path_factory.mktemp(group)
        with zipfile.ZipFile(zip_folder(built / group, built / f"{group}.zip")) as zipped:
            zipped.extractall(found[group])
    return found


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """The settings of functions on an emulator that has what infra/ makes, with the link key in Secrets Manager."""
    server = AwsServer()
    try:
        told = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": server.url,
            "GALEN_CLOUD": "aws",
            "GALEN_TABLE": "records",
            "GALEN_LAKE_BUCKET": "galen-lake",
            "GALEN_LANDING_BUCKET": "galen-landing",
            "GALEN_STREAMS": json.dumps({hub: hub for hub in names.HUBS}),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            provision(read_settings({**told, "GALEN_LINK_KEY": "k" * 32}))
            vault = client("secretsmanager", server.place)
            arn = vault.create_secret(Name="link", SecretString="s" * 40)["ARN"]
            partition, sort = ({"AttributeName": each} for each in names.CONNECTIONS_KEY)
            client("dynamodb", server.place).create_table(
                TableName=names.CONNECTIONS_TABLE,
                KeySchema=[{**partition, "KeyType": "HASH"}, {**sort, "KeyType": "RANGE"}],
                AttributeDefinitions=[{**each, "AttributeType": "S"} for each in (partition, sort)],
                BillingMode="PAY_PER_REQUEST",
            )
        yield {**told, secret_variable(names.SECRET_LINK_KEY): arn}
    finally:
        server.stop()


def records(settings: dict[str, str]) -> list[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        place = read_settings({**settings, "GALEN_LINK_KEY": "k" * 32})
        from shared.bootstrap import adapters_of
        from shared.domain.records import Kind
        from shared.ports.records import Compare, Query

        where = (Compare("type", "=", "Patient"),)
        return list(adapters_of(place).records.query(Query(Kind.CURRENT, "default", None, where)))


@pytest.mark.parametrize("group", LAMBDA_GROUPS)
def test_a_package_holds_its_own_handlers_and_nothing_of_azure_tests_or_spark(group: str) -> None:
    found = {path.as_posix() for path in lambda_contents(group).paths(CHECKOUT)}
    assert {path for path in found if path.startswith("functions/aws/")} == {
        "functions/aws/__init__.py",
        "functions/aws/batches.py",
        "functions/aws/telling.py",
        f"functions/aws/{group}.py",
    }
    assert ("functions/api/app.py" in found) == (group == "http")
    assert "shared/adapters/aws/records.py" in found
    needless = ("functions/azure/", "shared/adapters/azure/", "shared/adapters/memory/", "spark/", "tests/")
    assert [name for name in found if name.startswith(needless) or "__pycache__" in name] == []


def test_a_batch_of_kinesis_is_recorded_and_comes_again_without_effect(
    packages: dict[str, Path], settings: dict[str, str]
) -> None:
    event = kinesis(patient("a"), b"{not json", patient("b"), shard=SHARD)
    with LambdaFunction(packages["streams"], "functions.aws.streams.clinical_events", settings) as function:
        assert function(event) == {"batchItemFailures": []}
        before = {item["_etag"] for item in records(settings)}
        assert len(before) == 2
        assert function(event) == {"batchItemFailures": []}
        assert {item["_etag"] for item in records(settings)} == before


def test_a_batch_is_handed_back_where_the_store_is_away(
    packages: dict[str, Path], settings: dict[str, str]
) -> None:
    event = kinesis(patient("c"), shard=SHARD, first=10**55)
    away = {**settings, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "GALEN_LINK_KEY": "k" * 32}
    with LambdaFunction(packages["streams"], "functions.aws.streams.vital_signs", away) as function:
        assert function(event) == {"batchItemFailures": [{"itemIdentifier": str(10**55)}]}


def test_a_request_is_answered_and_a_missing_setting_is_named_by_its_type(
    packages: dict[str, Path], settings: dict[str, str]
) -> None:
    handler = "functions.aws.http.api"
    with LambdaFunction(packages["http"], handler, settings) as function:
        answer = function(http("GET", "/fhir/metadata"))
        assert answer["statusCode"] == 200
        assert json.loads(answer["body"])["resourceType"] == "CapabilityStatement"
    without = {name: value for name, value in settings.items() if name != "GALEN_TABLE"}
    refused = pytest.raises(InvocationFailed, match="SettingsError")
    with LambdaFunction(packages["http"], handler, without) as function, refused:
        function(http("GET", "/fhir/metadata"))


def test_files_changes_and_timers_are_taken(packages: dict[str, Path], settings: dict[str, str]) -> None:
    with LambdaFunction(packages["landing"], "functions.aws.landing.landing", settings) as function:
        assert function(object_created("default/nothing-there.ndjson")) is None
    with LambdaFunction(packages["reactions"], "functions.aws.reactions.react", settings) as function:
        change = {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "1100", "Keys": {"pk": {"S": "a"}}}}
        assert function({"Records": [change]}) == {"batchItemFailures": []}
    with LambdaFunction(packages["schedules"], "functions.aws.schedules.sweep", settings) as function:
        assert function({}) is None


def test_every_secret_of_the_stack_is_a_setting() -> None:
    assert {secret_variable(secret) for secret in SECRET_SETTINGS} >= {"GALEN_SECRET_LINK_SIGNING_KEY"}


def test_a_connection_for_live_updates_is_made_by_a_ticket_alone(
    packages: dict[str, Path], settings: dict[str, str]
) -> None:
    ticket = LiveTickets(b"s" * 40).sell("ward", datetime.now(UTC), "1")
    told = {**settings, "GALEN_CONNECTIONS_TABLE": names.CONNECTIONS_TABLE}
    with LambdaFunction(packages["live"], "functions.aws.live.authorise", told) as function:
        for shown, effect in ((ticket, "Allow"), (ticket, "Deny"), (ticket[:-1], "Deny")):
            decided = function({"methodArn": "arn", "queryStringParameters": {"ticket": shown}})
            assert decided["policyDocument"]["Statement"][0]["Effect"] == effect
