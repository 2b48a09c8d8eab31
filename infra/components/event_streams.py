"""The event streams: one Event Hubs namespace, the hubs and the app's consumer group."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import eventhub

from infra.components.identity import Identity, Role
from infra.components.network import Network, Subresource
from infra.components.observability import Observability
from infra.config import Classification, StackConfig
from shared.names import CONSUMER_GROUP, HUB_PARTITIONS, HUBS

RETENTION_HOURS = 168
"""The most that the Standard tier keeps: the time there is to mend the app before an event would be lost."""


@dataclass(frozen=True, slots=True)
class EventStreamsArgs:
    """Where, for whom, watched by what."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    identity: Identity
    network: Network
    observability: Observability


class EventStreams(pulumi.ComponentResource):
    """Only identities send and receive; the app may receive from its hubs and nothing else."""

    def __init__(self, name: str, args: EventStreamsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:EventStreams", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        namespace = eventhub.Namespace(
            f"{name}-namespace",
            resource_group_name=args.resource_group,
            location=args.config.location,
            sku={"name": "Standard", "tier": "Standard", "capacity": 1},
            is_auto_inflate_enabled=True,
            maximum_throughput_units=4,
            disable_local_auth=True,
            minimum_tls_version="1.2",
            public_network_access="Disabled",
            tags=args.config.tags(Classification.PHI),
            opts=child,
        )
        common = {"resource_group_name": args.resource_group, "namespace_name": namespace.name}
        for hub in HUBS:
            made = eventhub.EventHub(
                f"{name}-{hub}",
                event_hub_name=hub,
                partition_count=HUB_PARTITIONS,
                retention_description={
                    "cleanup_policy": "Delete",
                    "retention_time_in_hours": RETENTION_HOURS,
                },
                # Its creation time is the generation in every raw path: a hub made anew is another one.
                opts=pulumi.ResourceOptions(parent=self, protect=True),
                **common,
            )
            eventhub.ConsumerGroup(
                f"{name}-{hub}-{CONSUMER_GROUP}",
                event_hub_name=made.name,
                consumer_group_name=CONSUMER_GROUP,
                opts=child,
                **common,
            )
            args.identity.grant(f"{name}-{hub}-receives", Role.EVENT_HUBS_RECEIVER, made.id, self)
        args.network.expose(name, namespace.id, Subresource.EVENT_HUBS)
        args.observability.watch(name, namespace.id)
        self.host = pulumi.Output.concat(namespace.name, ".servicebus.windows.net")
        self.register_outputs({"namespace_id": namespace.id, "host": self.host})
