"""Spark without a cluster of one's own: an EMR Serverless application that starts with a job and ends after it.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import emrserverless, iam

from functions.needs import replaces
from infra.components.aws.data_lake import PACKAGES, DataLake
from infra.components.aws.documents import allow, document, trust
from infra.components.aws.reports import Reports
from infra.components.aws.rights import Places, statements
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from infra.spark_jobs import BESIDE, ENTRY_FILE, MONTHLY, TRAINING_ENVIRONMENT
from shared.names import LAKE_FILE_SYSTEM, MODELS_CONTAINER, SQL_URL, TABLES_PIPELINE

RELEASE: Final = "emr-7.9.0"
SPARK_NEEDS: Final = frozenset({replaces(LAKE_FILE_SYSTEM), replaces(MODELS_CONTAINER)})
DRIVER: Final = "aws-advanced-jdbc-wrapper-bundle.jar"
"""Signs in to the database by the role of the job: https://github.com/aws/aws-advanced-jdbc-wrapper (its IAM plugin)."""
_CORES, _MEMORY_GB = 4, 16
"""Of a worker."""
_IDLE_MIN: Final = 5


class SparkJobs(pulumi.ComponentResource):
    """The application, the role of its jobs, and the requests that start them: all in their order, or one beside them."""

    def __init__(
        self, name: str, around: Surroundings, lake: DataLake, places: Places, reports: Reports
    ) -> None:
        super().__init__("galen:aws:SparkJobs", name, None, around.opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = around.config.tags(Classification.PHI)
        application = self._application(name, around)
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=trust("emr-serverless.amazonaws.com", around.account),
            tags=tags,
            opts=child,
        )
        packages = lake.buckets[PACKAGES].arn
        iam.RolePolicy(
            f"{name}-needs",
            role=role.id,
            policy=document(
                *statements(SPARK_NEEDS, places),
                allow(["s3:GetObject"], pulumi.Output.concat(packages, "/*")),
                allow(["rds-db:connect"], reports.user_arn),
            ),
            opts=child,
        )
        self.application_arn = application.arn
        self.role_arn = role.arn
        starts = {TABLES_PIPELINE: "all", **{job: job for job in BESIDE}}
        self.start_requests = {
            noun: self._request(noun, job, application, role, lake, reports) for noun, job in starts.items()
        }
        """By the noun of its schedule."""
        self.register_outputs({"application": self.application_arn, "role": self.role_arn})

    def _application(self, name: str, around: Surroundings) -> emrserverless.Application:
        """In the network, and no larger than the stack's bound."""
        most = scaling(around.config, "spark").most + 1  # the driver
        return emrserverless.Application(
            f"{name}-application",
            type="SPARK",
            release_label=RELEASE,
            architecture="ARM64",
            maximum_capacity={
                "cpu": f"{most * _CORES:g} vCPU",
                "memory": f"{most * _MEMORY_GB:g} GB",
                "disk": f"{most * 100:g} GB",
            },
            auto_start_configuration={"enabled": True},
            auto_stop_configuration={"enabled": True, "idle_timeout_minutes": _IDLE_MIN},
            network_configuration={
                "subnet_ids": around.network.subnet_ids,
                "security_group_ids": [around.network.workload_group_id],
            },
            tags=around.config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _request(
        self,
        noun: str,
        job: str,
        application: emrserverless.Application,
        role: iam.Role,
        lake: DataLake,
        reports: Reports,
    ) -> pulumi.Output[str]:
        packages = lake.buckets[PACKAGES].bucket
        root = pulumi.Output.concat("s3a://", lake.buckets[LAKE_FILE_SYSTEM].bucket)
        driver = {
            "EntryPoint": pulumi.Output.concat("s3://", packages, f"/{ENTRY_FILE}"),
            "EntryPointArguments": [job, "--lake", root],
            "SparkSubmitParameters": pulumi.Output.concat(
                "--py-files s3://", packages, "/spark.zip --jars s3://", packages, f"/{DRIVER}",
                f" --conf spark.emr-serverless.driverEnv.{SQL_URL}=", reports.jdbc_url,
                *(_in_own_environment(packages) if noun in MONTHLY else ()),
            ),
        }  # fmt: skip
        return pulumi.Output.json_dumps(
            {
                "ApplicationId": application.id,
                # The scheduler puts its own number of the run there: told twice, it starts once.
                "ClientToken": "<aws.scheduler.execution-id>",
                "ExecutionRoleArn": role.arn,
                "Name": noun,
                "JobDriver": {"SparkSubmit": driver},
            }
        )


def _in_own_environment(packages: pulumi.Output[str]) -> tuple[pulumi.Input[str], ...]:
    """A packed virtual environment: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-python-libraries.html"""
    python = "./environment/bin/python"
    return (
        " --conf spark.archives=s3://", packages, f"/{TRAINING_ENVIRONMENT}#environment",
        f" --conf spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON={python}",
        f" --conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON={python}",
        f" --conf spark.executorEnv.PYSPARK_PYTHON={python}",
    )  # fmt: skip
