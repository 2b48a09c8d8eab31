"""The data lake: a bucket for each kind of file, private, versioned, over TLS only; what is audited cannot be changed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi
from pulumi_aws import s3

from infra.components.aws.documents import Statement, document
from infra.components.aws.lake_copy import copy_each_object, second_bucket
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification, StackConfig
from shared.names import AUDIT_CONTAINER, LAKE_FILE_SYSTEM, LANDING_FILE_SYSTEM, MODELS_CONTAINER, Zone

AUDIT_DAYS: Final = 2557
"""Seven years with two leap days, as on Azure."""
OLD_VERSIONS_DAYS: Final = 30
FAILURES: Final = "failures"
"""What the event source mappings gave up on."""
ACCESS_LOGS: Final = "access-logs"
PACKAGES: Final = "packages"
_CLASSES: Final = {
    LANDING_FILE_SYSTEM: Classification.PHI,
    LAKE_FILE_SYSTEM: Classification.PHI,
    AUDIT_CONTAINER: Classification.PHI,
    FAILURES: Classification.PHI,
    MODELS_CONTAINER: Classification.OPERATIONAL,
    PACKAGES: Classification.OPERATIONAL,
    ACCESS_LOGS: Classification.OPERATIONAL,
}


def logged_buckets(config: StackConfig) -> list[str]:
    """The buckets that write access logs; their names end as Pulumi chooses."""
    return [f"arn:aws:s3:::{config.name(each)}-*" for each in ("lake", "front")]


class DataLake(pulumi.ComponentResource):
    """The buckets by what they are called in the app. A deleted or replaced object can be restored for a month."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:DataLake", name, None, around.opts)
        self._name = name
        self._around = around
        self._child = pulumi.ResourceOptions(parent=self)
        self.key = around.keys.of("lake")
        self._versions: dict[str, s3.BucketVersioning] = {}
        logs = self._bucket(ACCESS_LOGS)
        self.buckets = {ACCESS_LOGS: logs}
        for noun in _CLASSES:
            if noun != ACCESS_LOGS:
                made = self.buckets[noun] = self._bucket(noun)
                s3.BucketLogging(
                    f"{name}-{noun}-logged",
                    bucket=made.id,
                    target_bucket=logs.id,
                    target_prefix=f"{noun}/",
                    opts=self._child,
                )
        self._keep_audit(f"{name}-audit", self.buckets[AUDIT_CONTAINER])
        if around.config.is_production:
            self._copy()
        # Dropped files are told to the bus, which tells the function.
        s3.BucketNotification(
            f"{name}-landing-told",
            bucket=self.buckets[LANDING_FILE_SYSTEM].id,
            eventbridge=True,
            opts=self._child,
        )
        self.register_outputs({noun: bucket.arn for noun, bucket in self.buckets.items()})

    def _bucket(self, noun: str) -> s3.Bucket:
        name, config = f"{self._name}-{noun}", self._around.config
        bucket = s3.Bucket(
            name,
            object_lock_enabled=noun == AUDIT_CONTAINER,
            force_destroy=False,
            tags=config.tags(_CLASSES[noun]),
            opts=pulumi.ResourceOptions(parent=self, protect=_CLASSES[noun] is Classification.PHI),
        )
        key, allowed = (self.key, ()) if noun != ACCESS_LOGS else (None, (self._takes_logs(bucket),))
        self._versions[noun] = guard(name, bucket, key, self._child, *allowed)
        s3.BucketLifecycleConfiguration(
            f"{name}-life", bucket=bucket.id, rules=self._life(noun), opts=self._child
        )
        return bucket

    def _takes_logs(self, bucket: s3.Bucket) -> Statement:
        """A bucket without ACLs takes access logs only where its policy says so.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
        """
        return {
            "Sid": "Logs",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": pulumi.Output.concat(bucket.arn, "/*"),
            "Condition": {
                "StringEquals": {"aws:SourceAccount": self._around.account},
                "ArnLike": {"aws:SourceArn": logged_buckets(self._around.config)},
            },
        }

    def _life(self, noun: str) -> list[dict[str, Any]]:
        """Dropped files, failures and logs go after some days; raw moves to cooler tiers and stays."""
        config = self._around.config
        rules: list[dict[str, Any]] = [
            {
                "id": "old-versions",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "noncurrent_version_expiration": {"noncurrent_days": OLD_VERSIONS_DAYS},
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            }
        ]
        expires = {
            LANDING_FILE_SYSTEM: config.landing_days,
            FAILURES: 90,
            ACCESS_LOGS: max(config.log_retention_days, 90),
        }
        if noun in expires:
            days = {"days": expires[noun]}
            rules.append(
                {"id": f"{noun}-expires", "status": "Enabled", "filter": {"prefix": ""}, "expiration": days}
            )
        if noun == LAKE_FILE_SYSTEM:
            tiers = [
                {"days": 90, "storage_class": "STANDARD_IA"},
                {"days": 365, "storage_class": "GLACIER_IR"},
            ]
            rules.append(
                {
                    "id": "raw-cools",
                    "status": "Enabled",
                    "filter": {"prefix": f"{Zone.RAW}/"},
                    "transitions": tiers,
                }
            )
        return rules

    def _copy(self) -> None:
        """Raw with the tables, and the audit: in a second region, as guarded as the first."""
        region = self._around.config.second_location
        key = self._around.keys.in_second_region("lake")
        for noun in (LAKE_FILE_SYSTEM, AUDIT_CONTAINER):
            name = f"{self._name}-{noun}"
            source = self.buckets[noun]
            second = second_bucket(f"{name}-second", source, self._around, self._child)
            versions = guard(f"{name}-second", second, key, self._child, region=region)
            after = pulumi.ResourceOptions(parent=self, depends_on=[versions, self._versions[noun]])
            copy_each_object(name, source, second, self._around, key, after)
            if noun == AUDIT_CONTAINER:
                self._keep_audit(f"{name}-second", second, region=region)

    def _keep_audit(self, name: str, bucket: s3.Bucket, *, region: str | None = None) -> None:
        """In compliance mode not even the account's owner shortens it or deletes a version."""
        s3.BucketObjectLockConfiguration(
            f"{name}-locked",
            bucket=bucket.id,
            region=region,
            object_lock_enabled="Enabled",
            rule={"default_retention": {"mode": "COMPLIANCE", "days": AUDIT_DAYS}},
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )


def guard(
    name: str,
    bucket: s3.Bucket,
    key: pulumi.Output[str] | None,
    opts: pulumi.ResourceOptions,
    *allowed: Any,
    region: str | None = None,
) -> s3.BucketVersioning:
    """Nobody in public, every version kept, everything encrypted, TLS 1.2 or newer; `allowed` are further statements."""
    s3.BucketPublicAccessBlock(
        f"{name}-private",
        bucket=bucket.id,
        region=region,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    versions = s3.BucketVersioning(
        f"{name}-versions",
        bucket=bucket.id,
        region=region,
        versioning_configuration={"status": "Enabled"},
        opts=opts,
    )
    s3.BucketOwnershipControls(
        f"{name}-owned",
        bucket=bucket.id,
        region=region,
        rule={"object_ownership": "BucketOwnerEnforced"},
        opts=opts,
    )
    by = (
        {"sse_algorithm": "aws:kms", "kms_master_key_id": key}
        if key is not None
        else {"sse_algorithm": "AES256"}
    )
    s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encrypted",
        bucket=bucket.id,
        region=region,
        rules=[{"apply_server_side_encryption_by_default": by, "bucket_key_enabled": True}],
        opts=opts,
    )
    _answer_over_tls_only(name, bucket, opts, allowed, region)
    return versions


def _answer_over_tls_only(
    name: str, bucket: s3.Bucket, opts: pulumi.ResourceOptions, allowed: Sequence[Any], region: str | None
) -> None:
    """The bucket's policy: TLS 1.2 or newer, and further statements."""
    everything = [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")]
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": everything}
    s3.BucketPolicy(
        f"{name}-tls",
        bucket=bucket.id,
        region=region,
        policy=document(
            {**denied, "Sid": "Tls", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {**denied, "Sid": "Tls12", "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
            *allowed,
        ),
        opts=opts,
    )
