"""What clinicians look at: a static site, and the live updates that its pages listen to.

https://learn.microsoft.com/azure/azure-web-pubsub/howto-secure-network-access-control
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_azure_native import web, webpubsub

from functions.needs import Thing
from infra.components.azure.network_plan import Subresource
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import LIVE_HUB

_SITE_REGIONS: Final = {"northeurope": "westeurope", "swedencentral": "westeurope", "uksouth": "westeurope"}
"""Static Web Apps has few regions of its own; its files are at every edge anyway, and none of them is a patient's."""


class Dashboard(pulumi.ComponentResource):
    """The site's files are public, the data is not: pages ask the API with the token of who looks at them."""

    def __init__(self, name: str, args: Surroundings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Dashboard", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        region = args.config.location
        site = web.StaticSite(
            f"{name}-site",
            resource_group_name=args.resource_group,
            location=_SITE_REGIONS.get(region, region),
            sku={"name": "Standard", "tier": "Standard"},
            staging_environment_policy="Disabled",
            allow_config_file_updates=False,
            tags=args.config.tags(Classification.OPERATIONAL),
            opts=child,
        )
        self.host = site.default_hostname
        self.live = self._live_updates(name, args)
        pulumi.CustomResource(
            # Its class cannot be called: the service's `resourceName` and Pulumi's first argument have one name.
            "azure-native:webpubsub:WebPubSubHub",
            f"{name}-hub",
            {
                "resourceGroupName": args.resource_group,
                "resourceName": self.live.name,
                "hubName": LIVE_HUB,
                "properties": {"anonymousConnectPolicy": "deny"},
            },
            child,
        )
        args.identity.permit(Thing.LIVE_UPDATES, LIVE_HUB, self.live.id, self)
        args.network.expose(f"{name}-live", self.live.id, Subresource.WEB_PUBSUB)
        args.observability.watch(f"{name}-live", self.live.id)
        self.register_outputs({"host": self.host, "live_host": self.live.host_name})

    def _live_updates(self, name: str, args: Surroundings) -> webpubsub.WebPubSub:
        """From outside only a client may connect, with a token that the app minted; sending is for the network."""
        return webpubsub.WebPubSub(
            f"{name}-live",
            resource_group_name=args.resource_group,
            location=args.config.location,
            sku={
                "name": "Premium_P1" if args.config.is_production else "Standard_S1",
                "tier": "Premium" if args.config.is_production else "Standard",
                "capacity": scaling(args.config, "live updates").least,
            },
            disable_local_auth=True,
            disable_aad_auth=False,
            public_network_access="Enabled",
            network_acls={
                "default_action": "Deny",
                "public_network": {"allow": ["ClientConnection"]},
                "private_endpoints": [],
            },
            tls={"client_cert_enabled": False},
            identity={"type": "SystemAssigned"},
            tags=args.config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self),
        )
