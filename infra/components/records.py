"""The operational records: a serverless Cosmos DB account, its database and two containers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_azure_native import cosmosdb

from infra.components.identity import Identity
from infra.components.network import Network, Subresource
from infra.components.observability import Observability
from infra.config import Classification, StackConfig
from shared.names import (
    DATABASE,
    LEASES_CONTAINER,
    LEASES_PARTITION_KEY,
    RECORDS_CONTAINER,
    RECORDS_INDEXING_POLICY,
    RECORDS_PARTITION_KEY,
)

DATA_CONTRIBUTOR: Final = "00000000-0000-0000-0000-000000000002"
"""Cosmos DB Built-in Data Contributor: items, and no more of the account than its metadata."""
_ASSIGNMENTS: Final = uuid.UUID("5f0c3f5e-7a0b-4d53-9a44-0a2c6d3a51c7")


@dataclass(frozen=True, slots=True)
class RecordsArgs:
    """Where, for whom, watched by what."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    identity: Identity
    network: Network
    observability: Observability


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

    def __init__(self, name: str, args: RecordsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Records", name, None, opts)
        self._group = args.resource_group
        self.account = cosmosdb.DatabaseAccount(
            f"{name}-account",
            resource_group_name=args.resource_group,
            location=args.config.location,
            kind="GlobalDocumentDB",
            database_account_offer_type="Standard",
            locations=[{"location_name": args.config.location, "failover_priority": 0}],
            # A conditional create searches before it reserves, from any instance: it must see what another one wrote.
            consistency_policy={"default_consistency_level": "Strong"},
            capabilities=[{"name": "EnableServerless"}],
            backup_policy={"type": "Continuous", "continuous_mode_properties": {"tier": "Continuous30Days"}},
            disable_local_auth=True,
            disable_key_based_metadata_write_access=True,
            minimal_tls_version="Tls12",
            public_network_access="Disabled",
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
        self._grant(name, args.identity)
        args.network.expose(name, self.account.id, Subresource.COSMOS)
        args.observability.watch(name, self.account.id)
        self.endpoint = self.account.document_endpoint
        self.register_outputs({"account_id": self.account.id, "endpoint": self.endpoint})

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
        )

    def _grant(self, name: str, identity: Identity) -> None:
        """Cosmos keeps data roles of its own, beside Azure's; the assignment's id must be a UUID of ours."""
        role = pulumi.Output.concat(self.account.id, "/sqlRoleDefinitions/", DATA_CONTRIBUTOR)
        cosmosdb.SqlResourceSqlRoleAssignment(
            f"{name}-data-contributor",
            resource_group_name=self._group,
            account_name=self.account.name,
            role_assignment_id=str(uuid.uuid5(_ASSIGNMENTS, name)),
            role_definition_id=role,
            principal_id=identity.principal_id,
            scope=pulumi.Output.concat(self.account.id, "/dbs/", self._database.name),
            opts=pulumi.ResourceOptions(parent=self),
        )
