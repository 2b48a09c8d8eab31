"""The registry of models: where images of the inference container are pushed and pulled; no password opens it.

Published models themselves are data and lie in the lake, in a container of their own.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import containerregistry

from infra.components.azure.keys import StoreKey
from infra.components.azure.network_plan import Subresource
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification


class ModelRegistry(pulumi.ComponentResource):
    """A premium registry: private, without the administrator's account, without anonymous pulls."""

    def __init__(self, name: str, args: Surroundings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:ModelRegistry", name, None, opts)
        key = args.keys.of("images")
        self.registry = containerregistry.Registry(
            args.config.compact_name("images"),
            resource_group_name=args.resource_group,
            location=args.config.location,
            sku={"name": "Premium"},
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            public_network_access="Disabled",
            network_rule_bypass_options="AzureServices",
            zone_redundancy="Enabled" if args.config.is_production else "Disabled",
            policies={
                "quarantine_policy": {"status": "disabled"},
                "retention_policy": {"status": "enabled", "days": 30},
                "azure_ad_authentication_as_arm_policy": {"status": "disabled"},
            },
            tags=args.config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
            **(_encryption(key) if key else {}),
        )
        args.network.expose(name, self.registry.id, Subresource.REGISTRY)
        args.observability.watch(name, self.registry.id)
        self.id = self.registry.id
        self.login_server = self.registry.login_server
        self.register_outputs({"id": self.id, "login_server": self.login_server})


def _encryption(key: StoreKey) -> dict[str, Any]:
    return {
        "identity": {
            "type": "UserAssigned",
            "user_assigned_identities": key.identity_id.apply(lambda it: {it: {}}),
        },
        "encryption": {
            "status": "enabled",
            "key_vault_properties": {"identity": key.identity_client_id, "key_identifier": key.uri},
        },
    }
