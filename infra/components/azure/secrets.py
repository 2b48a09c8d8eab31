"""The vault. The program makes it and grants the reading; what is in it never passes through Pulumi or its state."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, keyvault

from functions.needs import Thing
from infra.components.azure.identity import Identity
from infra.components.azure.network import Network
from infra.components.azure.network_plan import Subresource
from infra.components.azure.observability import Observability
from infra.components.azure.roles import Role
from infra.config import Classification, StackConfig

SOFT_DELETE_DAYS = 90


@dataclass(frozen=True, slots=True)
class SecretsArgs:
    """Where, for whom, watched by what."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    identity: Identity
    network: Network
    observability: Observability
    secrets: tuple[str, ...]
    """The names of what lies in the vault."""


def private_vault(
    name: str,
    config: StackConfig,
    resource_group: pulumi.Input[str],
    *,
    premium: bool,
    parent: pulumi.Resource,
) -> keyvault.Vault:
    """A vault that only identities open, through the private network, and that nobody can purge."""
    tenant = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=parent)).tenant_id
    return keyvault.Vault(
        name,
        resource_group_name=resource_group,
        location=config.location,
        properties=keyvault.VaultPropertiesArgs(
            tenant_id=tenant,
            sku=keyvault.SkuArgs(
                family="A", name="premium" if premium or config.is_production else "standard"
            ),
            enable_rbac_authorization=True,
            enable_soft_delete=True,
            enable_purge_protection=True,
            soft_delete_retention_in_days=SOFT_DELETE_DAYS,
            public_network_access="Disabled",
            network_acls=keyvault.NetworkRuleSetArgs(default_action="Deny", bypass="AzureServices"),
        ),
        tags=config.tags(Classification.SECRET),
        opts=pulumi.ResourceOptions(parent=parent, protect=True),
    )


class Secrets(pulumi.ComponentResource):
    """A vault under role-based access; a deleted secret, and the vault itself, can be restored and not be purged."""

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Secrets", name, None, opts)
        vault = private_vault(name, args.config, args.resource_group, premium=False, parent=self)
        self._names = args.secrets
        self._id = vault.id
        self.admit(name, args.identity)
        args.network.expose(name, vault.id, Subresource.VAULT)
        args.observability.watch(name, vault.id)
        self._uri = vault.properties.vault_uri
        self.register_outputs({"vault_id": vault.id, "vault_uri": self._uri})

    def admit(self, name: str, identity: Identity) -> None:
        """A right on one secret can be given only once it is there; the vault holds the app's and no other."""
        read = [need for secret in self._names for need in identity.needed(Thing.SECRET, secret)]
        if read:
            identity.grant(f"{name}-reads-secrets", Role.SECRETS_USER, self._id, self)

    def url(self, secret: str) -> pulumi.Output[str]:
        """The newest version of a secret, for what reads it under an identity of its own."""
        return pulumi.Output.concat(self._uri, "secrets/", secret)

    def reference(self, secret: str) -> pulumi.Output[str]:
        """What an app setting says instead of a secret: the platform reads the newest version under the app's identity."""
        return pulumi.Output.concat("@Microsoft.KeyVault(SecretUri=", self._uri, "secrets/", secret, "/)")
