"""The event streams: one Event Hubs namespace, the hubs and the app's consumer group."""

from __future__ import annotations

from typing import Any, Final

import pulumi
from pulumi_azure_native import eventhub

from functions.needs import Thing
from infra.components.azure.identity import assign
from infra.components.azure.keys import StoreKey
from infra.components.azure.network_plan import Subresource
from infra.components.azure.roles import Role
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import CAPTURE_CONTAINER, CONSUMER_GROUP, HUB_PARTITIONS, HUBS

RETENTION_HOURS: Final = 168
"""The most that the Standard tier keeps: the time there is to mend the app before an event would be lost."""
CAPTURE_EVERY_S: Final = 300
_CAPTURE_NAMES: Final = "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"


class EventStreams(pulumi.ComponentResource):
    """Only identities send and receive; the app may receive from its hubs and nothing else."""

    def __init__(
        self,
        name: str,
        args: Surroundings,
        capture_into: pulumi.Output[str],
        lake_id: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("galen:azure:EventStreams", name, None, opts)
        self._args = args
        self._namespace = self._make_namespace(name, args.keys.of("streams"))
        may_capture = assign(
            f"{name}-captures",
            Role.BLOB_CONTRIBUTOR,
            capture_into,
            self._namespace.identity.principal_id,
            self,
        )
        self.hubs = {hub: self._hub(name, hub, lake_id, may_capture) for hub in HUBS}
        args.network.expose(name, self._namespace.id, Subresource.EVENT_HUBS)
        args.observability.watch(name, self._namespace.id)
        self.host = pulumi.Output.concat(self._namespace.name, ".servicebus.windows.net")
        self.register_outputs({"namespace_id": self._namespace.id, "host": self.host})

    def _make_namespace(self, name: str, key: StoreKey | None) -> eventhub.Namespace:
        """Keys of ours are for the Premium tier, whose processing units do not grow by themselves; Standard inflates."""
        config = self._args.config
        size = scaling(config, "event streams")
        tier: dict[str, Any] = (
            {"sku": {"name": "Premium", "tier": "Premium", "capacity": size.least}, "zone_redundant": True}
            if key
            else {
                "sku": {"name": "Standard", "tier": "Standard", "capacity": size.least},
                "is_auto_inflate_enabled": True,
                "maximum_throughput_units": size.most,
            }
        )
        return eventhub.Namespace(
            f"{name}-namespace",
            resource_group_name=self._args.resource_group,
            location=config.location,
            disable_local_auth=True,
            minimum_tls_version="1.2",
            public_network_access="Disabled",
            identity={
                "type": "SystemAssigned, UserAssigned" if key else "SystemAssigned",
                "user_assigned_identities": [key.identity_id] if key else [],
            },
            encryption=_encryption(key) if key else None,
            tags=config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self),
            **tier,
        )

    def _hub(
        self, name: str, hub: str, lake_id: pulumi.Output[str], may_capture: pulumi.Resource
    ) -> pulumi.Output[str]:
        common = {"resource_group_name": self._args.resource_group, "namespace_name": self._namespace.name}
        made = eventhub.EventHub(
            f"{name}-{hub}",
            event_hub_name=hub,
            partition_count=HUB_PARTITIONS,
            retention_description={
                "cleanup_policy": "Delete",
                "retention_time_in_hours": RETENTION_HOURS,
            },
            capture_description={
                "enabled": True,
                "encoding": "Avro",
                "interval_in_seconds": CAPTURE_EVERY_S,
                "skip_empty_archives": True,
                "destination": {
                    "name": "EventHubArchive.AzureBlockBlob",
                    "storage_account_resource_id": lake_id,
                    "blob_container": CAPTURE_CONTAINER,
                    "archive_name_format": _CAPTURE_NAMES,
                    "identity": {"type": "SystemAssigned"},
                },
            },
            # Its creation time is the generation in every raw path: a hub made anew is another one.
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=[may_capture]),
            **common,
        )
        eventhub.ConsumerGroup(
            f"{name}-{hub}-{CONSUMER_GROUP}",
            event_hub_name=made.name,
            consumer_group_name=CONSUMER_GROUP,
            opts=pulumi.ResourceOptions(parent=self),
            **common,
        )
        self._args.identity.permit(Thing.STREAM, hub, made.id, self)
        return made.id


def _encryption(key: StoreKey) -> dict[str, Any]:
    return {
        "key_source": "Microsoft.KeyVault",
        "require_infrastructure_encryption": True,
        "key_vault_properties": [
            {
                "key_name": key.name,
                "key_vault_uri": key.vault_uri,
                "identity": {"user_assigned_identity": key.identity_id},
            }
        ],
    }
