"""The rules of the AWS stacks over their recorded inputs."""

from __future__ import annotations

from typing import Final

from infra.components.aws.data_lake import ACCESS_LOGS
from infra.policies.aws_checks import (
    ENCRYPTED_BY,
    audit,
    bucket_not_ours,
    changeable,
    comes_in_past_it,
    data_buckets,
    data_lakes,
    endpoints_missing,
    expires_more,
    firewall_open,
    grows,
    has,
    holds_secret,
    in_one_region,
    landing_stays,
    lets_services_in,
    logged_to_nowhere,
    logs_buckets,
    may_not_log,
    may_not_set_aside,
    no_flow_log,
    not_copied,
    not_ours,
    opens,
    outlives_its_stream,
    reaches_no_gateway,
    refuses_bundles,
    sockets,
    takes_no_logs,
    takes_plain,
    takes_scripts,
    topic_not_ours,
)
from infra.policies.aws_rights import RIGHTS_RULES
from infra.policies.rule import (
    ACCESS,
    AT_REST,
    AUDIT,
    AUTHENTICATION,
    BACKUP,
    INTEGRITY,
    KEPT,
    MINIMUM,
    RECOVERY,
    TRANSIT,
    Rule,
    at_least,
    bad_tags,
    every,
    must,
    present,
    types,
    where,
    without,
)
from shared.names import LANDING_FILE_SYSTEM

