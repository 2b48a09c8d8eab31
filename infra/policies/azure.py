"""The rules of the Azure stacks over their recorded inputs: stores, streams, the app and who may do what."""

from __future__ import annotations

import re
from typing import Any, Final

from functions.needs import Thing
from infra.components.azure.roles import Role
from infra.policies.azure_platform import PLATFORM_RULES
from infra.policies.rule import (
    ACCESS,
    AT_REST,
    AUDIT,
    AUTHENTICATION,
    BACKUP,
    MINIMUM,
    RECOVERY,
    TRANSIT,
    Rule,
    at,
    bad_tags,
    must,
    present,
    types,
)
from infra.recording import Recorded, Recording
from shared.names import CAPTURE_CONTAINER, LAKE_FILE_SYSTEM, LANDING_FILE_SYSTEM

_UNTAGGED: Final = (
    "authorization:", "galen:", "azuread:", "eventhub:EventHub", "eventhub:ConsumerGroup", "storage:Blob",
    "storage:ManagementPolicy", "cosmosdb:Sql", "monitor:DiagnosticSetting",
    "network:Subnet", "network:PrivateDnsZoneGroup", "eventgrid:SystemTopicEventSubscription",
    "web:WebAppFtpAllowed", "web:WebAppScmAllowed", "webpubsub:WebPubSubHub", "sql:Backup", "sql:LongTerm",
    "sql:Extended", "sql:EncryptionProtector", "datafactory:IntegrationRuntime", "datafactory:LinkedService",
    "datafactory:ManagedPrivateEndpoint", "datafactory:Pipeline", "datafactory:Trigger",
    "cdn:AFDOrigin", "cdn:Route", "cdn:SecurityPolicy",
)  # fmt: skip
_WATCHED: Final = (
    "storage:StorageAccount", "eventhub:Namespace", "cosmosdb:DatabaseAccount", "keyvault:Vault", "web:WebApp",
    "eventgrid:SystemTopic", "databricks:Workspace", "datafactory:Factory", "sql:Database", "webpubsub:WebPubSub",
    "containerregistry:Registry", "app:ManagedEnvironment", "dashboard:Grafana", "cdn:Profile",
)  # fmt: skip
_PRIVATE: Final = {
    "storage:StorageAccount": ("publicNetworkAccess",),
    "eventhub:Namespace": ("publicNetworkAccess",),
    "cosmosdb:DatabaseAccount": ("publicNetworkAccess",),
    "keyvault:Vault": ("properties", "publicNetworkAccess"),
    "sql:Server": ("publicNetworkAccess",),
    "databricks:Workspace": ("publicNetworkAccess",),
    "datafactory:Factory": ("publicNetworkAccess",),
    "containerregistry:Registry": ("publicNetworkAccess",),
    "dashboard:Grafana": ("properties", "publicNetworkAccess"),
}
_SECRET_TEXT: Final = re.compile(r"AccountKey=|SharedAccessKey=|Password=|sig=|-----BEGIN", re.IGNORECASE)
_LANDING: Final = f"{LANDING_FILE_SYSTEM}/"
_EXPIRE: Final = (_LANDING, f"{CAPTURE_CONTAINER}/")
_LEAST_LANDING_DAYS: Final = 7
_DATA_ROLES: Final = {role.definition for role in Role}


def _not_private(each: Recorded, _: Recording) -> list[str]:
    found = at(each.inputs, *_PRIVATE[each.type])
    return [] if found == "Disabled" else [f"public network access is {found!r}"]


def _no_endpoint(each: Recorded, recording: Recording) -> list[str]:
    links = [
        link
        for endpoint in recording.of_type("network:PrivateEndpoint")
        for link in endpoint.inputs.get("privateLinkServiceConnections", ())
    ]
    return (
        []
        if any(link.get("privateLinkServiceId") == each.id for link in links)
        else ["has no private endpoint"]
    )


def _no_diagnostics(each: Recorded, recording: Recording) -> list[str]:
    watched = [
        str(setting.inputs.get("resourceUri", ""))
        for setting in recording.of_type("monitor:DiagnosticSetting")
    ]
    return (
        []
        if any(uri == each.id or uri.startswith(f"{each.id}/") for uri in watched)
        else ["has no diagnostic setting"]
    )


def _bad_grant(each: Recorded, recording: Recording) -> list[str]:
    groups = {group.id for group in recording.of_type("resources:ResourceGroup")}
    scope = str(each.inputs.get("scope", ""))
    found = []
    if each.inputs.get("roleDefinitionId") not in _DATA_ROLES:
        found.append("grants a role that is not one of the data roles")
    if scope in groups or scope.count("/") < 4:
        found.append("is scoped wider than one resource")
    if each.inputs.get("roleDefinitionId") == Role.WORKSPACE_CONTRIBUTOR.definition and not scope.startswith(
        tuple(workspace.id for workspace in recording.of_type("databricks:Workspace"))
    ):
        found.append("manages something else than the Spark workspace")
    return found


