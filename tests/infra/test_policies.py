"""The rules over the recorded inputs of every resource of every stack; each rule catches the mutant that breaks it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

pytest.importorskip(
    "pulumi_azure_native", reason="not tested: the infrastructure, whose dependency group is not installed"
)

from functions.needs import Access, Thing
from infra.azure.stack import app_needs
from infra.components.azure.functions_app import HOST_ROLES
from infra.components.azure.roles import Role, role_of
from infra.config import StackConfig
from infra.drawing import draw
from infra.policies.azure import RULES as AZURE_RULES
from infra.policies.rule import Rule, examine
from infra.program import RecordedStack, provision, rules_of
from infra.recording import Recording, record
from shared.names import (
    AUDIT_CONTAINER,
    CAPTURE_CONTAINER,
    CHECKPOINTS_CONTAINER,
    CONSUMER_GROUP,
    HUBS,
    LAKE_FILE_SYSTEM,
    LANDING_FILE_SYSTEM,
    MODELS_CONTAINER,
    RECORDS_PARTITION_KEY,
)
from tests.infra.azure_mutants import MUTANTS as AZURE_MUTANTS
from tests.infra.stacks import AZURE, Change, mutated, put, recorded

pytestmark = pytest.mark.timeout(240)
RULES = {"azure": AZURE_RULES}
MUTANTS: dict[str, dict[str, tuple[str, Change]]] = {"azure": AZURE_MUTANTS}
EVERY = [(cloud, rule) for cloud, rules in RULES.items() for rule in rules]
STACKS = AZURE


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Production on Azure, which has everything."""
    return recorded("azure-prod").recording


@pytest.mark.parametrize("stack", STACKS)
def test_the_stack_keeps_every_rule(stack: str) -> None:
    found = recorded(stack)
    assert found.findings() == []
    examined = {rule.name: examine(rule, found.recording)[0] for rule in rules_of(found.config)}
    assert [name for name, count in examined.items() if count == 0] == []


def test_development_is_spared_what_is_for_production_only() -> None:
    spared = {rule.name for rule in AZURE_RULES} - {
        rule.name for rule in rules_of(recorded("azure-dev").config)
    }
    assert {"keys-of-ours", "front-door-firewall", "records-in-two-regions"} <= spared


@pytest.mark.parametrize(("cloud", "rule"), EVERY, ids=lambda each: getattr(each, "name", each))
def test_a_rule_that_examined_nothing_fails(cloud: str, rule: Rule) -> None:
    examined, findings = examine(rule, Recording())
    assert (examined, len(findings)) == (0, 1)


@pytest.mark.parametrize("cloud", RULES)
def test_every_rule_has_a_mutant(cloud: str) -> None:
    assert {rule.name for rule in RULES[cloud]} == set(MUTANTS[cloud])


@pytest.mark.parametrize(("cloud", "rule"), EVERY, ids=lambda each: getattr(each, "name", each))
def test_a_rule_catches_its_mutant(cloud: str, rule: Rule) -> None:
    type_, change = MUTANTS[cloud][rule.name]
    production = recorded(f"{cloud}-prod").recording
    records = "cosmosdb:SqlResourceSqlContainer"
    changed = mutated(
        production, type_, change, lambda each: type_ != records or each.inputs["containerName"] == "records"
    )
    assert examine(rule, changed)[1] != []


@pytest.mark.parametrize(
    ("rule", "path", "to"),
    [
        ("landing-expires", ("definition", "filters", "prefixMatch"), ["landing/one-tenant/"]),
        (
            "landing-expires",
            ("definition", "actions", "baseBlob", "delete"),
            {"daysAfterModificationGreaterThan": 1},
        ),
        ("only-landing-expires", ("definition", "filters", "prefixMatch"), ["landing/", "galen/raw/"]),
        ("only-landing-expires", ("definition", "filters", "prefixMatch"), ["land"]),
    ],
)
def test_a_lifecycle_that_takes_too_much_or_too_soon_is_found(
    rule: str, path: tuple[str, ...], to: Any, recording: Recording
) -> None:
    def change(inputs: dict[str, Any]) -> None:
        put(*path, to=to)(inputs["policy"]["rules"][0])

    changed = mutated(recording, "storage:ManagementPolicy", change)
    found = [examine(each, changed)[1] for each in AZURE_RULES if each.name == rule]
    assert found != [[]]


def test_provisions_exactly_the_names_that_the_app_uses(recording: Recording) -> None:
    def named(type_: str, key: str) -> set[str]:
        return {each.inputs[key] for each in recording.of_type(type_)}

    assert named("eventhub:EventHub", "eventHubName") == set(HUBS)
    assert named("eventhub:ConsumerGroup", "consumerGroupName") == {CONSUMER_GROUP}
    lake = {LANDING_FILE_SYSTEM, LAKE_FILE_SYSTEM, CHECKPOINTS_CONTAINER, AUDIT_CONTAINER}
    assert named("storage:BlobContainer", "containerName") == lake | {
        CAPTURE_CONTAINER,
        MODELS_CONTAINER,
        "packages",
    }
    keys = {
        each.inputs["containerName"]: each.inputs["resource"]["partitionKey"]["paths"]
        for each in recording.of_type("cosmosdb:SqlResourceSqlContainer")
    }
    assert keys == {"records": list(RECORDS_PARTITION_KEY), "leases": ["/id"]}


