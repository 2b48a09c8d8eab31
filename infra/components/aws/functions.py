"""The functions: each with a role of its own, in the network, with what drives it.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_aws import iam, lambda_

from functions.needs import Thing
from infra.components.aws.documents import LAMBDA, allow, document, trust
from infra.components.aws.function_plan import (
    CHANGES_BATCH,
    KINESIS_BATCH,
    RECORD_AGE_S,
    FunctionPlan,
)
from infra.components.aws.rights import Places, statements
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from shared.names import TOLD, secret_variable

PYTHON: Final = "python3.12"
SPLITS: Final = {
    "bisect_batch_on_function_error": True,
    "function_response_types": ["ReportBatchItemFailures"],
}
ITEMS_ONLY: Final = {
    "filters": [{"pattern": json.dumps({"dynamodb": {"NewImage": {"k": {"S": [{"exists": True}]}}}})}]
}
"""Of the changes of the table: an item has its kind in `k`, an entry of the search index has none."""
TOLD_ONLY: Final = {"filters": [{"pattern": json.dumps({"dynamodb": {"NewImage": {"k": {"S": [TOLD]}}}})}]}
"""Those that give a change of an alert its number: from then on it can be read."""
NETWORK_ACTIONS: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""What the service itself does with the role to put a function into the network; they know no narrower resource."""


@dataclass(frozen=True, slots=True)
class FunctionsArgs:
    """Where, which functions, where things are, the settings, and the bucket for what failed."""

    around: Surroundings
    plans: tuple[FunctionPlan, ...]
    places: Places
    settings: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, pulumi.Input[str]]
    """The ARN of each."""
    failures_arn: pulumi.Output[str]
    failures_key: pulumi.Output[str] | None


class Functions(pulumi.ComponentResource):
    """The functions by name."""

    def __init__(self, name: str, args: FunctionsArgs) -> None:
        super().__init__("galen:aws:Functions", name, None, args.around.opts)
        self._name = name
        self._args = args
        self._tags = args.around.config.tags(Classification.PHI)
        self._child = pulumi.ResourceOptions(parent=self)
        self.key = args.around.keys.of("functions")
        self.functions = {plan.name: self._function(plan) for plan in args.plans}
        self.register_outputs({name: each.arn for name, each in self.functions.items()})

    def _function(self, plan: FunctionPlan) -> lambda_.Function:
        around = self._args.around
        name = f"{self._name}-{plan.name.replace('_', '-')}"
        path = f"/aws/lambda/{name}"
        group = around.observability.log_group(name, path)
        role, rights = self._role(name, plan, group.arn)
        return lambda_.Function(
            name,
            name=name,
            runtime=PYTHON,
            architectures=["arm64"],
            handler=plan.handler,
            code=self._code(plan),
            role=role.arn,
            memory_size=plan.memory_mb,
            timeout=plan.timeout_s,
            reserved_concurrent_executions=plan.at_once,
            environment={"variables": self._settings(plan)},
            kms_key_arn=self.key,
            vpc_config={
                "subnet_ids": around.network.subnet_ids,
                "security_group_ids": [around.network.workload_group_id],
            }
            if plan.inside
            else None,
            tracing_config={"mode": "Active"},
            logging_config={"log_format": "JSON", "log_group": path},
            tags=self._tags,
            # It is put into the network under its role, whose rights must be there by then; what feeds it comes after it.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[group, *rights]),
        )

    def _settings(self, plan: FunctionPlan) -> dict[str, pulumi.Input[str]]:
        """The settings, with the names of those secrets alone that the function may read."""
        read = {need.name for need in plan.needs if need.thing is Thing.SECRET}
        return {
            **self._args.settings,
            **{secret_variable(each): self._args.secrets[each] for each in sorted(read)},
        }

    def _code(self, plan: FunctionPlan) -> pulumi.Archive:
        """The group's package; before one was built, an archive that says so."""
        folder = self._args.around.config.functions_package
        if folder:
            return pulumi.FileArchive(f"{folder}/{plan.group}.zip")
        return pulumi.AssetArchive({"README": pulumi.StringAsset("No package was published yet.")})

    def _role(
        self, name: str, plan: FunctionPlan, log_group: pulumi.Output[str]
    ) -> tuple[iam.Role, list[iam.RolePolicy]]:
        account = self._args.around.account
        role = iam.Role(
            name,
            assume_role_policy=trust(LAMBDA, account),
            tags=self._tags,
            opts=self._child,
        )
        itself = [
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.concat(log_group, ":*")),
            allow(NETWORK_ACTIONS, "*"),
        ]
        rights = {
            "itself": [*itself, *self._failures()],
            "needs": statements(plan.needs, self._args.places),
        }
        return role, [
            iam.RolePolicy(f"{name}-{noun}", role=role.id, policy=document(*said), opts=self._child)
            for noun, said in rights.items()
        ]

    def _failures(self) -> list[Any]:
        """The service writes what it gave up on under the function's role."""
        put = [
            allow(["s3:ListBucket"], self._args.failures_arn),  # without it a mapping to a bucket is refused
            allow(["s3:PutObject"], pulumi.Output.concat(self._args.failures_arn, "/*")),
        ]
        key = self._args.failures_key
        own = [allow(["kms:Decrypt"], self.key)] if self.key is not None else []
        return [*put, *([allow(["kms:GenerateDataKey"], key)] if key is not None else []), *own]

    def follow(
        self,
        plan_name: str,
        source: str,
        arn: pulumi.Output[str],
        *,
        changes: Mapping[str, Any] | None = None,
        oldest_s: int = RECORD_AGE_S,
    ) -> None:
        """Feeds a stream to a function: partial batches, halved where one fails, the rest set aside in a bucket.

        `changes` is the filter over a table's.
        """
        lambda_.EventSourceMapping(
            f"{self._name}-{plan_name.replace('_', '-')}-from-{source}",
            function_name=self.functions[plan_name].arn,
            event_source_arn=arn,
            starting_position="TRIM_HORIZON",
            batch_size=CHANGES_BATCH if changes else KINESIS_BATCH,
            maximum_batching_window_in_seconds=0,  # an alert may not wait
            maximum_retry_attempts=-1,
            maximum_record_age_in_seconds=oldest_s,
            parallelization_factor=1,  # the chain of a shard has one writer
            destination_config={"on_failure": {"destination_arn": self._args.failures_arn}},
            filter_criteria=changes,
            tags=self._tags,
            opts=self._child,
            **SPLITS,
        )

    def set_aside_what_fails(self, plan_name: str) -> None:
        """For a function that is told and not asked: what it could not do twice is kept."""
        lambda_.FunctionEventInvokeConfig(
            f"{self._name}-{plan_name.replace('_', '-')}-fails",
            function_name=self.functions[plan_name].name,
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=3600,
            destination_config={"on_failure": {"destination": self._args.failures_arn}},
            opts=self._child,
        )

    def let_in(self, plan_name: str, who: str, source_arn: pulumi.Input[str], label: str) -> None:
        """A service may call a function, on behalf of one thing of ours."""
        lambda_.Permission(
            f"{self._name}-{plan_name.replace('_', '-')}-by-{label}",
            action="lambda:InvokeFunction",
            function=self.functions[plan_name].name,
            principal=who,
            source_arn=source_arn,
            opts=self._child,
        )