def _of_app_on_lake(recording: Recording) -> list[Recorded]:
    """What lets the functions change files of the lake; the Spark jobs, which rewrite tables, have their own identity."""
    return [
        each
        for each in recording.of_type("authorization:RoleAssignment")
        if each.inputs.get("roleDefinitionId") == Role.BLOB_CONTRIBUTOR.definition
        and each.name.endswith(f"-{Thing.FILES}-{LAKE_FILE_SYSTEM}")
    ]


def _changes_anything(each: Recorded, _: Recording) -> list[str]:
    condition = str(each.inputs.get("condition") or "")
    held = ":path] StringLike '" in condition and "StringLike '*'" not in condition
    return [] if held else ["changes any file of the lake"]


def _bad_cosmos_grant(each: Recorded, _: Recording) -> list[str]:
    scope = str(each.inputs.get("scope", ""))
    return [] if "/dbs/" in scope else ["is scoped wider than the database"]


def _settings(app: Recorded) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in at(app.inputs, "siteConfig", "appSettings") or ()}


def _leaks(each: Recorded, _: Recording) -> list[str]:
    found = []
    for name, value in _settings(each).items():
        if _SECRET_TEXT.search(str(value)):
            found.append(f"the setting {name} holds a secret")
        if any(part in name for part in ("_KEY", "_CLIENTS")) and not str(value).startswith(
            "@Microsoft.KeyVault("
        ):
            found.append(f"the setting {name} is not a vault reference")
    return found


def _key_of_connection(each: Recorded, _: Recording) -> list[str]:
    settings = _settings(each)
    bare = [
        name
        for name in ("AzureWebJobsStorage", "GALEN_EVENT_HUBS", "GALEN_RECORDS", "GALEN_LAKE")
        if name in settings
    ]
    return [f"{name} is a connection string: use the identity" for name in bare]


def _kept(each: Recorded, _: Recording) -> list[str]:
    both = ("deleteRetentionPolicy", "containerDeleteRetentionPolicy")
    return [f"{name} is not on" for name in both if not at(each.inputs, name, "enabled")]


def _deletions(policy: Recorded) -> list[tuple[list[str], Any]]:
    """Of each rule that is on and deletes: the prefixes it is about (none: everything), and after how many days."""
    found = []
    for rule in at(policy.inputs, "policy", "rules") or ():
        for kind, actions in (at(rule, "definition", "actions") or {}).items():
            if rule.get("enabled") and "delete" in actions:
                days = (
                    at(actions, "delete", "daysAfterModificationGreaterThan") if kind == "baseBlob" else None
                )
                found.append((at(rule, "definition", "filters", "prefixMatch") or [], days))
    return found


def _landing_stays(lake: Recorded, recording: Recording) -> list[str]:
    """What is wrong with how long dropped files stay in a lake."""
    policies = recording.of_type("storage:ManagementPolicy")
    days = [
        after
        for policy in policies
        if policy.inputs.get("accountName") == lake.name
        for prefixes, after in _deletions(policy)
        if prefixes == [_LANDING] and after is not None
    ]
    if not days:
        return ["keeps dropped files for ever"]
    return [] if min(days) >= _LEAST_LANDING_DAYS else [f"drops files of {_LANDING} after {min(days)} days"]


def _deletes_more(policy: Recorded, _: Recording) -> list[str]:
    found = [prefix for prefixes, _days in _deletions(policy) for prefix in prefixes or ["everything"]]
    return [
        f"deletes {prefix}, not only {' and '.join(_EXPIRE)}"
        for prefix in found
        if not prefix.startswith(_EXPIRE)
    ]


def _bodies_indexed(each: Recorded, _: Recording) -> list[str]:
    excluded = {path["path"] for path in at(each.inputs, "resource", "indexingPolicy", "excludedPaths") or ()}
    return [f"{path} is indexed" for path in ("/body/?", "/z/?") if path not in excluded]


def _records(recording: Recording) -> list[Recorded]:
    return [
        each
        for each in recording.of_type("cosmosdb:SqlResourceSqlContainer")
        if each.inputs.get("containerName") == "records"
    ]


def _lakes(recording: Recording) -> list[Recorded]:
    return [
        each
        for each in recording.of_type("storage:StorageAccount")
        if at(each.inputs, "tags", "data-classification") == "phi"
    ]


_STORAGE: Final = types("storage:StorageAccount")
_STREAMS: Final = types("eventhub:Namespace")
_COSMOS: Final = types("cosmosdb:DatabaseAccount")
_VAULT: Final = types("keyvault:Vault")
_APP: Final = types("web:WebApp")

