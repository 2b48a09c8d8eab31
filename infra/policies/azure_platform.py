"""The rules of the Azure stacks about keys, the audit, the network, what grows and what computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from infra.components.azure.data_lake import AUDIT_DAYS
from infra.components.azure.front_door import NARRATIVE, SCRIPTS, UNLOGGED_MATCHES
from infra.policies.rule import (
    ACCESS,
    AT_REST,
    AUDIT,
    AUTHENTICATION,
    BACKUP,
    INTEGRITY,
    KEPT,
    RECOVERY,
    TRANSIT,
    Rule,
    at,
    at_least,
    every,
    must,
    present,
    types,
)
from infra.recording import Recorded, Recording
from shared.names import AUDIT_CONTAINER

_KEYS_OF_OURS: Final = {
    "storage:StorageAccount": ("encryption", "keyVaultProperties", "keyVaultUri"),
    "eventhub:Namespace": ("encryption", "keyVaultProperties", "keyVaultUri"),
    "cosmosdb:DatabaseAccount": ("keyVaultKeyUri",),
    "sql:Server": ("keyId",),
    "databricks:Workspace": (
        "encryption",
        "entities",
        "managedServices",
        "keyVaultProperties",
        "keyVaultUri",
    ),
    "containerregistry:Registry": ("encryption", "keyVaultProperties", "keyIdentifier"),
}
_LONGEST_NAME: Final = {
    "dashboard:Grafana": 23,
    "storage:StorageAccount": 24,
    "keyvault:Vault": 24,
    "containerregistry:Registry": 50,
    "app:ContainerApp": 32,
    "cosmosdb:DatabaseAccount": 44,
    "eventhub:Namespace": 50,
    "web:WebApp": 60,
    "databricks:Workspace": 64,
    "sql:Server": 63,
}
_OWN_NAMES: Final = ("name", "vaultName", "containerAppName", "registryName", "workspaceName")
_RANDOM_END: Final = 8
"""Characters that Pulumi adds."""


def _no_key(each: Recorded, _: Recording) -> list[str]:
    return [] if at(each.inputs, *_KEYS_OF_OURS[each.type]) else ["is not encrypted with a key of ours"]


def _not_renewed(each: Recorded, _: Recording) -> list[str]:
    actions = at(each.inputs, "properties", "rotationPolicy", "lifetimeActions") or []
    kinds = {at(action, "action", "type") for action in actions}
    return [] if "rotate" in kinds else ["is never renewed"]


def _lets_out(each: Recorded, _: Recording) -> list[str]:
    rules = each.inputs.get("securityRules") or []
    denies = [r for r in rules if (r.get("direction"), r.get("access")) == ("Outbound", "Deny")]
    found = []
    if not any(at(rule, "destinationAddressPrefix") == "*" for rule in denies):
        found.append("lets everything out")
    found += [
        f"{rule['name']} lets traffic out to anywhere"
        for rule in rules
        if (rule.get("direction"), rule.get("access")) == ("Outbound", "Allow")
        and rule.get("destinationAddressPrefix") in ("*", "Internet", "0.0.0.0/0")
    ]
    return found


def _lets_in(each: Recorded, _: Recording) -> list[str]:
    return [
        f"{rule['name']} lets the internet in"
        for rule in each.inputs.get("securityRules") or []
        if (rule.get("direction"), rule.get("access")) == ("Inbound", "Allow")
        and rule.get("sourceAddressPrefix") in ("*", "Internet", "0.0.0.0/0")
    ]


def _name_too_long(each: Recorded, _: Recording) -> list[str]:
    longest = _LONGEST_NAME[each.type]
    given = next((each.inputs[key] for key in _OWN_NAMES if isinstance(each.inputs.get(key), str)), None)
    length = len(given) if given is not None else len(each.name) + _RANDOM_END
    return [] if length <= longest else [f"would have {length} characters, of which {longest} are allowed"]


def _zones(each: Recorded, recording: Recording) -> list[str]:
    """Each private endpoint has its name in the zone of its subresource."""
    groups = recording.of_type("network:PrivateDnsZoneGroup")
    return [] if any(g.inputs.get("privateEndpointName") == each.name for g in groups) else ["has no name"]


def _regions(each: Recorded, _: Recording) -> list[str]:
    places = each.inputs.get("locations") or []
    found = [] if len(places) >= 2 else ["is in one region"]
    return found + [f"{p['locationName']} has one zone" for p in places if not p.get("isZoneRedundant")]


def _grows(each: Recorded, _: Recording) -> list[str]:
    """What bounds each part's growth, wherever its service keeps it."""
    return [] if _bounds(each) else ["has no bounds of growth"]


