"""The Spark workspace: Databricks in the network, and a Data Factory pipeline that runs the jobs on clusters of their own.

https://learn.microsoft.com/azure/databricks/security/network/classic/private-link-standard and
https://learn.microsoft.com/azure/data-factory/transform-data-databricks-python
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_azure_native import authorization, databricks, datafactory, resources

from functions.needs import Need, Thing, replaces
from infra.components.azure.identity import assign
from infra.components.azure.keys import StoreKey
from infra.components.azure.network_plan import Subresource
from infra.components.azure.roles import Role, role_of
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from infra.spark_jobs import (
    BESIDE,
    ENTRY_FILE,
    IN_DATABRICKS,
    JOBS,
    LIBRARIES,
    MONTHLY,
    RUN_HOUR,
    RUN_MINUTE,
    TRAINING_LIBRARIES,
    Jobs,
)
from shared.names import LAKE_FILE_SYSTEM, MODELS_CONTAINER, SQL_URL, TABLES_PIPELINE

SPARK_VERSION: Final = "17.3.x-scala2.13"
WORKER: Final = "Standard_D4ds_v5"
ENTRY: Final = f"dbfs:/galen/{ENTRY_FILE}"
"""What the deployment uploads, with the packages beside it."""
_NETWORK: Final = "default"
"""The one name that a factory's own network may have."""
SPARK_NEEDS: Final = frozenset({replaces(LAKE_FILE_SYSTEM), replaces(MODELS_CONTAINER)})
"""Of the jobs: tables and quarantine in the lake, published models in their container."""


@dataclass(frozen=True, slots=True)
class SparkWorkspaceArgs:
    """Where, the lake's account, the containers that the jobs may touch, and the database of the reports."""

    around: Surroundings
    account: pulumi.Output[str]
    containers: dict[str, pulumi.Output[str]]
    database_url: pulumi.Output[str]