RULES: Final = (
    Rule(
        "storage-tls", _STORAGE, must(("minimumTlsVersion",), "TLS1_2", "TLS1_3"), ("CIS Azure 3.15", TRANSIT)
    ),
    Rule("storage-https-only", _STORAGE, must(("enableHttpsTrafficOnly",), True), ("CIS Azure 3.1", TRANSIT)),
    Rule("storage-no-shared-keys", _STORAGE, must(("allowSharedKeyAccess",), False), (AUTHENTICATION,)),
    Rule(
        "storage-no-public-blobs",
        _STORAGE,
        must(("allowBlobPublicAccess",), False),
        ("CIS Azure 3.17", ACCESS),
    ),
    Rule(
        "storage-network-denies",
        _STORAGE,
        must(("networkRuleSet", "defaultAction"), "Deny"),
        ("CIS Azure 3.8", ACCESS),
    ),
    Rule(
        "storage-encrypted-twice",
        _STORAGE,
        must(("encryption", "requireInfrastructureEncryption"), True),
        ("CIS Azure 3.2", AT_REST),
    ),
    Rule(
        "storage-one-tenant",
        _STORAGE,
        must(("allowCrossTenantReplication",), False),
        ("CIS Azure 3.16", ACCESS),
    ),
    Rule("lake-is-hierarchical", _lakes, must(("isHnsEnabled",), True)),
    Rule(
        "containers-private",
        types("storage:BlobContainer"),
        must(("publicAccess",), "None"),
        (ACCESS,),
    ),
    Rule("lake-soft-delete", types("storage:BlobServiceProperties"), _kept, ("CIS Azure 3.11", RECOVERY)),
    Rule("landing-expires", _lakes, _landing_stays),
    Rule("only-landing-expires", types("storage:ManagementPolicy"), _deletes_more, (BACKUP,)),
    Rule("streams-tls", _STREAMS, must(("minimumTlsVersion",), "1.2", "1.3"), (TRANSIT,)),
    Rule("streams-no-keys", _STREAMS, must(("disableLocalAuth",), True), (AUTHENTICATION,)),
    Rule("cosmos-tls", _COSMOS, must(("minimalTlsVersion",), "Tls12"), (TRANSIT,)),
    Rule("cosmos-no-keys", _COSMOS, must(("disableLocalAuth",), True), ("CIS Azure 4.5.3", AUTHENTICATION)),
    Rule("cosmos-continuous-backup", _COSMOS, must(("backupPolicy", "type"), "Continuous"), (BACKUP,)),
    Rule("records-hierarchical-key", _records, must(("resource", "partitionKey", "kind"), "MultiHash")),
    Rule("records-bodies-not-indexed", _records, _bodies_indexed),
    Rule(
        "vault-rbac", _VAULT, must(("properties", "enableRbacAuthorization"), True), ("CIS Azure 8.6", ACCESS)
    ),
    Rule(
        "vault-purge-protection",
        _VAULT,
        must(("properties", "enablePurgeProtection"), True),
        ("CIS Azure 8.5", RECOVERY),
    ),
    Rule("app-https-only", _APP, must(("httpsOnly",), True), ("CIS Azure 9.2", TRANSIT)),
    Rule("app-tls", _APP, must(("siteConfig", "minTlsVersion"), "1.2", "1.3"), ("CIS Azure 9.3", TRANSIT)),
    Rule("app-no-ftp", _APP, must(("siteConfig", "ftpsState"), "Disabled"), ("CIS Azure 9.9",)),
    Rule(
        "app-user-identity",
        _APP,
        must(("identity", "type"), "UserAssigned"),
        ("CIS Azure 9.4", AUTHENTICATION),
    ),
    Rule("app-secrets-by-reference", _APP, _leaks, ("CIS Azure 9.10",)),
    Rule("app-connections-by-identity", _APP, _key_of_connection, (AUTHENTICATION,)),
    Rule("app-in-network", _APP, present("virtualNetworkSubnetId"), (ACCESS,)),
    Rule(
        "no-publishing-passwords",
        types("web:WebAppFtpAllowed", "web:WebAppScmAllowed"),
        must(("allow",), False),
    ),
    Rule(
        "insights-no-keys",
        types("applicationinsights:Component"),
        must(("disableLocalAuth",), True),
        (AUTHENTICATION,),
    ),
    Rule(
        "logs-no-keys", types("operationalinsights:Workspace"), must(("features", "disableLocalAuth"), True)
    ),
    Rule("no-public-network", types(*_PRIVATE), _not_private, ("CIS Azure 3.7", "CIS Azure 4.5.1", ACCESS)),
    Rule(
        "private-endpoints",
        types(*_PRIVATE),
        _no_endpoint,
        ("CIS Azure 3.10", "CIS Azure 4.5.2", "CIS Azure 8.7", ACCESS),
    ),
    Rule("diagnostics", types(*_WATCHED), _no_diagnostics, ("CIS Azure 5.1.4", "CIS Azure 5.4", AUDIT)),
    Rule(
        "tags",
        lambda found: [each for each in found.resources if not each.type.startswith(_UNTAGGED)],
        bad_tags,
    ),
    Rule("least-roles", types("authorization:RoleAssignment"), _bad_grant, (MINIMUM,)),
    Rule("files-changed-by-path", _of_app_on_lake, _changes_anything, (MINIMUM,)),
    Rule("cosmos-least-role", types("cosmosdb:SqlResourceSqlRoleAssignment"), _bad_cosmos_grant, (MINIMUM,)),
    *PLATFORM_RULES,
)
