"""For each rule of the AWS stacks one way to break it: a type of resource, and what is done to its inputs."""

from __future__ import annotations

import json
from typing import Any

from tests.infra.stacks import Change, put

_LAMBDA = "aws:lambda:Function"
_TABLE = "aws:dynamodb:Table"
_MAPPING = "aws:lambda:EventSourceMapping"


def _document(key: str, change: Change) -> Change:
    """A change of the first statement of a policy that has one to change."""

    def changed(inputs: dict[str, Any]) -> None:
        policy = json.loads(inputs[key])
        change(policy["Statement"][0])
        inputs[key] = json.dumps(policy)

    return changed


def _expire(inputs: dict[str, Any]) -> None:
    inputs["rules"].append({"id": "all", "status": "Enabled", "expiration": {"days": 1}})


def _count_only(inputs: dict[str, Any]) -> None:
    inputs["rules"][1]["overrideAction"] = {"count": {}}


def _open(inputs: dict[str, Any]) -> None:
    inputs["ingress"].append({"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]})


def _anywhere(inputs: dict[str, Any]) -> None:
    policy = json.loads(inputs["policy"])
    for statement in policy["Statement"]:
        if statement["Action"] == ["s3:PutObject"]:
            statement["Resource"] = ["arn:aws:s3:::galen-lake-prod-galen/*"]
    inputs["policy"] = json.dumps(policy)


def _take_no_logs(inputs: dict[str, Any]) -> None:
    policy = json.loads(inputs["policy"])
    policy["Statement"] = [each for each in policy["Statement"] if each["Effect"] == "Deny"]
    inputs["policy"] = json.dumps(policy)


def _let_logs_in(inputs: dict[str, Any]) -> None:
    policy = json.loads(inputs["policy"])
    logs = {"Service": "logs.eu-west-1.amazonaws.com"}
    policy["Statement"].append({**policy["Statement"][0], "Principal": logs, "Condition": {"Bool": {}}})
    inputs["policy"] = json.dumps(policy)


def _list_nothing(inputs: dict[str, Any]) -> None:
    inputs["policy"] = inputs["policy"].replace("s3:ListBucket", "s3:GetObject")


MUTANTS: dict[str, tuple[str, Change]] = {
    "buckets-private": ("aws:s3:BucketPublicAccessBlock", put("blockPublicPolicy", to=False)),
    "buckets-tls": ("aws:s3:BucketPolicy", _document("policy", put("Effect", to="Allow"))),
    "buckets-versioned": (
        "aws:s3:BucketVersioning",
        put("versioningConfiguration", "status", to="Suspended"),
    ),
    "buckets-encrypted": ("aws:s3:BucketServerSideEncryptionConfiguration", put("bucket", to="another")),
    "buckets-without-acls": (
        "aws:s3:BucketOwnershipControls",
        put("rule", "objectOwnership", to="ObjectWriter"),
    ),
    "buckets-logged": ("aws:s3:BucketLogging", put("bucket", to="another")),
    "access-logs-arrive": ("aws:s3:BucketPolicy", _take_no_logs),
    "failures-may-be-set-aside": ("aws:iam:RolePolicy", _list_nothing),
    "gateways-reachable": ("aws:ec2:SecurityGroup", put("egress", to=[])),
    "bundles-pass-the-firewall": (
        "aws:wafv2:WebAcl",
        put("rules", 2, "statement", "managedRuleGroupStatement", "ruleActionOverrides", to=[]),
    ),
    "scripts-refused-elsewhere": ("aws:wafv2:WebAcl", lambda inputs: inputs["rules"].pop()),
    "sockets-may-log": ("aws:apigateway:Account", put("cloudwatchRoleArn", to=None)),
    "integrations-post": ("aws:apigatewayv2:Integration", put("integrationMethod", to=None)),
    "copies-locked-for-good": ("aws:backup:VaultLockConfiguration", put("changeableForDays", to=None)),
    "audit-unchangeable": (
        "aws:s3:BucketObjectLockConfiguration",
        put("rule", "defaultRetention", "mode", to="GOVERNANCE"),
    ),
    "lake-in-two-regions": ("aws:s3:BucketReplicationConfig", put("rules", 0, "status", to="Disabled")),
    "only-dropped-failed-and-logged-expire": ("aws:s3:BucketLifecycleConfiguration", _expire),
    "landing-expires": ("aws:s3:BucketLifecycleConfiguration", put("rules", to=[])),
    "streams-encrypted": ("aws:kinesis:Stream", put("encryptionType", to="NONE")),
    "streams-keep-a-week": ("aws:kinesis:Stream", put("retentionPeriod", to=24)),
    "tables-encrypted": (_TABLE, put("serverSideEncryption", "enabled", to=False)),
    "tables-restorable": (_TABLE, put("pointInTimeRecovery", "enabled", to=False)),
    "tables-protected": (_TABLE, put("deletionProtectionEnabled", to=None)),
    "tables-expire-items": (_TABLE, put("ttl", "enabled", to=False)),
    "records-followed": (_TABLE, put("streamViewType", to="KEYS_ONLY")),
    "records-in-two-regions": (_TABLE, put("replicas", to=[])),
    "keys-of-ours": ("aws:secretsmanager:Secret", put("kmsKeyId", to=None)),
    "buckets-with-keys-of-ours": (
        "aws:s3:BucketServerSideEncryptionConfiguration",
        put("rules", to=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]),
    ),
    "keys-renewed": ("aws:kms:Key", put("enableKeyRotation", to=False)),
    "keys-for-roles": ("aws:kms:Key", _let_logs_in),
    "functions-in-network": (_LAMBDA, put("vpcConfig", to=None)),
    "functions-traced": (_LAMBDA, put("tracingConfig", to={"mode": "PassThrough"})),
    "functions-hold-no-secret": (
        _LAMBDA,
        put("environment", to={"variables": {"GALEN_SECRET_LINK_KEY": "in plain text"}}),
    ),
    "batches-partial": (_MAPPING, put("functionResponseTypes", to=[])),
    "no-record-blocks-its-shard": (_MAPPING, put("maximumRecordAgeInSeconds", to=86_400)),
    "failures-set-aside": (_MAPPING, put("destinationConfig", to=None)),
    "logs-end": ("aws:cloudwatch:LogGroup", put("retentionInDays", to=None)),
    "network-logged": ("aws:ec2:FlowLog", put("trafficType", to="REJECT")),
    "default-group-closed": ("aws:ec2:DefaultSecurityGroup", put("ingress", to=[{"protocol": "-1"}])),
    "groups-closed": ("aws:ec2:SecurityGroup", _open),
    "subnets-private": ("aws:ec2:Subnet", put("mapPublicIpOnLaunch", to=True)),
    "endpoints-complete": ("aws:ec2:VpcEndpoint", put("serviceName", to="com.amazonaws.eu-west-1.ssm")),
    "endpoints-for-this-account": ("aws:ec2:VpcEndpoint", put("policy", to=None)),
    "edge-tls": (
        "aws:cloudfront:Distribution",
        put("viewerCertificate", "minimumProtocolVersion", to="TLSv1"),
    ),
    "edge-firewall": ("aws:cloudfront:Distribution", put("webAclId", to=None)),
    "api-only-past-the-firewall": (
        "aws:cloudfront:Distribution",
        put("origins", 0, "customHeaders", to=None),
    ),
    "firewall-blocks": ("aws:wafv2:WebAcl", _count_only),
    "apis-logged-and-throttled": ("aws:apigatewayv2:Stage", put("accessLogSettings", to=None)),
    "reports-encrypted": ("aws:rds:Cluster", put("storageEncrypted", to=False)),
    "reports-restorable": ("aws:rds:Cluster", put("backupRetentionPeriod", to=1)),
    "reports-protected": ("aws:rds:Cluster", put("deletionProtection", to=False)),
    "reports-sign-in-by-identity": ("aws:rds:Cluster", put("iamDatabaseAuthenticationEnabled", to=False)),
    "reports-tls": ("aws:rds:ClusterParameterGroup", put("parameters", to=[])),
    "reports-private": ("aws:rds:ClusterInstance", put("publiclyAccessible", to=True)),
    "reports-patched": ("aws:rds:ClusterInstance", put("autoMinorVersionUpgrade", to=False)),
    "sign-in-second-factor": ("aws:cognito:UserPool", put("mfaConfiguration", to="OFF")),
    "images-scanned": ("aws:ecr:Repository", put("imageTagMutability", to="MUTABLE")),
    "spark-in-network": ("aws:emrserverless:Application", put("networkConfiguration", to=None)),
    "growth-bounded": (_LAMBDA, put("reservedConcurrentExecutions", to=-1)),
    "alarms-tell": ("aws:cloudwatch:MetricAlarm", put("alarmActions", to=[])),
    "copies-locked": ("aws:backup:VaultLockConfiguration", put("minRetentionDays", to=None)),
    "topics-encrypted": ("aws:sns:Topic", put("kmsMasterKeyId", to="alias/aws/sns")),
    "tags": ("aws:s3:Bucket", put("tags", "data-classification", to="public")),
    "least-actions": ("aws:iam:RolePolicy", _document("policy", put("Action", to=["s3:*"]))),
    "no-ready-made-rights": (
        "aws:iam:RolePolicyAttachment",
        put("policyArn", to="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    "files-made-by-path": ("aws:iam:RolePolicy", _anywhere),
    "roles-for-this-account": ("aws:iam:Role", _document("assumeRolePolicy", put("Condition", to={}))),
    "callers-named": ("aws:lambda:Permission", put("sourceArn", to=None)),
    "a-role-each": (_LAMBDA, put("role", to="arn:aws:iam::123456789012:role/one-for-all")),
}
