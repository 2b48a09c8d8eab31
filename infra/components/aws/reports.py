"""The database of the safety reports: Aurora PostgreSQL that grows with its load and signs in IAM identities.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import rds

from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import REPORTS_DATABASE

RESTORABLE_DAYS: Final = 35
WRITER: Final = "galen_jobs"
"""The user of the Spark jobs, which the owner makes once with the role `rds_iam`."""


class Reports(pulumi.ComponentResource):
    """Encrypted, private, over TLS only; the owner's password is made and renewed by the service and seen by nobody."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:Reports", name, None, around.opts)
        self._name = name
        self._around = around
        self._tags = around.config.tags(Classification.PHI)
        self._key = around.keys.of("reports")
        cluster = self._cluster()
        self._instances(cluster)
        self.endpoint = cluster.endpoint
        self.user_arn = pulumi.Output.concat(
            f"arn:aws:rds-db:{around.config.location}:", around.account, ":dbuser:", cluster.cluster_resource_id,
            f"/{WRITER}",
        )  # fmt: skip
        self.jdbc_url = pulumi.Output.concat(
            "jdbc:aws-wrapper:postgresql://", cluster.endpoint, f":5432/{REPORTS_DATABASE}",
            f"?wrapperPlugins=iam&user={WRITER}&sslmode=require",
        )  # fmt: skip
        self.register_outputs({"endpoint": self.endpoint})

    def _parameters(self) -> rds.ClusterParameterGroup:
        """TLS 1.2 or newer, and who connects is logged."""
        return rds.ClusterParameterGroup(
            f"{self._name}-parameters",
            family="aurora-postgresql16",
            parameters=[
                {"name": "rds.force_ssl", "value": "1"},
                {"name": "ssl_min_protocol_version", "value": "TLSv1.2"},
                {"name": "log_connections", "value": "1"},
            ],
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _cluster(self) -> rds.Cluster:
        name, around, tags, key = self._name, self._around, self._tags, self._key
        child, parameters = pulumi.ResourceOptions(parent=self), self._parameters()
        subnets = rds.SubnetGroup(
            f"{name}-subnets", subnet_ids=around.network.subnet_ids, tags=tags, opts=child
        )
        size = scaling(around.config, "reports")
        return rds.Cluster(
            f"{name}-cluster",
            engine="aurora-postgresql",
            engine_version="16.6",
            database_name=REPORTS_DATABASE,
            master_username="owner",
            manage_master_user_password=True,
            master_user_secret_kms_key_id=key,
            iam_database_authentication_enabled=True,
            storage_encrypted=True,
            kms_key_id=key,
            backup_retention_period=RESTORABLE_DAYS,
            copy_tags_to_snapshot=True,
            deletion_protection=True,
            skip_final_snapshot=False,
            final_snapshot_identifier=f"{name}-last",
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[around.network.workload_group_id],
            db_cluster_parameter_group_name=parameters.name,
            enabled_cloudwatch_logs_exports=["postgresql"],
            serverlessv2_scaling_configuration={"min_capacity": size.least, "max_capacity": size.most},
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )

    def _instances(self, cluster: rds.Cluster) -> None:
        """Two in production, so that one can take over."""
        for number in range(2 if self._around.config.is_production else 1):
            rds.ClusterInstance(
                f"{self._name}-{number}",
                cluster_identifier=cluster.id,
                engine="aurora-postgresql",
                instance_class="db.serverless",
                publicly_accessible=False,
                auto_minor_version_upgrade=True,
                performance_insights_enabled=True,
                performance_insights_kms_key_id=self._key,
                tags=self._tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
