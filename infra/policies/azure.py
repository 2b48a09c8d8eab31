"""The rules of SECURITY.md over recorded resources: each says what it examines and what is wrong with it.

A rule that examined nothing has not passed: `examine` gives how many resources it looked at, and zero is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.components.identity import Role
from infra.config import Classification
from infra.recording import Recorded, Recording
from shared.names import LANDING_FILE_SYSTEM

_TAGS: Final = {"project", "environment", "owner", "managed-by", "data-classification"}
_UNTAGGED: Final = (
    "authorization:", "galen:", "monitor:", "eventhub:EventHub", "eventhub:ConsumerGroup", "storage:Blob",
    "storage:ManagementPolicy", "cosmosdb:Sql",
    "network:Subnet", "network:PrivateDnsZoneGroup", "eventgrid:SystemTopicEventSubscription",
    "web:WebAppFtpAllowed", "web:WebAppScmAllowed",
)  # fmt: skip
_WATCHED: Final = (
    "storage:StorageAccount", "eventhub:Namespace", "cosmosdb:DatabaseAccount", "keyvault:Vault", "web:WebApp",
    "eventgrid:SystemTopic",
)  # fmt: skip
_PRIVATE: Final = {
    "storage:StorageAccount": ("publicNetworkAccess",),
    "eventhub:Namespace": ("publicNetworkAccess",),
    "cosmosdb:DatabaseAccount": ("publicNetworkAccess",),
    "keyvault:Vault": ("properties", "publicNetworkAccess"),
}
_SECRET_TEXT: Final = re.compile(r"AccountKey=|SharedAccessKey=|Password=|sig=|-----BEGIN", re.IGNORECASE)
_LANDING: Final = f"{LANDING_FILE_SYSTEM}/"
_LEAST_LANDING_DAYS: Final = 7
_DATA_ROLES: Final = {role.definition for role in Role}


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule on one resource."""

    rule: str
    resource: str
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, the resources it is about, and what is wrong with one of them (nothing: an empty list)."""

    name: str
    about: Callable[[Recording], Iterable[Recorded]]
    wrong: Callable[[Recorded, Recording], list[str]]


def examine(rule: Rule, recording: Recording) -> tuple[int, list[Finding]]:
    """How many resources a rule looked at, and its findings; looking at none is one."""
    about = list(rule.about(recording))
    found = [Finding(rule.name, each.name, text) for each in about for text in rule.wrong(each, recording)]
    if not about:
        found.append(Finding(rule.name, "-", "examined nothing"))
    return len(about), found


def _at(inputs: Mapping[str, Any], *path: str) -> Any:
    value: Any = inputs
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _types(*types: str) -> Callable[[Recording], list[Recorded]]:
    return lambda recording: recording.of_type(*types)


def _must(path: tuple[str, ...], wanted: Any) -> Callable[[Recorded, Recording], list[str]]:
    def wrong(each: Recorded, _: Recording) -> list[str]:
        found = _at(each.inputs, *path)
        return [] if found == wanted else [f"{'.'.join(path)} is {found!r}, not {wanted!r}"]

    return wrong


def _not_private(each: Recorded, _: Recording) -> list[str]:
    found = _at(each.inputs, *_PRIVATE[each.type])
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


def _bad_tags(each: Recorded, _: Recording) -> list[str]:
    tags = each.inputs.get("tags") or {}
    missing = sorted(_TAGS - set(tags))
    known = tags.get("data-classification") in set(Classification)
    return [f"lacks the tags {', '.join(missing)}"] * bool(missing) + ["has an unknown classification"] * (
        not known
    )


def _bad_grant(each: Recorded, recording: Recording) -> list[str]:
    groups = {group.id for group in recording.of_type("resources:ResourceGroup")}
    scope = str(each.inputs.get("scope", ""))
    found = []
    if each.inputs.get("roleDefinitionId") not in _DATA_ROLES:
        found.append("grants a role that is not one of the data roles")
    if scope in groups or scope.count("/") < 4:
        found.append("is scoped wider than one resource")
    return found


def _bad_cosmos_grant(each: Recorded, _: Recording) -> list[str]:
    scope = str(each.inputs.get("scope", ""))
    return [] if "/dbs/" in scope else ["is scoped wider than the database"]


def _settings(app: Recorded) -> dict[str, str]:
    return {
        each["name"]: each.get("value", "") for each in _at(app.inputs, "siteConfig", "appSettings") or ()
    }


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
    return [f"{name} is not on" for name in both if not _at(each.inputs, name, "enabled")]


def _deletions(policy: Recorded) -> list[tuple[list[str], Any]]:
    """Of each rule that is on and deletes: the prefixes it is about (none: everything), and after how many days."""
    found = []
    for rule in _at(policy.inputs, "policy", "rules") or ():
        for kind, actions in (_at(rule, "definition", "actions") or {}).items():
            if rule.get("enabled") and "delete" in actions:
                days = (
                    _at(actions, "delete", "daysAfterModificationGreaterThan") if kind == "baseBlob" else None
                )
                found.append((_at(rule, "definition", "filters", "prefixMatch") or [], days))
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
    return [f"deletes {prefix}, not only {_LANDING}" for prefix in found if not prefix.startswith(_LANDING)]


def _bodies_indexed(each: Recorded, _: Recording) -> list[str]:
    excluded = {
        path["path"] for path in _at(each.inputs, "resource", "indexingPolicy", "excludedPaths") or ()
    }
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
        if _at(each.inputs, "tags", "data-classification") == "phi"
    ]


_STORAGE: Final = _types("storage:StorageAccount")
_STREAMS: Final = _types("eventhub:Namespace")
_COSMOS: Final = _types("cosmosdb:DatabaseAccount")
_VAULT: Final = _types("keyvault:Vault")
_APP: Final = _types("web:WebApp")

RULES: Final = (
    Rule("storage-tls", _STORAGE, _must(("minimumTlsVersion",), "TLS1_2")),
    Rule("storage-https-only", _STORAGE, _must(("enableHttpsTrafficOnly",), True)),
    Rule("storage-no-shared-keys", _STORAGE, _must(("allowSharedKeyAccess",), False)),
    Rule("storage-no-public-blobs", _STORAGE, _must(("allowBlobPublicAccess",), False)),
    Rule("storage-network-denies", _STORAGE, _must(("networkRuleSet", "defaultAction"), "Deny")),
    Rule("lake-is-hierarchical", _lakes, _must(("isHnsEnabled",), True)),
    Rule("containers-private", _types("storage:BlobContainer"), _must(("publicAccess",), "None")),
    Rule("lake-soft-delete", _types("storage:BlobServiceProperties"), _kept),
    Rule("landing-expires", _lakes, _landing_stays),
    Rule("only-landing-expires", _types("storage:ManagementPolicy"), _deletes_more),
    Rule("streams-tls", _STREAMS, _must(("minimumTlsVersion",), "1.2")),
    Rule("streams-no-keys", _STREAMS, _must(("disableLocalAuth",), True)),
    Rule("cosmos-tls", _COSMOS, _must(("minimalTlsVersion",), "Tls12")),
    Rule("cosmos-no-keys", _COSMOS, _must(("disableLocalAuth",), True)),
    Rule("cosmos-continuous-backup", _COSMOS, _must(("backupPolicy", "type"), "Continuous")),
    Rule("records-hierarchical-key", _records, _must(("resource", "partitionKey", "kind"), "MultiHash")),
    Rule("records-bodies-not-indexed", _records, _bodies_indexed),
    Rule("vault-rbac", _VAULT, _must(("properties", "enableRbacAuthorization"), True)),
    Rule("vault-purge-protection", _VAULT, _must(("properties", "enablePurgeProtection"), True)),
    Rule("app-https-only", _APP, _must(("httpsOnly",), True)),
    Rule("app-tls", _APP, _must(("siteConfig", "minTlsVersion"), "1.2")),
    Rule("app-no-ftp", _APP, _must(("siteConfig", "ftpsState"), "Disabled")),
    Rule("app-user-identity", _APP, _must(("identity", "type"), "UserAssigned")),
    Rule("app-secrets-by-reference", _APP, _leaks),
    Rule("app-connections-by-identity", _APP, _key_of_connection),
    Rule(
        "app-in-network",
        _APP,
        lambda each, _: [] if each.inputs.get("virtualNetworkSubnetId") else ["is not in the network"],
    ),
    Rule(
        "no-publishing-passwords",
        _types("web:WebAppFtpAllowed", "web:WebAppScmAllowed"),
        _must(("allow",), False),
    ),
    Rule("insights-no-keys", _types("applicationinsights:Component"), _must(("disableLocalAuth",), True)),
    Rule(
        "logs-no-keys", _types("operationalinsights:Workspace"), _must(("features", "disableLocalAuth"), True)
    ),
    Rule("no-public-network", _types(*_PRIVATE), _not_private),
    Rule("private-endpoints", _types(*_PRIVATE), _no_endpoint),
    Rule("diagnostics", _types(*_WATCHED), _no_diagnostics),
    Rule(
        "tags",
        lambda found: [each for each in found.resources if not each.type.startswith(_UNTAGGED)],
        _bad_tags,
    ),
    Rule("least-roles", _types("authorization:RoleAssignment"), _bad_grant),
    Rule("cosmos-least-role", _types("cosmosdb:SqlResourceSqlRoleAssignment"), _bad_cosmos_grant),
)
