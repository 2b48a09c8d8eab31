"""A private network: the app in one subnet, a private endpoint for every service in another.

https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import pulumi
from pulumi_azure_native import network, privatedns

from infra.config import Classification, StackConfig

_ADDRESS_SPACE = "10.20.0.0/22"
_APP_SUBNET = "10.20.0.0/24"
_ENDPOINT_SUBNET = "10.20.1.0/24"


class Subresource(Enum):
    """What of a service an endpoint reaches, and the private zone that names it."""

    BLOB = ("blob", "privatelink.blob.core.windows.net")
    DFS = ("dfs", "privatelink.dfs.core.windows.net")
    QUEUE = ("queue", "privatelink.queue.core.windows.net")
    EVENT_HUBS = ("namespace", "privatelink.servicebus.windows.net")
    COSMOS = ("Sql", "privatelink.documents.azure.com")
    VAULT = ("vault", "privatelink.vaultcore.azure.net")

    @property
    def group(self) -> str:
        """The group id of the private link."""
        return self.value[0]

    @property
    def zone(self) -> str:
        """The private DNS zone."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class NetworkArgs:
    """Where."""

    config: StackConfig
    resource_group: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """The network, its two subnets and the private zones; `expose` puts a service into it."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Network", name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = args.config.tags(Classification.OPERATIONAL)
        network_ = network.VirtualNetwork(
            f"{name}-network",
            resource_group_name=args.resource_group,
            location=args.config.location,
            address_space={"address_prefixes": [_ADDRESS_SPACE]},
            tags=self._tags,
            opts=self._child,
        )
        common = {"resource_group_name": args.resource_group, "virtual_network_name": network_.name}
        app = network.Subnet(
            f"{name}-app",
            address_prefix=_APP_SUBNET,
            # Flex Consumption runs in subnets delegated to Container Apps environments.
            delegations=[{"name": "functions", "service_name": "Microsoft.App/environments"}],
            opts=self._child,
            **common,
        )
        # One subnet at a time: the network refuses two changes at once.
        self._endpoints = network.Subnet(
            f"{name}-endpoints",
            address_prefix=_ENDPOINT_SUBNET,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[app]),
            **common,
        )
        self._zones = {each: self._zone(name, each, network_.id) for each in Subresource}
        self.app_subnet_id = app.id
        self.register_outputs({"app_subnet_id": self.app_subnet_id})

    def _zone(
        self, name: str, subresource: Subresource, network_id: pulumi.Input[str]
    ) -> privatedns.PrivateZone:
        zone = privatedns.PrivateZone(
            f"{name}-{subresource.group.lower()}-zone",
            resource_group_name=self._args.resource_group,
            private_zone_name=subresource.zone,
            location="Global",
            tags=self._tags,
            opts=self._child,
        )
        privatedns.VirtualNetworkLink(
            f"{name}-{subresource.group.lower()}-link",
            resource_group_name=self._args.resource_group,
            private_zone_name=zone.name,
            virtual_network={"id": network_id},
            registration_enabled=False,
            location="Global",
            tags=self._tags,
            opts=self._child,
        )
        return zone

    def expose(self, name: str, resource_id: pulumi.Input[str], subresource: Subresource) -> None:
        """A private endpoint for one subresource of a service, under its name in the private zone."""
        endpoint = network.PrivateEndpoint(
            f"{name}-{subresource.group.lower()}-endpoint",
            resource_group_name=self._args.resource_group,
            location=self._args.config.location,
            subnet={"id": self._endpoints.id},
            private_link_service_connections=[
                {
                    "name": subresource.group.lower(),
                    "private_link_service_id": resource_id,
                    "group_ids": [subresource.group],
                }
            ],
            tags=self._tags,
            opts=self._child,
        )
        network.PrivateDnsZoneGroup(
            f"{name}-{subresource.group.lower()}-names",
            resource_group_name=self._args.resource_group,
            private_endpoint_name=endpoint.name,
            private_dns_zone_configs=[
                {"name": subresource.group.lower(), "private_dns_zone_id": self._zones[subresource].id}
            ],
            opts=self._child,
        )