def _bounds(each: Recorded) -> bool:
    inputs: Mapping[str, Any] = each.inputs
    match each.type:
        case "web:WebApp":
            return bool(at(inputs, "functionAppConfig", "scaleAndConcurrency", "maximumInstanceCount"))
        case "eventhub:Namespace":
            inflates = inputs.get("isAutoInflateEnabled") and inputs.get("maximumThroughputUnits")
            return bool(inflates or at(inputs, "sku", "name") == "Premium")
        case "cosmosdb:SqlResourceSqlContainer":
            return bool(at(inputs, "options", "autoscaleSettings", "maxThroughput"))
        case "sql:Database":
            return bool(inputs.get("minCapacity") and at(inputs, "sku", "capacity"))
        case "app:ContainerApp":
            return bool(at(inputs, "template", "scale", "maxReplicas"))
        case "datafactory:LinkedService":
            return ":" in str(at(inputs, "properties", "typeProperties", "newClusterNumOfWorker")
                              or at(inputs, "properties", "newClusterNumOfWorker"))  # fmt: skip
    return False


def _containers(recording: Recording) -> list[Recorded]:
    """Provisioned containers: those of a serverless account grow with it."""
    serverless = [
        each
        for each in recording.of_type("cosmosdb:DatabaseAccount")
        if at(each.inputs, "capabilities", "name")
    ]
    return [] if serverless else recording.of_type("cosmosdb:SqlResourceSqlContainer")


def _growing(recording: Recording) -> list[Recorded]:
    others = recording.of_type(
        "web:WebApp", "eventhub:Namespace", "sql:Database", "app:ContainerApp", "datafactory:LinkedService"
    )
    return [*others, *_containers(recording)]


def _audit_policies(recording: Recording) -> list[Recorded]:
    return [
        each
        for each in recording.of_type("storage:BlobContainer")
        if each.inputs.get("containerName") == AUDIT_CONTAINER
    ]


def _changeable(each: Recorded, recording: Recording) -> list[str]:
    policies = [
        policy
        for policy in recording.of_type("storage:BlobContainerImmutabilityPolicy")
        if policy.inputs.get("containerName") == each.inputs["containerName"]
    ]
    days = [policy.inputs.get("immutabilityPeriodSinceCreationInDays") or 0 for policy in policies]
    return [] if max(days, default=0) >= AUDIT_DAYS else [f"can be changed after {max(days, default=0)} days"]


def _master_watched(each: Recorded, recording: Recording) -> list[str]:
    """What a server audits leaves by the diagnostic setting of its first database, and by no other."""
    watched = {one.inputs.get("resourceUri") for one in recording.of_type("monitor:DiagnosticSetting")}
    return [] if f"{each.id}/databases/master" in watched else ["audits into nothing"]


def _containers_apart(each: Recorded, recording: Recording) -> list[str]:
    own = {
        subnet.inputs.get("addressPrefix")
        for subnet in recording.of_type("network:Subnet")
        if at(subnet.inputs, "networkSecurityGroup", "id") == each.id
    }
    inside = [
        rule
        for rule in each.inputs.get("securityRules") or []
        if rule.get("access") == "Allow"
        and rule.get("destinationAddressPrefix") in (*own, "VirtualNetwork")
        and rule.get("destinationPortRanges") == ["*"]
    ]
    return [] if inside else ["keeps the parts of its environment from each other"]


def _unjoined(each: Recorded, recording: Recording) -> list[str]:
    made = recording.of_type("datafactory:ManagedPrivateEndpoint")
    joined = {at(one.inputs, "properties", "privateLinkResourceId") for one in made}
    return [] if each.id in joined else ["cannot be reached by the factory that starts its jobs"]


