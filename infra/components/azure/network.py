"""A private network: what runs in subnets of its own, a private endpoint for every service in another.

https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pulumi
from pulumi_azure_native import network, privatedns

from infra.components.azure.network_plan import (
    ADDRESS_SPACE,
    SUBNETS,
    SubnetPlan,
    Subresource,
    security_rules,
)
from infra.config import Classification, StackConfig


@dataclass(frozen=True, slots=True)
class NetworkArgs:
    """Where."""

    config: StackConfig
    resource_group: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """The network, its subnets with what may leave them, and the private zones; `expose` puts a service into it."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Network", name, None, opts)
        self._args = args
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = args.config.tags(Classification.OPERATIONAL)
        self._network = network.VirtualNetwork(
            f"{name}-network",
            resource_group_name=args.resource_group,
            location=args.config.location,
            address_space={"address_prefixes": [ADDRESS_SPACE]},
            tags=self._tags,
            opts=self._child,
        )
        groups = {plan.noun: self._security_group(plan) for plan in SUBNETS}
        subnets: dict[str, network.Subnet] = {}
        # One subnet at a time: the network refuses two changes at once.
        for before, plan in pairwise((None, *SUBNETS)):
            assert plan is not None
            subnets[plan.noun] = self._subnet(
                plan, groups[plan.noun], subnets[before.noun] if before else None
            )
        self._subnets = subnets
        self._zones: dict[Subresource, privatedns.PrivateZone] = {}
        self.id = self._network.id
        self.app_subnet_id = self.subnet_id("app")
        self.register_outputs({"id": self.id, "app_subnet_id": self.app_subnet_id})

    def subnet_id(self, noun: str) -> pulumi.Output[str]:
        """The id of one of the plan's subnets."""
        return self._subnets[noun].id

    def subnet_name(self, noun: str) -> pulumi.Output[str]:
        """The name of one of the plan's subnets, in the network."""
        return self._subnets[noun].name

    def _security_group(self, plan: SubnetPlan) -> network.NetworkSecurityGroup:
        return network.NetworkSecurityGroup(
            f"{self._name}-{plan.noun}-rules",
            resource_group_name=self._args.resource_group,
            location=self._args.config.location,
            security_rules=security_rules(plan),
            tags=self._tags,
            opts=self._child,
        )

    def _subnet(
        self, plan: SubnetPlan, group: network.NetworkSecurityGroup, before: network.Subnet | None
    ) -> network.Subnet:
        return network.Subnet(
            f"{self._name}-{plan.noun}",
            resource_group_name=self._args.resource_group,
            virtual_network_name=self._network.name,
            address_prefix=plan.prefix,
            network_security_group={"id": group.id},
            default_outbound_access=False,
            private_endpoint_network_policies="NetworkSecurityGroupEnabled",
            delegations=[{"name": plan.noun, "service_name": plan.delegation}] if plan.delegation else [],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[before] if before else []),
        )

    def _zone(self, subresource: Subresource) -> privatedns.PrivateZone:
        """The zone of a subresource, made when the first service of its kind is exposed."""
        if subresource in self._zones:
            return self._zones[subresource]
        words = f"{self._name}-{subresource.group.lower()}"
        zone = privatedns.PrivateZone(
            f"{words}-zone",
            resource_group_name=self._args.resource_group,
            private_zone_name=subresource.zone,
            location="Global",
            tags=self._tags,
            opts=self._child,
        )
        privatedns.VirtualNetworkLink(
            f"{words}-link",
            resource_group_name=self._args.resource_group,
            private_zone_name=zone.name,
            virtual_network={"id": self._network.id},
            registration_enabled=False,
            location="Global",
            tags=self._tags,
            opts=self._child,
        )
        self._zones[subresource] = zone
        return zone

    def expose(self, name: str, resource_id: pulumi.Input[str], subresource: Subresource) -> None:
        """A private endpoint for one subresource of a service, under its name in the private zone."""
        group = subresource.group.lower()
        endpoint = network.PrivateEndpoint(
            f"{name}-{group}-endpoint",
            resource_group_name=self._args.resource_group,
            location=self._args.config.location,
            subnet={"id": self.subnet_id("endpoints")},
            private_link_service_connections=[
                {
                    "name": group,
                    "private_link_service_id": resource_id,
                    "group_ids": [subresource.group],
                }
            ],
            tags=self._tags,
            opts=self._child,
        )
        network.PrivateDnsZoneGroup(
            f"{name}-{group}-names",
            resource_group_name=self._args.resource_group,
            private_endpoint_name=endpoint.name,
            private_dns_zone_configs=[{"name": group, "private_dns_zone_id": self._zone(subresource).id}],
            opts=self._child,
        )
