"""The keys that encrypt the stores: ours, in hardware, renewed each year, in a vault that holds nothing else.

https://learn.microsoft.com/azure/key-vault/keys/how-to-configure-key-rotation
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import keyvault, managedidentity

from infra.components.azure.identity import assign
from infra.components.azure.network import Network
from infra.components.azure.network_plan import Subresource
from infra.components.azure.observability import Observability
from infra.components.azure.roles import Role
from infra.components.azure.secrets import private_vault
from infra.config import Classification, StackConfig

RENEWED_AFTER: Final = "P1Y"
EXPIRES_AFTER: Final = "P2Y"


@dataclass(frozen=True, slots=True)
class KeysArgs:
    """Where, and watched by what. Without keys of ours the clouds' own encrypt."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    network: Network
    observability: Observability


@dataclass(frozen=True, slots=True)
class StoreKey:
    """One store's key, and the identity under which the store's service uses it."""

    name: pulumi.Output[str]
    vault_uri: pulumi.Output[str]
    uri: pulumi.Output[str]
    uri_with_version: pulumi.Output[str]
    identity_id: pulumi.Output[str]
    identity_client_id: pulumi.Output[str]


class Keys(pulumi.ComponentResource):
    """One key a store, made when the store asks for it; none at all where the configuration wants none."""

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Keys", name, None, opts)
        self._name = name
        self._args = args
        self._vault: keyvault.Vault | None = None
        self._user: managedidentity.UserAssignedIdentity | None = None
        self._right: pulumi.CustomResource | None = None
        if args.config.customer_managed_keys:
            self._vault = private_vault(name, args.config, args.resource_group, premium=True, parent=self)
            self._user = managedidentity.UserAssignedIdentity(
                f"{name}-identity",
                resource_group_name=args.resource_group,
                location=args.config.location,
                tags=args.config.tags(Classification.OPERATIONAL),
                opts=pulumi.ResourceOptions(parent=self),
            )
            self._right = assign(
                f"{name}-encrypts", Role.CRYPTO_USER, self._vault.id, self._user.principal_id, self
            )
            args.network.expose(name, self._vault.id, Subresource.VAULT)
            args.observability.watch(name, self._vault.id)
        self.register_outputs({"vault_id": self._vault.id if self._vault else None})

    def of(self, store: str) -> StoreKey | None:
        """The key of a store; None where the cloud's own key is used."""
        if self._vault is None or self._user is None or self._right is None:
            return None
        key = keyvault.Key(
            f"{self._name}-{store}",
            resource_group_name=self._args.resource_group,
            vault_name=self._vault.name,
            key_name=store,
            properties=keyvault.KeyPropertiesArgs(
                kty="RSA-HSM",
                key_size=3072,
                key_ops=["wrapKey", "unwrapKey"],
                rotation_policy=keyvault.RotationPolicyArgs(
                    attributes=keyvault.KeyRotationPolicyAttributesArgs(expiry_time=EXPIRES_AFTER),
                    lifetime_actions=[
                        keyvault.LifetimeActionArgs(
                            action=keyvault.ActionArgs(type="rotate"),
                            trigger=keyvault.TriggerArgs(time_after_create=RENEWED_AFTER),
                        )
                    ],
                ),
            ),
            tags=self._args.config.tags(Classification.SECRET),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        # A store that is made before the right is there cannot use its key, and fails.
        identity_id = pulumi.Output.all(self._user.id, self._right.id).apply(lambda both: str(both[0]))
        return StoreKey(
            name=key.name,
            vault_uri=self._vault.properties.vault_uri,
            uri=key.key_uri,
            uri_with_version=key.key_uri_with_version,
            identity_id=identity_id,
            identity_client_id=self._user.client_id,
        )
