"""What happens by the clock or by a dropped file: EventBridge.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, iam, scheduler

from infra.components.aws.documents import allow, document, trust
from infra.components.aws.function_plan import TIMES
from infra.components.aws.functions import Functions
from infra.components.aws.spark_jobs import SparkJobs
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from infra.spark_jobs import BESIDE, MONTHLY, RUN_HOUR, RUN_MINUTE


@dataclass(frozen=True, slots=True)
class SchedulesArgs:
    """Where, what is called, what is started, and the bucket whose files are told of."""

    around: Surroundings
    functions: Functions
    jobs: SparkJobs
    landing_bucket: pulumi.Output[str]


class Schedules(pulumi.ComponentResource):
    """Timers under a role that may call these functions and start that job, and nothing else."""

    def __init__(self, name: str, args: SchedulesArgs) -> None:
        super().__init__("galen:aws:Schedules", name, None, args.around.opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = args.around.config.tags(Classification.OPERATIONAL)
        role = self._role()
        group = scheduler.ScheduleGroup(f"{name}-group", tags=self._tags, opts=self._child)
        called = {timer: args.functions.functions[timer].arn for timer in TIMES}
        for timer, target in called.items():
            self._schedule(timer, TIMES[timer], group, {"arn": target, "role_arn": role.arn})
        for noun, request in args.jobs.start_requests.items():
            job = {
                "arn": "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun",
                "role_arn": role.arn,
                "input": request,
            }
            hour = RUN_HOUR if noun in BESIDE else "*"
            day = 1 if noun in MONTHLY else "*"
            self._schedule(noun, f"cron({RUN_MINUTE} {hour} {day} * ? *)", group, job)
        self._tell_of_files()
        self.register_outputs({"role": role.arn})

    def _schedule(
        self,
        noun: str,
        when: str,
        group: scheduler.ScheduleGroup,
        target: dict[str, pulumi.Input[str]],
    ) -> None:
        scheduler.Schedule(
            f"{self._name}-{noun.replace('_', '-')}",
            group_name=group.name,
            schedule_expression=when,
            schedule_expression_timezone="UTC",
            flexible_time_window={"mode": "OFF"},
            kms_key_arn=self._args.around.keys.of("functions"),
            # The next one comes anyway.
            target={**target, "retry_policy": {"maximum_retry_attempts": 0}},
            opts=self._child,
        )

    def _role(self) -> iam.Role:
        jobs = self._args.jobs
        role = iam.Role(
            f"{self._name}-role",
            assume_role_policy=trust("scheduler.amazonaws.com", self._args.around.account),
            tags=self._tags,
            opts=self._child,
        )
        called = [self._args.functions.functions[timer].arn for timer in TIMES]
        started = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
        key = self._args.around.keys.of("functions")
        iam.RolePolicy(
            f"{self._name}-rights",
            role=role.id,
            policy=document(
                allow(["lambda:InvokeFunction"], *called),
                allow(["emr-serverless:StartJobRun"], jobs.application_arn),
                allow(["iam:PassRole"], jobs.role_arn, Condition=started),
                *([allow(["kms:Decrypt"], key)] if key is not None else []),
            ),
            opts=self._child,
        )
        return role

    def _tell_of_files(self) -> None:
        """An object made in the landing bucket calls the function; what is lost here the sweeper finds."""
        rule = cloudwatch.EventRule(
            f"{self._name}-dropped",
            event_pattern=pulumi.Output.json_dumps(
                {
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {"bucket": {"name": [self._args.landing_bucket]}},
                }
            ),
            tags=self._tags,
            opts=self._child,
        )
        functions = self._args.functions
        cloudwatch.EventTarget(
            f"{self._name}-dropped-told",
            rule=rule.name,
            arn=functions.functions["landing"].arn,
            retry_policy={"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 30},
            opts=self._child,
        )
        functions.let_in("landing", "events.amazonaws.com", rule.arn, "files")
        functions.set_aside_what_fails("landing")
