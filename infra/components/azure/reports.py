"""The database of the safety reports: Azure SQL that knows Entra identities only, no password at all.

https://learn.microsoft.com/azure/azure-sql/database/authentication-azure-ad-only-authentication
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_azure_native import authorization, sql

from infra.components.azure.network_plan import Subresource
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import REPORTS_DATABASE

RESTORABLE_DAYS: Final = 35
PAUSES_AFTER_MIN: Final = 60


class Reports(pulumi.ComponentResource):
    """A serverless database whose every statement is audited; in production over zones, with backups in two regions."""

    def __init__(self, name: str, args: Surroundings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Reports", name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self.server = self._server(name)
        database = self._database(name)
        common = {"resource_group_name": args.resource_group, "server_name": self.server.name}
        sql.ExtendedServerBlobAuditingPolicy(
            f"{name}-audited",
            blob_auditing_policy_name="default",
            state="Enabled",
            is_azure_monitor_target_enabled=True,
            opts=self._child,
            **common,
        )
        sql.BackupShortTermRetentionPolicy(
            f"{name}-restorable",
            database_name=database.name,
            policy_name="default",
            retention_days=RESTORABLE_DAYS,
            opts=self._child,
            **common,
        )
        if args.config.is_production:  # a database that pauses cannot have it
            sql.LongTermRetentionPolicy(
                f"{name}-kept",
                database_name=database.name,
                policy_name="default",
                weekly_retention="P12W",
                monthly_retention="P12M",
                yearly_retention="P7Y",
                week_of_year=1,
                opts=self._child,
                **common,
            )
        args.network.expose(name, self.server.id, Subresource.DATABASE)
        args.observability.watch(name, database.id)
        # The server's audit leaves by its first database.
        args.observability.watch(f"{name}-server", pulumi.Output.concat(self.server.id, "/databases/master"))
        self.host = self.server.fully_qualified_domain_name
        self.jdbc_url = pulumi.Output.concat(
            "jdbc:sqlserver://", self.host, f";database={REPORTS_DATABASE};encrypt=true",
            ";authentication=ActiveDirectoryManagedIdentity",
        )  # fmt: skip
        self.register_outputs({"server_id": self.server.id, "host": self.host})

    def _server(self, name: str) -> sql.Server:
        args = self._args
        tenant = authorization.get_client_config_output(
            opts=pulumi.InvokeOutputOptions(parent=self)
        ).tenant_id
        key = args.keys.of("reports")
        server = sql.Server(
            f"{name}-server",
            resource_group_name=args.resource_group,
            location=args.config.location,
            version="12.0",
            administrators={
                "administrator_type": "ActiveDirectory",
                "principal_type": "Group",
                "login": "galen-reports-administrators",
                "sid": args.config.administrators,
                "tenant_id": tenant,
                "azure_ad_only_authentication": True,
            },
            minimal_tls_version="1.2",
            public_network_access="Disabled",
            restrict_outbound_network_access="Enabled",
            key_id=key.uri_with_version if key else None,
            primary_user_assigned_identity_id=key.identity_id if key else None,
            identity={"type": "UserAssigned", "user_assigned_identities": [key.identity_id]} if key else None,
            tags=args.config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        if key:
            sql.EncryptionProtector(
                f"{name}-encrypted",
                resource_group_name=args.resource_group,
                server_name=server.name,
                encryption_protector_name="current",
                server_key_type="AzureKeyVault",
                server_key_name=key.name,
                auto_rotation_enabled=True,
                opts=self._child,
            )
        return server

    def _database(self, name: str) -> sql.Database:
        config = self._args.config
        size = scaling(config, "reports")
        return sql.Database(
            f"{name}-database",
            resource_group_name=self._args.resource_group,
            server_name=self.server.name,
            location=config.location,
            database_name=REPORTS_DATABASE,
            sku={"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": size.most},
            min_capacity=size.least,
            auto_pause_delay=-1 if config.is_production else PAUSES_AFTER_MIN,
            zone_redundant=config.is_production,
            requested_backup_storage_redundancy="GeoZone" if config.is_production else "Zone",
            is_ledger_on=False,
            tags=config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