def _logs_searches(each: Recorded, _: Recording) -> list[str]:
    config = each.inputs.get("logScrubbing") or each.inputs.get("policySettings") or {}
    left_out = {rule.get("matchVariable") for rule in config.get("scrubbingRules") or []}
    # The profile knows no more than addresses; what a rule of the firewall found stands in the firewall's log.
    kept = {"RequestUri", "QueryStringArgNames"} if "logScrubbing" in each.inputs else set(UNLOGGED_MATCHES)
    whole = config.get("state") == "Enabled" and kept <= left_out
    return [] if whole else ["logs what searches are about"]


def _narratives_hidden(each: Recorded, _: Recording) -> list[str]:
    """A narrative is hidden from the rules about scripts, and nothing from any other rule."""
    hidden, shown = [], True
    for rules in at(each.inputs, "managedRules")["managedRuleSets"]:
        hidden += ["a whole set of rules"] * bool(rules.get("exclusions"))
        for group in rules.get("ruleGroupOverrides") or []:
            told = {(one["selectorMatchOperator"], one["selector"]) for one in group.get("exclusions") or []}
            ours = group["ruleGroupName"] == SCRIPTS
            shown = shown and not (ours and told >= set(NARRATIVE.items()))
            more = told - set(NARRATIVE.items()) if ours else told
            hidden += [str(group["ruleGroupName"])] * bool(more or group.get("rules"))
    return ["refuses bundles"] * shown + [f"hides more than narratives from {rules}" for rules in hidden]


_SQL: Final = types("sql:Server")
_KEY: Final = types("keyvault:Key")
_GROUPS: Final = types("network:NetworkSecurityGroup")
_HUBS: Final = types("eventhub:EventHub")
_REGISTRY: Final = types("containerregistry:Registry")
_SPARK: Final = types("databricks:Workspace")
_ROUTE: Final = types("cdn:Route")
_INGRESS: Final = tuple(f"CIS Azure 6.{number}" for number in (1, 2, 3, 4))

