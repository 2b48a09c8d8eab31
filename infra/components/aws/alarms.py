"""The alarms on AWS: a CloudWatch alarm each, and the backups whose failure one of them is about.

https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import backup, cloudwatch, iam

from infra.alerts.alarms import ALARMS
from infra.alerts.cloudwatch import alarm_arguments
from infra.components.aws.documents import trust
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification

KEPT_DAYS: Final = 35
BACKS_UP: Final = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"


class Alarms(pulumi.ComponentResource):
    """Every alarm, each telling the topic when it begins and when it ends."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:Alarms", name, None, around.opts)
        topic = around.observability.topic_arn
        for alarm in ALARMS:
            cloudwatch.MetricAlarm(
                f"{name}-{alarm.name}",
                alarm_actions=[topic],
                ok_actions=[topic],
                tags=around.config.tags(Classification.OPERATIONAL),
                opts=pulumi.ResourceOptions(parent=self),
                **alarm_arguments(alarm),
            )
        self.register_outputs({})


class Backups(pulumi.ComponentResource):
    """A copy a night of what is tagged as patients' data, in a vault that in production nobody can empty early.

    Buckets are left out: they keep every version and, in production, a copy in a second region.
    """

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:Backups", name, None, around.opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = around.config.tags(Classification.PHI)
        vault = backup.Vault(
            f"{name}-vault",
            kms_key_arn=around.keys.of("backups"),
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        backup.VaultLockConfiguration(
            f"{name}-locked",
            backup_vault_name=vault.name,
            min_retention_days=7,
            max_retention_days=400,
            # After three days even the account's owner cannot take the lock away: where nothing is tried out.
            changeable_for_days=3 if around.config.is_production else None,
            opts=child,
        )
        plan = backup.Plan(
            f"{name}-plan",
            rules=[
                {
                    "rule_name": "nightly",
                    "target_vault_name": vault.name,
                    "schedule": "cron(0 2 * * ? *)",
                    "start_window": 60,
                    "completion_window": 360,
                    "lifecycle": {"delete_after": KEPT_DAYS},
                }
            ],
            tags=tags,
            opts=child,
        )
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=trust("backup.amazonaws.com", around.account),
            tags=tags,
            opts=child,
        )
        iam.RolePolicyAttachment(f"{name}-rights", role=role.name, policy_arn=BACKS_UP, opts=child)
        backup.Selection(
            f"{name}-selection",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            selection_tags=[
                {"type": "STRINGEQUALS", "key": "data-classification", "value": str(Classification.PHI)}
            ],
            not_resources=["arn:aws:s3:::*"],
            opts=child,
        )
        self.register_outputs({"vault": vault.arn})