_BUCKET: Final = types("aws:s3:Bucket")
_TABLE: Final = types("aws:dynamodb:Table")
_STREAM: Final = types("aws:kinesis:Stream")
_LAMBDA: Final = types("aws:lambda:Function")
_ZIPPED: Final = where(_LAMBDA, "packageType", is_=None)
# What sends live updates calls a public API, which nothing inside the network reaches.
_INSIDE: Final = without(_ZIPPED, "-authorise", "-live", "-ring")
_MAPPING: Final = types("aws:lambda:EventSourceMapping")
_CLUSTER: Final = types("aws:rds:Cluster")
_INSTANCE: Final = types("aws:rds:ClusterInstance")
_DISTRIBUTION: Final = types("aws:cloudfront:Distribution")
_GROUP: Final = types("aws:ec2:SecurityGroup")
_POOL: Final = types("aws:cognito:UserPool")
_STAGE: Final = types("aws:apigatewayv2:Stage")
_UNTAGGED: Final = (
    "aws:apigateway:Account", "aws:apigatewayv2:Authorizer", "aws:apigatewayv2:Integration", "aws:apigatewayv2:Route",
    "aws:backup:Selection", "aws:backup:VaultLock", "aws:cloudfront:Function", "aws:cloudfront:OriginAccessControl",
    "aws:cloudwatch:EventTarget", "aws:cognito:ResourceServer", "aws:cognito:UserGroup", "aws:cognito:UserPoolClient",
    "aws:cognito:UserPoolDomain", "aws:ec2:RouteTableAssociation", "aws:iam:RolePolicy",
    "aws:iam:RolePolicyAttachment", "aws:kms:Alias", "aws:lambda:FunctionEventInvokeConfig", "aws:lambda:Permission",
    "aws:s3:BucketLifecycle", "aws:s3:BucketLogging", "aws:s3:BucketNotification", "aws:s3:BucketObjectLock",
    "aws:s3:BucketOwnership", "aws:s3:BucketPolicy", "aws:s3:BucketPublic", "aws:s3:BucketReplicationConfig",
    "aws:s3:BucketServer", "aws:s3:BucketVersioning", "aws:scheduler:Schedule", "aws:sns:TopicSubscription",
)  # fmt: skip
_BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
RULES: Final = (
    Rule(
        "buckets-private",
        _BUCKET,
        has(
            "aws:s3:BucketPublicAccessBlock",
            "may be made public",
            *(must((key,), True) for key in _BLOCKS),
        ),
        ("CIS AWS 2.1.4", ACCESS),
    ),
    Rule(
        "buckets-tls",
        _BUCKET,
        has("aws:s3:BucketPolicy", "answers without TLS", takes_plain),
        ("CIS AWS 2.1.1", TRANSIT),
    ),
    Rule(
        "buckets-versioned",
        _BUCKET,
        has(
            "aws:s3:BucketVersioning",
            "keeps no versions",
            must(("versioningConfiguration", "status"), "Enabled"),
        ),
        (RECOVERY,),
    ),
    Rule(
        "buckets-encrypted",
        _BUCKET,
        has(
            "aws:s3:BucketServerSideEncryptionConfiguration",
            "is not encrypted",
            present("rules", "applyServerSideEncryptionByDefault", "sseAlgorithm"),
        ),
        (AT_REST,),
    ),
    Rule(
        "buckets-without-acls",
        _BUCKET,
        has(
            "aws:s3:BucketOwnershipControls",
            "has ACLs",
            must(("rule", "objectOwnership"), "BucketOwnerEnforced"),
        ),
        (ACCESS,),
    ),
    Rule(
        "buckets-logged",
        without(without(_BUCKET, ACCESS_LOGS), "-second"),
        logged_to_nowhere,
        (AUDIT,),
    ),
    Rule(
        "access-logs-arrive",
        logs_buckets,
        has("aws:s3:BucketPolicy", "takes no access logs", takes_no_logs),
        (AUDIT,),
    ),
    Rule("audit-unchangeable", audit, changeable, (KEPT, INTEGRITY)),
    Rule(
        "lake-in-two-regions", without(data_lakes, "-second"), not_copied, (RECOVERY,), production_only=True
    ),
    Rule(
        "only-dropped-failed-and-logged-expire",
        types("aws:s3:BucketLifecycleConfiguration"),
        expires_more,
        (BACKUP,),
    ),
    Rule(
        "landing-expires",
        lambda recording: [
            life
            for life in recording.of_type("aws:s3:BucketLifecycleConfiguration")
            if life.name.endswith(f"-{LANDING_FILE_SYSTEM}-life")
        ],
        landing_stays,
    ),
    Rule(
        "streams-encrypted", _STREAM, every(must(("encryptionType",), "KMS"), present("kmsKeyId")), (AT_REST,)
    ),
    Rule("streams-keep-a-week", _STREAM, at_least(("retentionPeriod",), 168), (BACKUP,)),
    Rule("tables-encrypted", _TABLE, must(("serverSideEncryption", "enabled"), True), (AT_REST,)),
    Rule("tables-restorable", _TABLE, must(("pointInTimeRecovery", "enabled"), True), (BACKUP,)),
    Rule("tables-protected", _TABLE, must(("deletionProtectionEnabled",), True), (RECOVERY,)),
    Rule("tables-expire-items", _TABLE, must(("ttl", "enabled"), True)),
    Rule(
        "records-followed",
        where(_TABLE, "rangeKey", is_="sk"),
        every(must(("streamEnabled",), True), must(("streamViewType",), "NEW_AND_OLD_IMAGES")),
    ),
    Rule(
        "records-in-two-regions",
        where(_TABLE, "rangeKey", is_="sk"),
        in_one_region,
        (RECOVERY,),
        production_only=True,
    ),
    Rule("keys-of-ours", types(*ENCRYPTED_BY), not_ours, (AT_REST,), production_only=True),
    Rule("buckets-with-keys-of-ours", data_buckets, bucket_not_ours, (AT_REST,), production_only=True),
    Rule(
        "keys-renewed",
        types("aws:kms:Key"),
        must(("enableKeyRotation",), True),
        ("CIS AWS 3.6",),
        production_only=True,
    ),
    Rule("keys-for-roles", types("aws:kms:Key", "aws:kms:ReplicaKey"), lets_services_in, (MINIMUM,)),
    Rule("functions-in-network", _INSIDE, present("vpcConfig", "subnetIds"), (ACCESS,)),
    Rule("functions-traced", _LAMBDA, must(("tracingConfig", "mode"), "Active"), (AUDIT,)),
    Rule("functions-hold-no-secret", _ZIPPED, holds_secret, (AUTHENTICATION,)),
    Rule(
        "batches-partial",
        _MAPPING,
        every(
            must(("functionResponseTypes",), ["ReportBatchItemFailures"]),
            must(("bisectBatchOnFunctionError",), True),
        ),
    ),
    Rule(
        "failures-set-aside",
        _MAPPING,
        present("destinationConfig", "onFailure", "destinationArn"),
        (INTEGRITY,),
    ),
    Rule(
        "failures-may-be-set-aside",
        lambda found: [each for each in found.of_type("aws:iam:RolePolicy") if each.name.endswith("-itself")],
        may_not_set_aside,
        (INTEGRITY,),
    ),
    Rule("no-record-blocks-its-shard", _MAPPING, outlives_its_stream, (INTEGRITY,)),
    Rule("logs-end", types("aws:cloudwatch:LogGroup"), at_least(("retentionInDays",), 30), (AUDIT,)),
    Rule("network-logged", types("aws:ec2:Vpc"), no_flow_log, ("CIS AWS 3.7", AUDIT)),
    Rule(
        "default-group-closed",
        types("aws:ec2:DefaultSecurityGroup"),
        every(must(("ingress",), []), must(("egress",), [])),
        ("CIS AWS 5.4", ACCESS),
    ),
    Rule("groups-closed", _GROUP, opens, ("CIS AWS 5.2", "CIS AWS 5.3", ACCESS)),
    Rule(
        "gateways-reachable",
        lambda found: [
            each for each in found.of_type("aws:ec2:SecurityGroup") if each.name.endswith("-works")
        ],
        reaches_no_gateway,
    ),
    Rule("subnets-private", types("aws:ec2:Subnet"), must(("mapPublicIpOnLaunch",), False), (ACCESS,)),
    Rule("endpoints-complete", types("aws:ec2:Vpc"), endpoints_missing, (ACCESS,)),
    Rule("endpoints-for-this-account", types("aws:ec2:VpcEndpoint"), present("policy"), (ACCESS,)),
    Rule(
        "edge-tls",
        _DISTRIBUTION,
        every(
            must(
                ("viewerCertificate", "minimumProtocolVersion"),
                "TLSv1.2_2021",
                "TLSv1.2_2025",
                "TLSv1.3_2025",
            ),
            must(("defaultCacheBehavior", "viewerProtocolPolicy"), "https-only", "redirect-to-https"),
            must(("origins", "customOriginConfig", "originProtocolPolicy"), "https-only"),
        ),
        (TRANSIT,),
    ),
    Rule("edge-firewall", _DISTRIBUTION, present("webAclId")),
    Rule("api-only-past-the-firewall", _DISTRIBUTION, comes_in_past_it, (ACCESS,), production_only=True),
    Rule("firewall-blocks", types("aws:wafv2:WebAcl"), firewall_open),
    Rule("bundles-pass-the-firewall", types("aws:wafv2:WebAcl"), refuses_bundles),
    Rule("scripts-refused-elsewhere", types("aws:wafv2:WebAcl"), takes_scripts, (ACCESS,)),
    Rule(
        "apis-logged-and-throttled",
        _STAGE,
        every(
            present("accessLogSettings", "destinationArn"),
            at_least(("defaultRouteSettings", "throttlingRateLimit"), 1),
        ),
        (AUDIT,),
    ),
    Rule("sockets-may-log", sockets, may_not_log, (AUDIT,)),
    Rule(
        "integrations-post",
        types("aws:apigatewayv2:Integration"),
        must(("integrationMethod",), "POST"),  # a Lambda function is called in no other way
    ),
    Rule("reports-encrypted", _CLUSTER, must(("storageEncrypted",), True), ("CIS AWS 2.3.1", AT_REST)),
    Rule("reports-restorable", _CLUSTER, at_least(("backupRetentionPeriod",), 30), (BACKUP,)),
    Rule("reports-protected", _CLUSTER, must(("deletionProtection",), True), (RECOVERY,)),
    Rule(
        "reports-sign-in-by-identity",
        _CLUSTER,
        every(must(("iamDatabaseAuthenticationEnabled",), True), must(("manageMasterUserPassword",), True)),
        (AUTHENTICATION,),
    ),
    Rule(
        "reports-tls",
        types("aws:rds:ClusterParameterGroup"),
        lambda each, _: (
            []
            if {("rds.force_ssl", "1"), ("ssl_min_protocol_version", "TLSv1.2")}
            <= {(p["name"], p["value"]) for p in each.inputs.get("parameters") or []}
            else ["answers without TLS 1.2"]
        ),
        (TRANSIT,),
    ),
    Rule("reports-private", _INSTANCE, must(("publiclyAccessible",), False), ("CIS AWS 2.3.3", ACCESS)),
    Rule("reports-patched", _INSTANCE, must(("autoMinorVersionUpgrade",), True), ("CIS AWS 2.3.2",)),
    Rule("sign-in-second-factor", _POOL, must(("mfaConfiguration",), "ON"), (AUTHENTICATION,)),
    Rule(
        "images-scanned",
        types("aws:ecr:Repository"),
        every(
            must(("imageScanningConfiguration", "scanOnPush"), True),
            must(("imageTagMutability",), "IMMUTABLE"),
        ),
    ),
    Rule(
        "spark-in-network",
        types("aws:emrserverless:Application"),
        present("networkConfiguration", "subnetIds"),
        (ACCESS,),
    ),
    Rule(
        "growth-bounded",
        types(
            "aws:lambda:Function",
            "aws:kinesis:Stream",
            "aws:dynamodb:Table",
            "aws:rds:Cluster",
            "aws:emrserverless:Application",
        ),
        grows,
    ),
    Rule("alarms-tell", types("aws:cloudwatch:MetricAlarm"), present("alarmActions"), (AUDIT,)),
    Rule(
        "copies-locked",
        types("aws:backup:VaultLockConfiguration"),
        at_least(("minRetentionDays",), 7),
        (BACKUP,),
    ),
    Rule(
        "copies-locked-for-good",
        types("aws:backup:VaultLockConfiguration"),
        at_least(("changeableForDays",), 3),
        (BACKUP, INTEGRITY),
        production_only=True,
    ),
    Rule("topics-encrypted", types("aws:sns:Topic"), topic_not_ours, (AT_REST,)),
    Rule(
        "tags",
        lambda found: [each for each in found.cloud() if not each.type.startswith(_UNTAGGED)],
        bad_tags,
    ),
    *RIGHTS_RULES,
)