class SparkWorkspace(pulumi.ComponentResource):
    """No public address on a cluster, none on the workspace; the pipeline starts jobs under its own identity."""

    def __init__(
        self, name: str, args: SparkWorkspaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("galen:azure:SparkWorkspace", name, None, opts)
        self._name = name
        self._around = args.around
        self._lake = pulumi.Output.concat(
            "abfss://", LAKE_FILE_SYSTEM, "@", args.account, ".dfs.core.windows.net"
        )
        self._database_url = args.database_url
        self._child = pulumi.ResourceOptions(parent=self)
        self.workspace = self._workspace(args.around.keys.of("spark"))
        self._connector(args.containers)
        self.factory = self._factory()
        self._pipelines(self._runtime())
        self.register_outputs({"workspace_url": self.workspace.workspace_url, "factory_id": self.factory.id})

    def _common(self, classification: Classification) -> dict[str, Any]:
        around = self._around
        return {
            "resource_group_name": around.resource_group,
            "location": around.config.location,
            "tags": around.config.tags(classification),
            "opts": self._child,
        }

    def _workspace(self, key: StoreKey | None) -> databricks.Workspace:
        around = self._around
        client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=self))
        managed = pulumi.Output.concat(
            "/subscriptions/", client.subscription_id, "/resourceGroups/", f"{self._name}-managed"
        )
        workspace = databricks.Workspace(
            f"{self._name}-workspace",
            sku={"name": "premium"},
            managed_resource_group_id=managed,
            public_network_access="Disabled",
            required_nsg_rules="NoAzureDatabricksRules",
            parameters={
                "custom_virtual_network_id": {"value": around.network.id},
                "custom_public_subnet_name": {"value": around.network.subnet_name("spark-hosts")},
                "custom_private_subnet_name": {"value": around.network.subnet_name("spark-containers")},
                "enable_no_public_ip": {"value": True},
                "require_infrastructure_encryption": {"value": True},
            },
            encryption=_encryption(key) if key else None,
            **self._common(Classification.PHI),
        )
        around.network.expose(self._name, workspace.id, Subresource.DATABRICKS)
        around.observability.watch(f"{self._name}-workspace", workspace.id)
        return workspace

    def _connector(self, containers: dict[str, pulumi.Output[str]]) -> None:
        """The identity under which jobs reach the lake: no key, no mount."""
        connector = databricks.AccessConnector(
            f"{self._name}-connector",
            identity={"type": "SystemAssigned"},
            **self._common(Classification.OPERATIONAL),
        )
        grant_all(self, f"{self._name}-jobs", SPARK_NEEDS, containers, connector.identity.principal_id)

    def _factory(self) -> datafactory.Factory:
        factory = datafactory.Factory(
            f"{self._name}-factory",
            identity={"type": "SystemAssigned"},
            public_network_access="Disabled",
            **self._common(Classification.OPERATIONAL),
        )
        self._around.network.expose(f"{self._name}-factory", factory.id, Subresource.DATA_FACTORY)
        self._around.observability.watch(f"{self._name}-factory", factory.id)
        assign(
            f"{self._name}-starts-jobs",
            Role.WORKSPACE_CONTRIBUTOR,
            self.workspace.id,
            factory.identity.principal_id,
            self,
        )
        return factory

    def _runtime(self) -> datafactory.IntegrationRuntime:
        """The factory's own network, joined to the workspace by a private endpoint that somebody approves once."""
        joined = self._joined()
        common = {"resource_group_name": self._around.resource_group, "factory_name": self.factory.name}
        return datafactory.IntegrationRuntime(
            f"{self._name}-runtime",
            integration_runtime_name="private",
            properties=datafactory.ManagedIntegrationRuntimeArgs(
                type="Managed",
                managed_virtual_network=datafactory.ManagedVirtualNetworkReferenceArgs(
                    type="ManagedVirtualNetworkReference", reference_name=_NETWORK
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[joined]),
            **common,
        )

    def _joined(self) -> datafactory.ManagedPrivateEndpoint:
        """The endpoint. The network is made by a template, because Pulumi knows no resource that cannot be deleted."""
        template = {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": [
                {
                    "type": "Microsoft.DataFactory/factories/managedVirtualNetworks",
                    "apiVersion": "2018-06-01",
                    "name": pulumi.Output.concat(self.factory.name, "/", _NETWORK),
                    "properties": {},
                }
            ],
        }
        network = resources.Deployment(
            f"{self._name}-factory-network",
            resource_group_name=self._around.resource_group,
            properties={"mode": "Incremental", "template": template},
            tags=self._around.config.tags(Classification.OPERATIONAL),
            opts=self._child,
        )
        return datafactory.ManagedPrivateEndpoint(
            f"{self._name}-factory-to-workspace",
            resource_group_name=self._around.resource_group,
            factory_name=self.factory.name,
            managed_virtual_network_name=_NETWORK,
            managed_private_endpoint_name="databricks",
            properties={
                "private_link_resource_id": self.workspace.id,
                "group_id": Subresource.DATABRICKS.group,
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[network]),
        )

    def _pipelines(self, runtime: datafactory.IntegrationRuntime) -> None:
        service = self._linked_service(runtime)
        self._pipeline(TABLES_PIPELINE, JOBS, service, "hourly", "Hour")
        for job in BESIDE:
            often, period = ("monthly", "Month") if job in MONTHLY else ("daily", "Day")
            self._pipeline(job, MONTHLY.get(job, ((job, ()),)), service, f"{job}-{often}", period)

    def _linked_service(self, runtime: datafactory.IntegrationRuntime) -> datafactory.LinkedService:
        size = scaling(self._around.config, "spark")
        return datafactory.LinkedService(
            f"{self._name}-databricks",
            resource_group_name=self._around.resource_group,
            factory_name=self.factory.name,
            linked_service_name="databricks",
            properties=datafactory.AzureDatabricksLinkedServiceArgs(
                type="AzureDatabricks",
                domain=pulumi.Output.concat("https://", self.workspace.workspace_url),
                authentication="MSI",
                workspace_resource_id=self.workspace.id,
                data_security_mode="SINGLE_USER",  # without a mode a cluster knows no external location
                new_cluster_version=SPARK_VERSION,
                new_cluster_node_type=WORKER,
                new_cluster_num_of_worker=f"{size.least:.0f}:{size.most:.0f}",
                new_cluster_spark_env_vars={SQL_URL: self._database_url, **IN_DATABRICKS},
                connect_via=datafactory.IntegrationRuntimeReferenceArgs(
                    type="IntegrationRuntimeReference", reference_name=runtime.name
                ),
            ),
            opts=self._child,
        )

    def _pipeline(
        self, noun: str, jobs: Jobs, service: datafactory.LinkedService, trigger: str, period: str
    ) -> None:
        common = {"resource_group_name": self._around.resource_group, "factory_name": self.factory.name}
        pipeline = datafactory.Pipeline(
            f"{self._name}-{noun}",
            pipeline_name=noun,
            concurrency=1,  # a run that is late is not overtaken
            activities=[
                _activity(service.name, job, before, self._lake, trains=noun in MONTHLY)
                for job, before in jobs
            ],
            opts=self._child,
            **common,
        )
        hours = None if period == "Hour" else [RUN_HOUR]
        datafactory.Trigger(
            f"{self._name}-{trigger}",
            trigger_name=trigger,
            properties=datafactory.ScheduleTriggerArgs(
                type="ScheduleTrigger",
                recurrence=datafactory.ScheduleTriggerRecurrenceArgs(
                    frequency=period,
                    interval=1,
                    time_zone="UTC",
                    schedule=datafactory.RecurrenceScheduleArgs(
                        hours=hours,
                        minutes=[RUN_MINUTE],
                        month_days=[1] if period == "Month" else None,
                    ),
                ),
                pipelines=[
                    datafactory.TriggerPipelineReferenceArgs(
                        pipeline_reference=datafactory.PipelineReferenceArgs(
                            type="PipelineReference", reference_name=pipeline.name
                        )
                    )
                ],
            ),
            opts=self._child,
            **common,
        )


