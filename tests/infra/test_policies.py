"""The rules over the recorded inputs of every resource; each rule catches the mutant that breaks it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip(
    "pulumi_azure_native", reason="not tested: the infrastructure, whose dependency group is not installed"
)

from infra.azure.stack import provision
from infra.config import StackConfig
from infra.drawing import draw
from infra.policies.azure import RULES, Rule, examine
from infra.recording import Recorded, Recording, record, stack_configuration
from shared.names import (
    CHECKPOINTS_CONTAINER,
    CONSUMER_GROUP,
    HUBS,
    LAKE_FILE_SYSTEM,
    LANDING_FILE_SYSTEM,
    RECORDS_PARTITION_KEY,
)

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def recording() -> Recording:
    """The stack as recorded once; its program is run again for nothing that only reads it."""
    return record(lambda: provision(StackConfig(subscribe_landing=True)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_stack_keeps_the_rule(rule: Rule, recording: Recording) -> None:
    examined, findings = examine(rule, recording)
    assert findings == []
    assert examined > 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_that_examined_nothing_fails(rule: Rule) -> None:
    examined, findings = examine(rule, Recording())
    assert (examined, len(findings)) == (0, 1)


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(inputs: dict[str, Any]) -> None:
        node = inputs
        for step in path[:-1]:
            node = node[step]
        if to is None:
            node.pop(path[-1], None)
        else:
            node[path[-1]] = to

    return change


def _setting(name: str, value: str) -> Callable[[dict[str, Any]], None]:
    def change(inputs: dict[str, Any]) -> None:
        kept = [each for each in inputs["siteConfig"]["appSettings"] if each["name"] != name]
        inputs["siteConfig"]["appSettings"] = [*kept, {"name": name, "value": value}]

    return change


def _drop_index_exclusion(inputs: dict[str, Any]) -> None:
    inputs["resource"]["indexingPolicy"]["excludedPaths"].pop(0)


def _expire_everything(inputs: dict[str, Any]) -> None:
    del inputs["policy"]["rules"][0]["definition"]["filters"]["prefixMatch"]


def _expire_nothing(inputs: dict[str, Any]) -> None:
    inputs["policy"]["rules"][0]["enabled"] = False


MUTANTS: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "storage-tls": ("storage:StorageAccount", _set("minimumTlsVersion", to="TLS1_0")),
    "storage-https-only": ("storage:StorageAccount", _set("enableHttpsTrafficOnly", to=None)),
    "storage-no-shared-keys": ("storage:StorageAccount", _set("allowSharedKeyAccess", to=None)),
    "storage-no-public-blobs": ("storage:StorageAccount", _set("allowBlobPublicAccess", to=True)),
    "storage-network-denies": ("storage:StorageAccount", _set("networkRuleSet", "defaultAction", to="Allow")),
    "lake-is-hierarchical": ("storage:StorageAccount", _set("isHnsEnabled", to=None)),
    "containers-private": ("storage:BlobContainer", _set("publicAccess", to="Blob")),
    "lake-soft-delete": ("storage:BlobServiceProperties", _set("deleteRetentionPolicy", "enabled", to=False)),
    "landing-expires": ("storage:ManagementPolicy", _expire_nothing),
    "only-landing-expires": ("storage:ManagementPolicy", _expire_everything),
    "streams-tls": ("eventhub:Namespace", _set("minimumTlsVersion", to="1.0")),
    "streams-no-keys": ("eventhub:Namespace", _set("disableLocalAuth", to=None)),
    "cosmos-tls": ("cosmosdb:DatabaseAccount", _set("minimalTlsVersion", to="Tls11")),
    "cosmos-no-keys": ("cosmosdb:DatabaseAccount", _set("disableLocalAuth", to=False)),
    "cosmos-continuous-backup": ("cosmosdb:DatabaseAccount", _set("backupPolicy", "type", to="Periodic")),
    "records-hierarchical-key": (
        "cosmosdb:SqlResourceSqlContainer",
        _set("resource", "partitionKey", "kind", to="Hash"),
    ),
    "records-bodies-not-indexed": ("cosmosdb:SqlResourceSqlContainer", _drop_index_exclusion),
    "vault-rbac": ("keyvault:Vault", _set("properties", "enableRbacAuthorization", to=False)),
    "vault-purge-protection": ("keyvault:Vault", _set("properties", "enablePurgeProtection", to=None)),
    "app-https-only": ("web:WebApp", _set("httpsOnly", to=None)),
    "app-tls": ("web:WebApp", _set("siteConfig", "minTlsVersion", to="1.1")),
    "app-no-ftp": ("web:WebApp", _set("siteConfig", "ftpsState", to="AllAllowed")),
    "app-user-identity": ("web:WebApp", _set("identity", "type", to="None")),
    "app-secrets-by-reference": ("web:WebApp", _setting("GALEN_TOKEN_SIGNING_KEY", "in plain text")),
    "app-connections-by-identity": ("web:WebApp", _setting("GALEN_RECORDS", "AccountEndpoint=https://x;")),
    "app-in-network": ("web:WebApp", _set("virtualNetworkSubnetId", to=None)),
    "no-publishing-passwords": ("web:WebAppScmAllowed", _set("allow", to=True)),
    "insights-no-keys": ("applicationinsights:Component", _set("disableLocalAuth", to=None)),
    "logs-no-keys": ("operationalinsights:Workspace", _set("features", "disableLocalAuth", to=False)),
    "no-public-network": ("keyvault:Vault", _set("properties", "publicNetworkAccess", to="Enabled")),
    "private-endpoints": ("network:PrivateEndpoint", _set("privateLinkServiceConnections", to=None)),
    "diagnostics": ("monitor:DiagnosticSetting", _set("resourceUri", to="/elsewhere")),
    "tags": ("keyvault:Vault", _set("tags", "data-classification", to="public")),
    "least-roles": ("authorization:RoleAssignment", _set("roleDefinitionId", to="/providers/Owner")),
    "cosmos-least-role": ("cosmosdb:SqlResourceSqlRoleAssignment", _set("scope", to="/the/account")),
}


def test_every_rule_has_a_mutant() -> None:
    assert {rule.name for rule in RULES} == set(MUTANTS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_catches_its_mutant(rule: Rule, recording: Recording) -> None:
    type_, change = MUTANTS[rule.name]
    changed = Recording([_mutated(each, type_, change) for each in recording.resources])
    assert examine(rule, changed)[1] != []


def _mutated(each: Recorded, type_: str, change: Callable[[dict[str, Any]], None]) -> Recorded:
    if each.type != type_ or (
        type_ == "cosmosdb:SqlResourceSqlContainer" and each.inputs["containerName"] != "records"
    ):
        return each
    inputs = copy.deepcopy(dict(each.inputs))
    change(inputs)
    return replace(each, inputs=inputs)


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
        _set(*path, to=to)(inputs["policy"]["rules"][0])

    changed = Recording([_mutated(each, "storage:ManagementPolicy", change) for each in recording.resources])
    found = [examine(each, changed)[1] for each in RULES if each.name == rule]
    assert found != [[]]


def test_the_days_of_dropped_files_are_the_stacks() -> None:
    kept = record(lambda: provision(StackConfig(landing_days=45)))
    (policy,) = kept.of_type("storage:ManagementPolicy")
    (rule,) = policy.inputs["policy"]["rules"]
    delete = rule["definition"]["actions"]["baseBlob"]["delete"]
    assert delete == {"daysAfterModificationGreaterThan": 45}


def test_provisions_exactly_the_names_that_the_app_uses(recording: Recording) -> None:
    def named(type_: str, key: str) -> set[str]:
        return {each.inputs[key] for each in recording.of_type(type_)}

    assert named("eventhub:EventHub", "eventHubName") == set(HUBS)
    assert named("eventhub:ConsumerGroup", "consumerGroupName") == {CONSUMER_GROUP}
    lake = {LANDING_FILE_SYSTEM, LAKE_FILE_SYSTEM, CHECKPOINTS_CONTAINER}
    assert named("storage:BlobContainer", "containerName") == lake | {"packages"}
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
    first = record(lambda: provision(StackConfig()))
    assert first.of_type("eventgrid:SystemTopic")
    assert not first.of_type("eventgrid:SystemTopicEventSubscription")


def test_the_drawing_names_every_resource_and_who_may_do_what(recording: Recording) -> None:
    drawn = "\n".join(draw(recording))
    cloud = [each for each in recording.resources if not each.type.startswith("galen:")]
    grants = ("authorization:RoleAssignment", "cosmosdb:SqlResourceSqlRoleAssignment")
    assert [each.name for each in cloud if each.type not in grants and each.name not in drawn] == []
    assert "event hubs receiver    eventhub:EventHub/galen-streams-dev-clinical-events" in drawn
    assert "cosmos data contributor" in drawn


def test_a_stack_file_gives_its_values_to_the_program() -> None:
    found: list[StackConfig] = []
    values = stack_configuration(
        "config:\n  galen:environment: prod\n  galen:subscribeLanding: true  \n  galen:owner: 'me'\n"
    )
    record(lambda: found.append(StackConfig.from_pulumi()), configuration=values)
    assert (found[0].environment, found[0].subscribe_landing, found[0].owner) == ("prod", True, "me")


@pytest.mark.parametrize(
    "config",
    [
        StackConfig(environment="too-long"),
        StackConfig(log_retention_days=7),
        StackConfig(landing_days=1),
        StackConfig(metrics_access="secret"),
        StackConfig(maximum_instances=5),
    ],
)
def test_a_setting_out_of_range_is_named(config: StackConfig) -> None:
    with pytest.raises(ValueError, match="galen:"):
        config.check()
