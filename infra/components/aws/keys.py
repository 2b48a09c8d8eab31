"""The keys that encrypt the stores: ours, renewed each year, in production also in the second region.

https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import kms

from infra.components.aws.documents import Statement, document
from infra.config import Classification, StackConfig

RENEWED_DAYS: Final = 365
DELETED_AFTER_DAYS: Final = 30
ALARMS: Final = "alarms"
LOGS: Final = "logs"
"""The keys that services use without a role of ours: what publishes alarms and keeps logs. No other lets a service in."""
_PUBLISHERS: Final = ("sns", "cloudwatch")
_PUBLISHES: Final = ("kms:Decrypt", "kms:GenerateDataKey*")
"""https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"""
_LOGS: Final = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")


class Keys(pulumi.ComponentResource):
    """One key a store, made when the store asks for it; none at all where the configuration wants none."""

    def __init__(
        self, name: str, config: StackConfig, account: pulumi.Output[str], opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__("galen:aws:Keys", name, None, opts)
        self._name = name
        self._config = config
        self._account = account
        self._made: dict[str, pulumi.Output[str]] = {}
        self.register_outputs({})

    def of(self, store: str) -> pulumi.Output[str] | None:
        """The ARN of a store's key; None where the service's own key is used."""
        return self.always(store) if self._config.customer_managed_keys else None

    def always(self, store: str) -> pulumi.Output[str]:
        """The ARN of a key of ours, for what cannot work with the service's own."""
        if store not in self._made:
            key = kms.Key(
                f"{self._name}-{store}",
                description=f"Encrypts {store} of {self._config.name('stack')}",
                enable_key_rotation=True,
                rotation_period_in_days=RENEWED_DAYS,
                deletion_window_in_days=DELETED_AFTER_DAYS,
                multi_region=self._config.is_production,
                policy=self._policy(store),
                tags=self._config.tags(Classification.SECRET),
                opts=pulumi.ResourceOptions(parent=self, protect=True),
            )
            kms.Alias(
                f"{self._name}-{store}-alias",
                name=f"alias/{self._config.name(store)}",
                target_key_id=key.key_id,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self._made[store] = key.arn
        return self._made[store]

    def in_second_region(self, store: str) -> pulumi.Output[str] | None:
        """The same key in the second region, for a store that is kept there too."""
        primary = self.of(store)
        if primary is None or not self._config.second_location:
            return None
        replica = kms.ReplicaKey(
            f"{self._name}-{store}-second",
            region=self._config.second_location,
            primary_key_arn=primary,
            deletion_window_in_days=DELETED_AFTER_DAYS,
            policy=self._policy(store),
            tags=self._config.tags(Classification.SECRET),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        return replica.arn

    def _policy(self, store: str) -> pulumi.Output[str]:
        """The account's own policies decide who uses it; a service may only where it has no role of ours."""
        return document(
            {
                "Sid": "Account",
                "Effect": "Allow",
                "Principal": {"AWS": pulumi.Output.concat("arn:aws:iam::", self._account, ":root")},
                "Action": "kms:*",
                "Resource": "*",
            },
            *self._services(store),
        )

    def _services(self, store: str) -> list[Statement]:
        """What services do with a key on this account's behalf.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        region = self._config.location
        if store == ALARMS:
            return [
                {
                    "Sid": "Services",
                    "Effect": "Allow",
                    "Principal": {"Service": [f"{each}.amazonaws.com" for each in _PUBLISHERS]},
                    "Action": list(_PUBLISHES),
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:SourceAccount": self._account}},
                }
            ]
        if store == LOGS:
            groups = pulumi.Output.concat(f"arn:aws:logs:{region}:", self._account, ":log-group:*")
            return [
                {
                    "Sid": "Logs",
                    "Effect": "Allow",
                    "Principal": {"Service": f"logs.{region}.amazonaws.com"},
                    "Action": list(_LOGS),
                    "Resource": "*",
                    # What the service says of each call is the group, not the account.
                    "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
                }
            ]
        return []