def _activity(
    service: pulumi.Output[str], job: str, before: tuple[str, ...], lake: pulumi.Output[str], *, trains: bool
) -> datafactory.DatabricksSparkPythonActivityArgs:
    """One job; after those it waits for succeeded."""
    installed = (*LIBRARIES, *(TRAINING_LIBRARIES if trains else ()))
    return datafactory.DatabricksSparkPythonActivityArgs(
        name=job,
        type="DatabricksSparkPython",
        python_file=ENTRY,
        parameters=[job, "--lake", lake],
        libraries=[{"pypi": {"package": each}} for each in installed],
        linked_service_name=datafactory.LinkedServiceReferenceArgs(
            type="LinkedServiceReference", reference_name=service
        ),
        policy=datafactory.ActivityPolicyArgs(
            timeout="0.02:00:00", retry=0 if trains else 1, retry_interval_in_seconds=120
        ),
        depends_on=[
            datafactory.ActivityDependencyArgs(activity=each, dependency_conditions=["Succeeded"])
            for each in before
        ],
    )


def grant_all(
    parent: pulumi.Resource,
    name: str,
    needs: frozenset[Need],
    containers: dict[str, pulumi.Output[str]],
    principal: pulumi.Input[str],
) -> None:
    """Gives a service's own identity what it needs of the lake's containers."""
    for need in sorted(needs):
        role = role_of(need)
        assert need.thing is Thing.FILES, need
        assert isinstance(role, Role), need
        assign(f"{name}-{need.access}-{need.name}", role, containers[need.name], principal, parent)


def _encryption(key: StoreKey) -> dict[str, Any]:
    ours = {
        "key_source": "Microsoft.Keyvault",
        "key_vault_properties": {
            "key_name": key.name,
            "key_vault_uri": key.vault_uri,
            "key_version": key.uri_with_version.apply(lambda uri: str(uri).rpartition("/")[2]),
        },
    }
    return {
        "entities": {
            "managed_services": ours,
            "managed_disk": {**ours, "rotation_to_latest_key_version_enabled": True},
        }
    }
