"""For each rule of the Azure stacks one way to break it: a type of resource, and what is done to its inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.infra.stacks import Change, put


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


def _open_a_way_out(inputs: dict[str, Any]) -> None:
    inputs["securityRules"][0]["destinationAddressPrefix"] = "Internet"


def _open_a_way_in(inputs: dict[str, Any]) -> None:
    inputs["securityRules"].append(
        {"name": "ssh", "direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "Internet"}
    )


def _keep_inside_apart(inputs: dict[str, Any]) -> None:
    inputs["securityRules"] = [r for r in inputs["securityRules"] if "/" not in r["destinationAddressPrefix"]]


MUTANTS: dict[str, tuple[str, Change]] = {
    "audits-arrive": ("monitor:DiagnosticSetting", put("resourceUri", to="/another")),
    "containers-reach-each-other": ("network:NetworkSecurityGroup", _keep_inside_apart),
    "jobs-started-privately": (
        "datafactory:ManagedPrivateEndpoint",
        put("properties", "privateLinkResourceId", to="/another"),
    ),
    "app-over-zones": ("web:AppServicePlan", put("zoneRedundant", to=False)),
    "front-door-logs-no-searches": ("cdn:Profile", put("logScrubbing", to=None)),
    "bundles-pass-the-firewall": (
        "frontdoor:Policy",
        put("managedRules", "managedRuleSets", 0, "ruleGroupOverrides", to=[]),
    ),
    "storage-tls": ("storage:StorageAccount", put("minimumTlsVersion", to="TLS1_0")),
    "storage-https-only": ("storage:StorageAccount", put("enableHttpsTrafficOnly", to=None)),
    "storage-no-shared-keys": ("storage:StorageAccount", put("allowSharedKeyAccess", to=None)),
    "storage-no-public-blobs": ("storage:StorageAccount", put("allowBlobPublicAccess", to=True)),
    "storage-network-denies": ("storage:StorageAccount", put("networkRuleSet", "defaultAction", to="Allow")),
    "lake-is-hierarchical": ("storage:StorageAccount", put("isHnsEnabled", to=None)),
    "containers-private": ("storage:BlobContainer", put("publicAccess", to="Blob")),
    "lake-soft-delete": ("storage:BlobServiceProperties", put("deleteRetentionPolicy", "enabled", to=False)),
    "landing-expires": ("storage:ManagementPolicy", _expire_nothing),
    "only-landing-expires": ("storage:ManagementPolicy", _expire_everything),
    "streams-tls": ("eventhub:Namespace", put("minimumTlsVersion", to="1.0")),
    "streams-no-keys": ("eventhub:Namespace", put("disableLocalAuth", to=None)),
    "cosmos-tls": ("cosmosdb:DatabaseAccount", put("minimalTlsVersion", to="Tls11")),
    "cosmos-no-keys": ("cosmosdb:DatabaseAccount", put("disableLocalAuth", to=False)),
    "cosmos-continuous-backup": ("cosmosdb:DatabaseAccount", put("backupPolicy", "type", to="Periodic")),
    "records-hierarchical-key": (
        "cosmosdb:SqlResourceSqlContainer",
        put("resource", "partitionKey", "kind", to="Hash"),
    ),
    "records-bodies-not-indexed": ("cosmosdb:SqlResourceSqlContainer", _drop_index_exclusion),
    "vault-rbac": ("keyvault:Vault", put("properties", "enableRbacAuthorization", to=False)),
    "vault-purge-protection": ("keyvault:Vault", put("properties", "enablePurgeProtection", to=None)),
    "app-https-only": ("web:WebApp", put("httpsOnly", to=None)),
    "app-tls": ("web:WebApp", put("siteConfig", "minTlsVersion", to="1.1")),
    "app-no-ftp": ("web:WebApp", put("siteConfig", "ftpsState", to="AllAllowed")),
    "app-user-identity": ("web:WebApp", put("identity", "type", to="None")),
    "app-secrets-by-reference": ("web:WebApp", _setting("GALEN_TOKEN_SIGNING_KEY", "in plain text")),
    "app-connections-by-identity": ("web:WebApp", _setting("GALEN_RECORDS", "AccountEndpoint=https://x;")),
    "app-in-network": ("web:WebApp", put("virtualNetworkSubnetId", to=None)),
    "no-publishing-passwords": ("web:WebAppScmAllowed", put("allow", to=True)),
    "insights-no-keys": ("applicationinsights:Component", put("disableLocalAuth", to=None)),
    "logs-no-keys": ("operationalinsights:Workspace", put("features", "disableLocalAuth", to=False)),
    "no-public-network": ("keyvault:Vault", put("properties", "publicNetworkAccess", to="Enabled")),
    "private-endpoints": ("network:PrivateEndpoint", put("privateLinkServiceConnections", to=None)),
    "diagnostics": ("monitor:DiagnosticSetting", put("resourceUri", to="/elsewhere")),
    "tags": ("keyvault:Vault", put("tags", "data-classification", to="public")),
    "least-roles": ("authorization:RoleAssignment", put("roleDefinitionId", to="/providers/Owner")),
    "files-changed-by-path": ("authorization:RoleAssignment", put("condition", to=None)),
    "cosmos-least-role": ("cosmosdb:SqlResourceSqlRoleAssignment", put("scope", to="/the/account")),
    "storage-encrypted-twice": (
        "storage:StorageAccount",
        put("encryption", "requireInfrastructureEncryption", to=False),
    ),
    "storage-one-tenant": ("storage:StorageAccount", put("allowCrossTenantReplication", to=True)),
    "audit-unchangeable": (
        "storage:BlobContainerImmutabilityPolicy",
        put("immutabilityPeriodSinceCreationInDays", to=365),
    ),
    "keys-of-ours": ("sql:Server", put("keyId", to=None)),
    "keys-renewed": ("keyvault:Key", put("properties", "rotationPolicy", "lifetimeActions", to=[])),
    "keys-in-hardware": ("keyvault:Key", put("properties", "kty", to="RSA")),
    "keys-expire": ("keyvault:Key", put("properties", "rotationPolicy", "attributes", to=None)),
    "capture-on": ("eventhub:EventHub", put("captureDescription", "enabled", to=False)),
    "records-in-two-regions": ("cosmosdb:DatabaseAccount", lambda inputs: inputs["locations"].pop()),
    "reports-entra-only": ("sql:Server", put("administrators", "azureADOnlyAuthentication", to=False)),
    "reports-tls": ("sql:Server", put("minimalTlsVersion", to="1.0")),
    "reports-audited": ("sql:ExtendedServerBlobAuditingPolicy", put("state", to="Disabled")),
    "reports-restorable": ("sql:BackupShortTermRetentionPolicy", put("retentionDays", to=7)),
    "egress-restricted": ("network:NetworkSecurityGroup", _open_a_way_out),
    "ingress-denied": ("network:NetworkSecurityGroup", _open_a_way_in),
    "subnets-guarded": ("network:Subnet", put("networkSecurityGroup", to=None)),
    "endpoints-named": ("network:PrivateDnsZoneGroup", put("privateEndpointName", to="another")),
    "spark-no-public-addresses": (
        "databricks:Workspace",
        put("parameters", "enableNoPublicIp", "value", to=False),
    ),
    "registry-no-passwords": ("containerregistry:Registry", put("adminUserEnabled", to=True)),
    "live-updates-no-keys": ("webpubsub:WebPubSub", put("disableLocalAuth", to=False)),
    "live-updates-for-clients-only": (
        "webpubsub:WebPubSub",
        put("networkACLs", "publicNetwork", "allow", to=["ClientConnection", "RESTAPI"]),
    ),
    "inference-inside": ("app:ManagedEnvironment", put("vnetConfiguration", "internal", to=False)),
    "boards-no-keys": ("dashboard:Grafana", put("properties", "apiKey", to="Enabled")),
    "front-door-https": ("cdn:Route", put("supportedProtocols", to=["Http", "Https"])),
    "front-door-firewall": ("frontdoor:Policy", put("policySettings", "mode", to="Detection")),
    "app-behind-front-door": ("web:WebApp", put("siteConfig", "ipSecurityRestrictions", to=[])),
    "alarms-tell": ("alertsmanagement:PrometheusRuleGroup", put("rules", 0, "actions", to=[])),
    "growth-bounded": ("app:ContainerApp", put("template", "scale", "maxReplicas", to=None)),
    "names-fit": ("keyvault:Vault", put("vaultName", to="galen-vault-of-production-in-europe")),
    "sign-in-by-assignment": ("azuread:index:ServicePrincipal", put("appRoleAssignmentRequired", to=False)),
}