PLATFORM_RULES: Final = (
    Rule("audit-unchangeable", _audit_policies, _changeable, (KEPT, INTEGRITY)),
    Rule(
        "keys-of-ours",
        types(*_KEYS_OF_OURS),
        _no_key,
        ("CIS Azure 3.12", "CIS Azure 4.1.3", AT_REST),
        production_only=True,
    ),
    Rule("keys-renewed", _KEY, _not_renewed, ("CIS Azure 8.8",), production_only=True),
    Rule("keys-in-hardware", _KEY, must(("properties", "kty"), "RSA-HSM", "EC-HSM"), production_only=True),
    Rule(
        "keys-expire",
        _KEY,
        present("properties", "rotationPolicy", "attributes", "expiryTime"),
        ("CIS Azure 8.1",),
        production_only=True,
    ),
    Rule(
        "capture-on",
        _HUBS,
        every(must(("captureDescription", "enabled"), True), at_least(("partitionCount",), 1)),
        (BACKUP,),
    ),
    Rule(
        "records-in-two-regions",
        types("cosmosdb:DatabaseAccount"),
        _regions,
        (RECOVERY,),
        production_only=True,
    ),
    Rule(
        "reports-entra-only",
        _SQL,
        must(("administrators", "azureADOnlyAuthentication"), True),
        ("CIS Azure 4.1.4", AUTHENTICATION),
    ),
    Rule("reports-tls", _SQL, must(("minimalTlsVersion",), "1.2", "1.3"), (TRANSIT,)),
    Rule(
        "reports-audited",
        types("sql:ExtendedServerBlobAuditingPolicy"),
        every(must(("state",), "Enabled"), must(("isAzureMonitorTargetEnabled",), True)),
        ("CIS Azure 4.1.1", AUDIT),
    ),
    Rule("audits-arrive", _SQL, _master_watched, ("CIS Azure 4.1.1", AUDIT)),
    Rule(
        "containers-reach-each-other",
        lambda found: [each for each in _GROUPS(found) if each.name.endswith("-containers-rules")],
        _containers_apart,
    ),
    Rule("jobs-started-privately", _SPARK, _unjoined, (ACCESS,)),
    Rule(
        "app-over-zones",
        types("web:AppServicePlan"),
        must(("zoneRedundant",), True),
        (RECOVERY,),
        production_only=True,
    ),
    Rule(
        "front-door-logs-no-searches",
        types("cdn:Profile", "frontdoor:Policy"),
        _logs_searches,
        (ACCESS,),
        production_only=True,
    ),
    Rule("bundles-pass-the-firewall", types("frontdoor:Policy"), _narratives_hidden, production_only=True),
    Rule(
        "reports-restorable",
        types("sql:BackupShortTermRetentionPolicy"),
        at_least(("retentionDays",), 30),
        (BACKUP,),
    ),
    Rule("egress-restricted", _GROUPS, _lets_out, (ACCESS,)),
    Rule("ingress-denied", _GROUPS, _lets_in, (*_INGRESS, ACCESS)),
    Rule(
        "subnets-guarded",
        types("network:Subnet"),
        every(present("networkSecurityGroup", "id"), must(("defaultOutboundAccess",), False)),
        (ACCESS,),
    ),
    Rule("endpoints-named", types("network:PrivateEndpoint"), _zones),
    Rule(
        "spark-no-public-addresses",
        _SPARK,
        every(
            must(("parameters", "enableNoPublicIp", "value"), True),
            present("parameters", "customVirtualNetworkId"),
        ),
        (ACCESS,),
    ),
    Rule("registry-no-passwords", _REGISTRY, must(("adminUserEnabled",), False), (AUTHENTICATION,)),
    Rule(
        "live-updates-no-keys",
        types("webpubsub:WebPubSub"),
        must(("disableLocalAuth",), True),
        (AUTHENTICATION,),
    ),
    Rule(
        "live-updates-for-clients-only",
        types("webpubsub:WebPubSub"),
        every(
            must(("networkACLs", "defaultAction"), "Deny"),
            must(("networkACLs", "publicNetwork", "allow"), ["ClientConnection"]),
        ),
        (ACCESS,),
    ),
    Rule(
        "inference-inside",
        types("app:ManagedEnvironment"),
        every(
            must(("vnetConfiguration", "internal"), True),
            must(("peerTrafficConfiguration", "encryption", "enabled"), True),
        ),
        (ACCESS, TRANSIT),
    ),
    Rule(
        "boards-no-keys",
        types("dashboard:Grafana"),
        must(("properties", "apiKey"), "Disabled"),
        (AUTHENTICATION,),
    ),
    Rule(
        "front-door-https",
        _ROUTE,
        every(must(("supportedProtocols",), ["Https"]), must(("forwardingProtocol",), "HttpsOnly")),
        (TRANSIT,),
        production_only=True,
    ),
    Rule(
        "front-door-firewall",
        types("frontdoor:Policy"),
        every(
            must(("policySettings", "mode"), "Prevention"),
            must(("policySettings", "enabledState"), "Enabled"),
            present("managedRules", "managedRuleSets"),
        ),
        (ACCESS,),
        production_only=True,
    ),
    Rule(
        "app-behind-front-door",
        types("web:WebApp"),
        every(
            must(("siteConfig", "ipSecurityRestrictionsDefaultAction"), "Deny"),
            present("siteConfig", "ipSecurityRestrictions", "headers", "x-azure-fdid"),
        ),
        (ACCESS,),
        production_only=True,
    ),
    Rule(
        "alarms-tell",
        types("alertsmanagement:PrometheusRuleGroup"),
        lambda each, _: [
            f"{rule['alert']} tells nobody" for rule in each.inputs["rules"] if not rule.get("actions")
        ],
        (AUDIT,),
    ),
    Rule("growth-bounded", _growing, _grows),
    Rule("names-fit", types(*_LONGEST_NAME), _name_too_long),
    Rule(
        "sign-in-by-assignment",
        types("azuread:index:ServicePrincipal"),
        must(("appRoleAssignmentRequired",), True),
        (ACCESS,),
    ),
)
