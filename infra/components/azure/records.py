"""The operational records: a Cosmos DB account, its database and two containers."""

from __future__ import annotations

import uuid
from typing import Any, Final

import pulumi
from pulumi_azure_native import cosmosdb

from functions.needs import Thing
from infra.components.azure.identity import Identity
from infra.components.azure.network_plan import Subresource
from infra.components.azure.roles import role_of
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import (
    DATABASE,
    LEASES_CONTAINER,
    LEASES_PARTITION_KEY,
    RECORDS_CONTAINER,
    RECORDS_INDEXING_POLICY,
    RECORDS_PARTITION_KEY,
)

_ASSIGNMENTS: Final = uuid.UUID("5f0c3f5e-7a0b-4d53-9a44-0a2c6d3a51c7")


def indexing_policy(policy: dict[str, Any]) -> cosmosdb.IndexingPolicyArgs:
    """A policy in the service's own form as Pulumi takes it."""
    return cosmosdb.IndexingPolicyArgs(
        automatic=policy["automatic"],
        indexing_mode=policy["indexingMode"],
        included_paths=[cosmosdb.IncludedPathArgs(path=each["path"]) for each in policy["includedPaths"]],
        excluded_paths=[cosmosdb.ExcludedPathArgs(path=each["path"]) for each in policy["excludedPaths"]],
        composite_indexes=[
            [cosmosdb.CompositePathArgs(path=each["path"], order=each["order"]) for each in index]
            for index in policy.get("compositeIndexes", ())
        ],
    )


class Records(pulumi.ComponentResource):
    """Records and change feed leases, for identities only; every second of the last thirty days can be restored."""

    def __init__(self, name: str, args: Surroundings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Records", name, None, opts)
        self._group = args.resource_group
        self._config = args.config
        key = args.keys.of("records")
        self.account = cosmosdb.DatabaseAccount(
            f"{name}-account",
            resource_group_name=args.resource_group,
            location=args.config.location,
            kind="GlobalDocumentDB",
            database_account_offer_type="Standard",
            locations=self._locations(),
            enable_automatic_failover=args.config.is_production,
            # A conditional create searches before it reserves, from any instance: it must see what another one wrote.
            consistency_policy={"default_consistency_level": "Strong"},
            capabilities=[] if args.config.is_production else [{"name": "EnableServerless"}],
            backup_policy={"type": "Continuous", "continuous_mode_properties": {"tier": "Continuous30Days"}},
            disable_local_auth=True,
            disable_key_based_metadata_write_access=True,
            minimal_tls_version="Tls12",
            public_network_access="Disabled",
            key_vault_key_uri=key.uri if key else None,
            default_identity=pulumi.Output.concat("UserAssignedIdentity=", key.identity_id) if key else None,
            identity={"type": "UserAssigned", "user_assigned_identities": [key.identity_id]} if key else None,
            tags=args.config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self._database = cosmosdb.SqlResourceSqlDatabase(
            f"{name}-database",
            resource_group_name=args.resource_group,
            account_name=self.account.name,
            database_name=DATABASE,
            resource={"id": DATABASE},
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self._container(
            name, RECORDS_CONTAINER, RECORDS_PARTITION_KEY, indexing_policy(RECORDS_INDEXING_POLICY)
        )
        self._container(name, LEASES_CONTAINER, LEASES_PARTITION_KEY, None)
        self.admit(name, args.identity)
        args.network.expose(name, self.account.id, Subresource.COSMOS)
        args.observability.watch(name, self.account.id)
        self.endpoint = self.account.document_endpoint
        self.register_outputs({"account_id": self.account.id, "endpoint": self.endpoint})

    def _locations(self) -> list[dict[str, Any]]:
        """In production two regions, each over its zones. The first takes the writes, the second follows."""
        regions = [self._config.location, self._config.second_location]
        return [
            {
                "location_name": region,
                "failover_priority": place,
                "is_zone_redundant": self._config.is_production,
            }
            for place, region in enumerate(regions if self._config.is_production else regions[:1])
        ]

    def _throughput(self) -> dict[str, Any]:
        """Serverless grows by itself; a provisioned container grows to its upper bound and back to a tenth of it."""
        most = scaling(self._config, "records").most
        return (
            {"options": {"autoscale_settings": {"max_throughput": most}}}
            if self._config.is_production
            else {}
        )

    def _container(
        self, name: str, container: str, key: tuple[str, ...], policy: cosmosdb.IndexingPolicyArgs | None
    ) -> None:
        kind = "MultiHash" if len(key) > 1 else "Hash"
        cosmosdb.SqlResourceSqlContainer(
            f"{name}-{container}",
            resource_group_name=self._group,
            account_name=self.account.name,
            database_name=self._database.name,
            container_name=container,
            resource=cosmosdb.SqlContainerResourceArgs(
                id=container,
                partition_key=cosmosdb.ContainerPartitionKeyArgs(kind=kind, paths=list(key), version=2),
                indexing_policy=policy,
                default_ttl=-1,  # only items with a `ttl` of their own expire
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=container == RECORDS_CONTAINER),
            **self._throughput(),
        )

    def admit(self, name: str, identity: Identity) -> None:
        """Cosmos keeps data roles of its own, beside Azure's; the assignment's id must be a UUID of ours."""
        roles = {str(role_of(need)) for need in identity.needed(Thing.RECORDS, RECORDS_CONTAINER)}
        for found in sorted(roles)[-1:]:  # the contributor's rights include the reader's
            cosmosdb.SqlResourceSqlRoleAssignment(
                f"{name}-data",
                resource_group_name=self._group,
                account_name=self.account.name,
                role_assignment_id=str(uuid.uuid5(_ASSIGNMENTS, name)),
                role_definition_id=pulumi.Output.concat(self.account.id, "/sqlRoleDefinitions/", found),
                principal_id=identity.principal_id,
                scope=pulumi.Output.concat(self.account.id, "/dbs/", self._database.name),
                opts=pulumi.ResourceOptions(parent=self),
            )
