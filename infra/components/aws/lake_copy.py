"""The lake's second copy, in another region: what cannot be made again is copied as it is written.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_aws import iam, s3

from infra.components.aws.documents import Statement, allow, document, trust
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification


def second_bucket(
    name: str, source: s3.Bucket, around: Surroundings, opts: pulumi.ResourceOptions
) -> s3.Bucket:
    """The bucket in the second region."""
    return s3.Bucket(
        name,
        region=around.config.second_location,
        object_lock_enabled=source.object_lock_enabled,
        force_destroy=False,
        tags=around.config.tags(Classification.PHI),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True)),
    )


def copy_each_object(
    name: str,
    source: s3.Bucket,
    second: s3.Bucket,
    around: Surroundings,
    second_key: pulumi.Output[str] | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """Each new object of the source goes to the second bucket; a deletion does not. Both must keep versions by then."""
    tags = around.config.tags(Classification.PHI)
    role = iam.Role(
        f"{name}-copies", assume_role_policy=trust("s3.amazonaws.com", around.account), tags=tags, opts=opts
    )
    first_key = around.keys.of("lake")
    iam.RolePolicy(
        f"{name}-copies-rights",
        role=role.id,
        policy=document(*_rights(source, second, first_key, second_key)),
        opts=opts,
    )
    into: dict[str, Any] = {"bucket": second.arn}
    chosen: dict[str, Any] = {}
    if second_key is not None:
        into["encryption_configuration"] = {"replica_kms_key_id": second_key}
        chosen = {"source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}}}
    s3.BucketReplicationConfig(
        f"{name}-copied",
        bucket=source.id,
        role=role.arn,
        rules=[
            {
                "id": "everything",
                "status": "Enabled",
                "priority": 1,
                "filter": {"prefix": ""},
                "delete_marker_replication": {"status": "Disabled"},
                "destination": into,
                **chosen,
            }
        ],
        opts=opts,
    )


def _rights(
    source: s3.Bucket,
    second: s3.Bucket,
    first_key: pulumi.Output[str] | None,
    second_key: pulumi.Output[str] | None,
) -> list[Statement]:
    """Reading versions here, writing copies there, and the two keys."""
    reads = [
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionTagging",
    ]
    found = [
        allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], source.arn),
        allow(reads, pulumi.Output.concat(source.arn, "/*")),
        allow(["s3:ReplicateObject", "s3:ReplicateTags"], pulumi.Output.concat(second.arn, "/*")),
    ]
    if first_key is not None and second_key is not None:
        found += [allow(["kms:Decrypt"], first_key), allow(["kms:Encrypt"], second_key)]
    return found
