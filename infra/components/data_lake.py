"""The data lake: a storage account with a hierarchical namespace, its file systems, and who may touch them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from infra.components.identity import Identity, Role
from infra.components.network import Network, Subresource
from infra.components.observability import Observability
from infra.config import Classification, StackConfig
from shared.names import CHECKPOINTS_CONTAINER, LAKE_FILE_SYSTEM, LANDING_FILE_SYSTEM

SOFT_DELETE_DAYS = 30
_GRANTS = {
    LANDING_FILE_SYSTEM: Role.BLOB_READER,  # what partners dropped is read, never changed
    LAKE_FILE_SYSTEM: Role.BLOB_CONTRIBUTOR,
    CHECKPOINTS_CONTAINER: Role.BLOB_CONTRIBUTOR,
}


@dataclass(frozen=True, slots=True)
class DataLakeArgs:
    """Where, for whom, watched by what."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    identity: Identity
    network: Network
    observability: Observability


def private_account(
    name: str, config: StackConfig, resource_group: pulumi.Input[str], *, lake: bool, parent: pulumi.Resource
) -> storage.StorageAccount:
    """A storage account that only identities reach, over TLS, through the private network."""
    return storage.StorageAccount(
        name,
        resource_group_name=resource_group,
        location=config.location,
        kind="StorageV2",
        sku={"name": "Standard_ZRS"},
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
        encryption={
            "key_source": "Microsoft.Storage",
            "require_infrastructure_encryption": True,
            "services": {"blob": {"enabled": True, "key_type": "Account"}},
        },
        tags=config.tags(Classification.PHI if lake else Classification.OPERATIONAL),
        # A lake is not replaced by a change of settings.
        opts=pulumi.ResourceOptions(parent=parent, protect=lake),
    )


class DataLake(pulumi.ComponentResource):
    """The account with `landing`, `galen` and the stream checkpoints. A deleted blob or container can be restored."""

    def __init__(self, name: str, args: DataLakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:DataLake", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = args.resource_group
        self.account = private_account(
            args.config.compact_name("lake"), args.config, group, lake=True, parent=self
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
        for container, role in _GRANTS.items():
            made = storage.BlobContainer(
                f"{name}-{container}",
                resource_group_name=group,
                account_name=self.account.name,
                container_name=container,
                public_access="None",
                opts=pulumi.ResourceOptions(parent=self, depends_on=[blobs]),
            )
            args.identity.grant(f"{name}-{container}-{role.name.lower()}", role, made.id, self)
        self._expire_landing(name, args, blobs)
        for subresource in (Subresource.BLOB, Subresource.DFS):
            args.network.expose(name, self.account.id, subresource)
        service = pulumi.Output.concat(self.account.id, "/blobServices/default")
        args.observability.watch(f"{name}-blobs", service)
        self.blob_uri = self.account.primary_endpoints.blob
        self.dfs_uri = self.account.primary_endpoints.dfs
        self.register_outputs(
            {"account_id": self.account.id, "blob_uri": self.blob_uri, "dfs_uri": self.dfs_uri}
        )

    def _expire_landing(self, name: str, args: DataLakeArgs, blobs: storage.BlobServiceProperties) -> None:
        """Dropped files go after some days, into the soft delete; nothing else of the lake ever does.

        https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview
        """
        expire = {"days_after_modification_greater_than": args.config.landing_days}
        rule = {
            "name": "landing-expires",
            "type": "Lifecycle",
            "enabled": True,
            "definition": {
                "actions": {"base_blob": {"delete": expire}},
                "filters": {"blob_types": ["blockBlob"], "prefix_match": [f"{LANDING_FILE_SYSTEM}/"]},
            },
        }
        storage.ManagementPolicy(
            f"{name}-lifecycle",
            resource_group_name=args.resource_group,
            account_name=self.account.name,
            management_policy_name="default",
            policy={"rules": [rule]},
            # Without the soft delete a file would be gone at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[blobs]),
        )