def test_the_app_is_told_of_files_in_landing_only_and_by_its_event_trigger(recording: Recording) -> None:
    (subscription,) = recording.of_type("eventgrid:SystemTopicEventSubscription")
    assert subscription.inputs["filter"]["subjectBeginsWith"].endswith(
        f"/containers/{LANDING_FILE_SYSTEM}/blobs/"
    )
    (destination,) = [
        value for value in subscription.inputs["destination"].values() if isinstance(value, dict)
    ] or [subscription.inputs["destination"]]
    assert destination["endpointType"] == "AzureFunction"
    assert destination["resourceId"].endswith("/functions/landing")


def test_before_the_app_is_published_there_is_no_subscription() -> None:
    first = recorded("azure-dev").recording
    assert first.of_type("eventgrid:SystemTopic")
    assert not first.of_type("eventgrid:SystemTopicEventSubscription")


def test_the_drawing_names_every_resource_and_who_may_do_what(recording: Recording) -> None:
    drawn = "\n".join(draw(recording))
    cloud = [each for each in recording.resources if not each.type.startswith("galen:")]
    grants = ("authorization:RoleAssignment", "cosmosdb:SqlResourceSqlRoleAssignment")
    assert [each.name for each in cloud if each.type not in grants and each.name not in drawn] == []
    assert "event hubs receiver    eventhub:EventHub/galen-streams-prod-clinical-events" in drawn
    assert "cosmos data contributor" in drawn


def test_the_days_of_dropped_files_are_the_stacks() -> None:
    kept = record(lambda: provision(StackConfig(landing_days=45)))
    (policy,) = kept.of_type("storage:ManagementPolicy")
    rule = next(each for each in policy.inputs["policy"]["rules"] if each["name"] == "landing-expires")
    delete = rule["definition"]["actions"]["baseBlob"]["delete"]
    assert delete == {"daysAfterModificationGreaterThan": 45}


def _of_app(found: RecordedStack) -> set[tuple[str, str]]:
    """What is granted to the app's identity: each role, and the last part of its scope."""
    name = found.config.name("app")
    return {
        (
            str(each.inputs["roleDefinitionId"]).rpartition("/")[2],
            str(each.inputs["scope"]).rpartition("/")[2],
        )
        for each in found.recording.of_type(
            "authorization:RoleAssignment", "cosmosdb:SqlResourceSqlRoleAssignment"
        )
        if each.inputs["principalId"] == f"principal-of-{name}-identity"
    }


@pytest.mark.parametrize("stack", AZURE)
def test_the_app_is_granted_what_its_functions_need_and_nothing_else(stack: str) -> None:
    found = recorded(stack)
    config = found.config
    places = {
        Thing.STREAM: lambda need: f"{config.name('streams')}-{need.name}",
        Thing.FILES: lambda need: f"{config.name('lake')}-{need.name}",
        Thing.SECRET: lambda need: config.name("kv"),
        Thing.TELEMETRY: lambda need: f"{config.name('watch')}-insights",
        Thing.RECORDS: lambda need: "galen",
    }
    needed = {
        (role.value if isinstance(role, Role) else role, places[need.thing](need))
        for need in app_needs()
        for role in [role_of(need)]
    }
    host = {(role.value, config.compact_name("host")) for role in HOST_ROLES}
    assert _of_app(found) == needed | host


def test_a_need_that_no_function_declares_is_no_grant() -> None:
    """Nobody sends events or writes what partners dropped; nobody but the jobs and the inference touches models."""
    needs = app_needs()
    assert not [need for need in needs if (need.thing, need.access) == (Thing.STREAM, Access.SEND)]
    written = {need.name for need in needs if (need.thing, need.access) == (Thing.FILES, Access.WRITE)}
    assert written == {LAKE_FILE_SYSTEM}


COUNTS = {
    "azure-dev": {
        "authorization:RoleAssignment": 18, "network:PrivateEndpoint": 13, "storage:BlobContainer": 7,
        "eventhub:EventHub": len(HUBS), "keyvault:Key": 0, "frontdoor:Policy": 0, "sql:Database": 1,
        "databricks:Workspace": 1, "datafactory:Pipeline": 1, "webpubsub:WebPubSub": 1, "app:ContainerApp": 2,
    },
    "azure-prod": {
        "authorization:RoleAssignment": 19, "network:PrivateEndpoint": 14, "storage:BlobContainer": 7,
        "eventhub:EventHub": len(HUBS), "keyvault:Key": 7, "frontdoor:Policy": 1, "sql:Database": 1,
        "databricks:Workspace": 1, "datafactory:Pipeline": 1, "webpubsub:WebPubSub": 1, "app:ContainerApp": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize("stack", COUNTS)
def test_a_stack_has_so_many_resources_of_each_type(stack: str) -> None:
    found = Counter(each.type for each in recorded(stack).recording.resources)
    hubs_beyond_two = len(HUBS) - 2
    expected = dict(COUNTS[stack])
    if "authorization:RoleAssignment" in expected:
        expected["authorization:RoleAssignment"] += hubs_beyond_two
    assert {type_: found[type_] for type_ in expected} == expected
