"""The data lake: a storage account with a hierarchical namespace, its file systems, and who may touch them."""

from __future__ import annotations

from typing import Any, Final

import pulumi
from pulumi_azure_native import storage

from functions.needs import Thing
from infra.components.azure.keys import StoreKey
from infra.components.azure.network_plan import Subresource
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification, StackConfig
from shared.names import (
    AUDIT_CONTAINER,
    CAPTURE_CONTAINER,
    CHECKPOINTS_CONTAINER,
    LAKE_FILE_SYSTEM,
    LANDING_FILE_SYSTEM,
    MODELS_CONTAINER,
    Zone,
)

SOFT_DELETE_DAYS: Final = 30
AUDIT_DAYS: Final = 2557
"""Seven years with two leap days: 45 CFR 164.316(b)(2) asks for six, several states for seven."""
CONTAINERS: Final = (
    LANDING_FILE_SYSTEM,
    LAKE_FILE_SYSTEM,
    CHECKPOINTS_CONTAINER,
    CAPTURE_CONTAINER,
    AUDIT_CONTAINER,
    MODELS_CONTAINER,
)
COOL_AFTER_DAYS: Final = 90
COLD_AFTER_DAYS: Final = 365
CAPTURE_DAYS: Final = 35
"""As long as a hole of raw may take to be found and filled, and a little more."""


def private_account(
    name: str,
    config: StackConfig,
    resource_group: pulumi.Input[str],
    *,
    lake: bool,
    key: StoreKey | None,
    parent: pulumi.Resource,
) -> storage.StorageAccount:
    """A storage account that only identities reach, over TLS, through the private network."""
    return storage.StorageAccount(
        name,
        resource_group_name=resource_group,
        location=config.location,
        kind="StorageV2",
        sku={"name": "Standard_GZRS" if lake and config.is_production else "Standard_ZRS"},
        is_hns_enabled=lake,
        minimum_tls_version="TLS1_2",
        enable_https_traffic_only=True,
        allow_shared_key_access=False,
        allow_blob_public_access=False,
        allow_cross_tenant_replication=False,
        default_to_o_auth_authentication=True,
        is_local_user_enabled=False,
        is_sftp_enabled=False,
        public_network_access="Disabled",
        # Event Grid's deliveries and diagnostic settings come as trusted services.
        network_rule_set={"default_action": "Deny", "bypass": "AzureServices"},
        encryption=_encryption(key),
        identity={"type": "UserAssigned", "user_assigned_identities": [key.identity_id]} if key else None,
        tags=config.tags(Classification.PHI if lake else Classification.OPERATIONAL),
        # A lake is not replaced by a change of settings.
        opts=pulumi.ResourceOptions(parent=parent, protect=lake),
    )


def _encryption(key: StoreKey | None) -> dict[str, Any]:
    ours = {
        "key_source": "Microsoft.Keyvault",
        # Without a version: the service takes up the next one within a day of its making.
        "key_vault_properties": {"key_name": key.name, "key_vault_uri": key.vault_uri},
        "identity": {"encryption_user_assigned_identity": key.identity_id},
    } if key else {"key_source": "Microsoft.Storage"}  # fmt: skip
    services = {each: {"enabled": True, "key_type": "Account"} for each in ("blob", "file", "queue", "table")}
    return {**ours, "require_infrastructure_encryption": True, "services": services}


class DataLake(pulumi.ComponentResource):
    """The account and its containers. A deleted blob or container can be restored; what is audited cannot be changed."""

    def __init__(self, name: str, args: Surroundings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:DataLake", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = args.resource_group
        self.account = private_account(
            args.config.compact_name("lake"),
            args.config,
            group,
            lake=True,
            key=args.keys.of("lake"),
            parent=self,
        )
        retention = {"enabled": True, "days": SOFT_DELETE_DAYS}
        blobs = storage.BlobServiceProperties(
            f"{name}-blobs",
            resource_group_name=group,
            account_name=self.account.name,
            blob_services_name="default",
            delete_retention_policy=retention,
            container_delete_retention_policy=retention,
            opts=child,
        )
        self.containers: dict[str, pulumi.Output[str]] = {}
        for container in CONTAINERS:
            made = storage.BlobContainer(
                f"{name}-{container}",
                resource_group_name=group,
                account_name=self.account.name,
                container_name=container,
                public_access="None",
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=[blobs], protect=container in (LAKE_FILE_SYSTEM, AUDIT_CONTAINER)
                ),
            )
            self.containers[container] = made.id
            args.identity.permit(Thing.FILES, container, made.id, self)
        self._keep_audit(name, args)
        self._life_cycle(name, args, blobs)
        for subresource in (Subresource.BLOB, Subresource.DFS):
            args.network.expose(name, self.account.id, subresource)
        service = pulumi.Output.concat(self.account.id, "/blobServices/default")
        args.observability.watch(f"{name}-blobs", service)
        self.blob_uri = self.account.primary_endpoints.blob
        self.dfs_uri = self.account.primary_endpoints.dfs
        self.register_outputs(
            {"account_id": self.account.id, "blob_uri": self.blob_uri, "dfs_uri": self.dfs_uri}
        )

    def _keep_audit(self, name: str, args: Surroundings) -> None:
        """Written once. Until the policy is locked, which no template can do and nobody can undo, it can be shortened.

        https://learn.microsoft.com/azure/storage/blobs/immutable-container-level-worm-policies
        """
        storage.BlobContainerImmutabilityPolicy(
            f"{name}-audit-immutable",
            resource_group_name=args.resource_group,
            account_name=self.account.name,
            container_name=AUDIT_CONTAINER,
            immutability_policy_name="default",
            immutability_period_since_creation_in_days=AUDIT_DAYS,
            allow_protected_append_writes_all=True,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=[self.account]),
        )

    def _life_cycle(self, name: str, args: Surroundings, blobs: storage.BlobServiceProperties) -> None:
        """Dropped files and captured events go after some days, into the soft delete; raw moves to cooler tiers and stays.

        https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview
        """
        days = "days_after_modification_greater_than"
        cooler = {"tier_to_cool": {days: COOL_AFTER_DAYS}, "tier_to_cold": {days: COLD_AFTER_DAYS}}
        rules = [
            _rule("landing-expires", LANDING_FILE_SYSTEM, {"delete": {days: args.config.landing_days}}),
            _rule("capture-expires", CAPTURE_CONTAINER, {"delete": {days: CAPTURE_DAYS}}),
            _rule("raw-cools", f"{LAKE_FILE_SYSTEM}/{Zone.RAW}", cooler),
        ]
        storage.ManagementPolicy(
            f"{name}-lifecycle",
            resource_group_name=args.resource_group,
            account_name=self.account.name,
            management_policy_name="default",
            policy={"rules": rules},
            # Without the soft delete a file would be gone at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[blobs]),
        )


def _rule(name: str, folder: str, actions: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "Lifecycle",
        "enabled": True,
        "definition": {
            "actions": {"base_blob": actions},
            "filters": {"blob_types": ["blockBlob"], "prefix_match": [f"{folder}/"]},
        },
    }
