"""The functions app on the Flex Consumption plan, with a storage account of its own for the host.

https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan and
https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, storage, web

from infra.components.azure.data_lake import private_account
from infra.components.azure.network_plan import Subresource
from infra.components.azure.roles import Role
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import REACTIONS_FUNCTION

PYTHON = "3.12"
INSTANCE_MEMORY_MB = 2048
HTTP_CONCURRENCY = 16
"""Requests at once per instance. Unset it is one for Python, and every second request starts an instance."""
ALWAYS_READY = ("http", "function:vital_signs", f"function:{REACTIONS_FUNCTION}")
PACKAGES_CONTAINER = "packages"
HOST_ROLES = (Role.BLOB_OWNER, Role.QUEUE_CONTRIBUTOR)
"""What the host itself needs of its storage: leases and keys, and the queue of its blob and event triggers."""


@dataclass(frozen=True, slots=True)
class FunctionsAppArgs:
    """Where it stands, the settings that say where everything is, and the front door that alone may knock (if any)."""

    around: Surroundings
    settings: Mapping[str, pulumi.Input[str]]
    front_door_id: pulumi.Input[str] | None = None


class FunctionsApp(pulumi.ComponentResource):
    """The app: HTTPS only, no publishing passwords, every connection by identity."""

    def __init__(self, name: str, args: FunctionsAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:FunctionsApp", name, None, opts)
        self._given = args
        self._args = args.around
        self._child = pulumi.ResourceOptions(parent=self)
        self._name = name
        host = self._host_storage()
        self._site = self._site_name()
        packages = storage.BlobContainer(
            f"{name}-packages",
            resource_group_name=self._args.resource_group,
            account_name=host.name,
            container_name=PACKAGES_CONTAINER,
            public_access="None",
            opts=self._child,
        )
        plan = web.AppServicePlan(
            f"{name}-plan",
            resource_group_name=self._args.resource_group,
            location=self._args.config.location,
            kind="functionapp",
            reserved=True,
            sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
            # Over zones the platform keeps two instances ready where we ask for one.
            zone_redundant=self._args.config.is_production,
            tags=self._args.config.tags(Classification.OPERATIONAL),
            opts=self._child,
        )
        self.app = self._web_app(plan, host, packages)
        self._without_passwords()
        self._args.observability.watch(name, self.app.id)
        self.host_name = self.app.default_host_name
        self.register_outputs({"app_id": self.app.id, "host_name": self.host_name})

    def _host_storage(self) -> storage.StorageAccount:
        """The host's leases, keys and packages: not in the lake, whose hierarchical namespace the host does not support."""
        args = self._args
        account = private_account(
            args.config.compact_name("host"),
            args.config,
            args.resource_group,
            lake=False,
            key=args.keys.of("host"),
            parent=self,
        )
        for role in HOST_ROLES:
            args.identity.grant(f"{self._name}-host-{role.name.lower()}", role, account.id, self)
        for subresource in (Subresource.BLOB, Subresource.QUEUE):
            args.network.expose(f"{self._name}-host", account.id, subresource)
        args.observability.watch(
            f"{self._name}-host", pulumi.Output.concat(account.id, "/blobServices/default")
        )
        return account

    def _web_app(
        self, plan: web.AppServicePlan, host: storage.StorageAccount, packages: storage.BlobContainer
    ) -> web.WebApp:
        args = self._args
        return web.WebApp(
            f"{self._name}-app",
            name=self._site,
            resource_group_name=args.resource_group,
            location=args.config.location,
            kind="functionapp,linux",
            server_farm_id=plan.id,
            reserved=True,
            https_only=True,
            public_network_access="Enabled",  # the one front door: partners' HTTPS, each request with a token
            client_affinity_enabled=False,
            virtual_network_subnet_id=args.network.app_subnet_id,
            key_vault_reference_identity=args.identity.id,
            identity=web.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.id]
            ),
            function_app_config=web.FunctionAppConfigArgs(
                runtime=web.FunctionsRuntimeArgs(name="python", version=PYTHON),
                scale_and_concurrency=self._scale(),
                deployment=self._deployment(host, packages),
            ),
            site_config=self._site_config(host),
            tags=args.config.tags(Classification.PHI),
            opts=self._child,
        )

    def _scale(self) -> web.FunctionsScaleAndConcurrencyArgs:
        """How far the app grows. What an alert must pass within a second never starts cold."""
        return web.FunctionsScaleAndConcurrencyArgs(
            instance_memory_mb=INSTANCE_MEMORY_MB,
            maximum_instance_count=scaling(self._args.config, "functions app").most,
            always_ready=[
                web.FunctionsAlwaysReadyConfigArgs(name=group, instance_count=1) for group in ALWAYS_READY
            ],
            triggers=web.FunctionsScaleAndConcurrencyTriggersArgs(
                http=web.FunctionsScaleAndConcurrencyTriggersHttpArgs(
                    per_instance_concurrency=HTTP_CONCURRENCY
                )
            ),
        )

    def _deployment(
        self, host: storage.StorageAccount, packages: storage.BlobContainer
    ) -> web.FunctionsDeploymentArgs:
        """Where the package lies, read by the app's identity."""
        return web.FunctionsDeploymentArgs(
            storage=web.FunctionsDeploymentStorageArgs(
                type="blobContainer",
                value=pulumi.Output.concat(host.primary_endpoints.blob, packages.name),
                authentication=web.FunctionsDeploymentStorageAuthenticationArgs(
                    type="UserAssignedIdentity", user_assigned_identity_resource_id=self._args.identity.id
                ),
            )
        )

    def _site_config(self, host: storage.StorageAccount) -> web.SiteConfigArgs:
        """Transport rules, and the settings that the app reads."""
        settings = {**self._host_settings(host), **self._given.settings}
        return web.SiteConfigArgs(
            min_tls_version="1.2",
            scm_min_tls_version="1.2",
            ftps_state="Disabled",
            http20_enabled=True,
            remote_debugging_enabled=False,
            ip_security_restrictions_default_action="Deny" if self._given.front_door_id else "Allow",
            ip_security_restrictions=self._restrictions(),
            app_settings=[
                web.NameValuePairArgs(name=key, value=value) for key, value in sorted(settings.items())
            ],
        )

    def _restrictions(self) -> list[web.IpSecurityRestrictionArgs]:
        """Where there is a front door, nobody comes in past it: another tenant's has another id."""
        if self._given.front_door_id is None:
            return []
        return [
            web.IpSecurityRestrictionArgs(
                name="front-door",
                action="Allow",
                priority=100,
                tag="ServiceTag",
                ip_address="AzureFrontDoor.Backend",
                headers={"x-azure-fdid": [self._given.front_door_id]},
            )
        ]

    def _host_settings(self, host: storage.StorageAccount) -> dict[str, pulumi.Input[str]]:
        identity = self._args.identity
        return {
            "AzureWebJobsStorage__blobServiceUri": host.primary_endpoints.blob,
            "AzureWebJobsStorage__queueServiceUri": host.primary_endpoints.queue,
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": identity.client_id,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": self._args.observability.connection_string,
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": pulumi.Output.concat(
                "ClientId=", identity.client_id, ";Authorization=AAD"
            ),
            "GALEN_METRICS_ACCESS": self._args.config.metrics_access,
            "AZURE_CLIENT_ID": identity.client_id,
            "GALEN_URL": self._args.config.url
            or pulumi.Output.concat("https://", self._site, ".azurewebsites.net"),
        }

    def _site_name(self) -> pulumi.Output[str]:
        """A name of our own, the same at every run: the app must know its address before it is made."""
        client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=self))
        return client.subscription_id.apply(
            lambda found: f"{self._name}-{hashlib.sha256(f'{found}/{self._name}'.encode()).hexdigest()[:10]}"
        )

    def _without_passwords(self) -> None:
        """No basic authentication for publishing, neither by FTP nor by the deployment site."""
        common = {"resource_group_name": self._args.resource_group, "name": self.app.name, "allow": False}
        web.WebAppFtpAllowed(f"{self._name}-no-ftp-password", opts=self._child, **common)
        web.WebAppScmAllowed(f"{self._name}-no-scm-password", opts=self._child, **common)
