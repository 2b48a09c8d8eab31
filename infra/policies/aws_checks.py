"""What the rules of the AWS stacks look for in a resource and its companions: empty where nothing is wrong."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from infra.components.aws.data_lake import ACCESS_LOGS, AUDIT_DAYS, FAILURES
from infra.components.aws.event_streams import RETENTION_HOURS
from infra.components.aws.front import COUNTED, RESOURCES, SCRIPTS
from infra.components.aws.keys import ALARMS, LOGS
from infra.components.aws.network import GATEWAYS, INTERFACES
from infra.policies.aws_rights import statements_of
from infra.policies.rule import Wrong, at, referred_to
from infra.recording import Recorded, Recording
from shared.names import AUDIT_CONTAINER, LAKE_FILE_SYSTEM, LANDING_FILE_SYSTEM, ORIGIN_HEADER

CHANGES_KEPT_S: Final = 24 * 3600
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html"""
KEPT_BUCKETS: Final = (LANDING_FILE_SYSTEM, FAILURES, ACCESS_LOGS)
ENCRYPTED_BY: Final = {
    "aws:kinesis:Stream": ("kmsKeyId",),
    "aws:dynamodb:Table": ("serverSideEncryption", "kmsKeyArn"),
    "aws:secretsmanager:Secret": ("kmsKeyId",),
    "aws:rds:Cluster": ("kmsKeyId",),
    "aws:lambda:Function": ("kmsKeyArn",),
    "aws:cloudwatch:LogGroup": ("kmsKeyId",),
    "aws:sns:Topic": ("kmsMasterKeyId",),
    "aws:ecr:Repository": ("encryptionConfigurations", "kmsKey"),
}


def has(type_: str, text: str, *checks: Wrong) -> Wrong:
    """The bucket has a companion of a type, of which the checks hold."""

    def wrong(each: Recorded, recording: Recording) -> list[str]:
        found = referred_to(each, recording, type_, key="bucket")
        if not found:
            return [text]
        return [said for one in found for check in checks for said in check(one, recording)]

    return wrong


def topic_not_ours(each: Recorded, _: Recording) -> list[str]:
    """An alarm is refused by a topic under the service's own key."""
    ours = ":kms:" in str(each.inputs.get("kmsMasterKeyId") or "")
    return [] if ours else ["is not encrypted with a key that lets alarms in"]


def not_ours(each: Recorded, _: Recording) -> list[str]:
    found = str(at(each.inputs, *ENCRYPTED_BY[each.type]) or "")
    return [] if ":kms:" in found else ["is not encrypted with a key of ours"]


def bucket_not_ours(each: Recorded, _: Recording) -> list[str]:
    key = at(each.inputs, "rules", "applyServerSideEncryptionByDefault", "kmsMasterKeyId")
    return [] if key else ["is not encrypted with a key of ours"]


def lets_services_in(each: Recorded, _: Recording) -> list[str]:
    """Only what has no role of ours, publishes alarms and keeps logs, uses a key by the key's own policy."""
    served = each.name.endswith((f"-{ALARMS}", f"-{LOGS}"))
    found = []
    for statement in statements_of(each):
        if at(statement, "Principal", "Service") is None:
            continue
        if not served:
            found.append("lets a service use it")
        if not statement.get("Condition"):
            found.append("lets a service use it for anybody")
    return found


def data_buckets(recording: Recording) -> list[Recorded]:
    held = [
        b for b in recording.of_type("aws:s3:Bucket") if at(b.inputs, "tags", "data-classification") == "phi"
    ]
    return [
        e
        for b in held
        for e in referred_to(b, recording, "aws:s3:BucketServerSideEncryptionConfiguration", key="bucket")
    ]


def takes_plain(each: Recorded, _: Recording) -> list[str]:
    denied = [s for s in statements_of(each) if s["Effect"] == "Deny"]
    plain = any(at(s, "Condition", "Bool", "aws:SecureTransport") == "false" for s in denied)
    old = any(at(s, "Condition", "NumericLessThan", "s3:TlsVersion") == "1.2" for s in denied)
    return ["answers without TLS"] * (not plain) + ["answers TLS older than 1.2"] * (not old)


def logs_buckets(recording: Recording) -> list[Recorded]:
    return [each for each in recording.of_type("aws:s3:Bucket") if each.name.endswith(f"-{ACCESS_LOGS}")]


def takes_no_logs(each: Recorded, recording: Recording) -> list[str]:
    allowed = [
        at(statement, "Condition", "ArnLike", "aws:SourceArn") or ["*"]
        for statement in statements_of(each)
        if statement["Effect"] == "Allow"
        and statement["Action"] == "s3:PutObject"
        and at(statement, "Principal", "Service") == "logging.s3.amazonaws.com"
    ]
    senders = [sender for one in allowed for sender in one]
    logged = [str(log.inputs["bucket"]) for log in recording.of_type("aws:s3:BucketLogging")]
    arns = [f"arn:aws:s3:::{bucket.rpartition('/')[2]}" for bucket in logged]
    left_out = [arn for arn in arns if not any(fnmatchcase(arn, sender) for sender in senders)]
    anybody = [sender for sender in senders if ":::galen-" not in sender]
    return [f"takes no access logs of {arn}" for arn in left_out] + ["takes anybody's logs"] * bool(anybody)


def sockets(recording: Recording) -> list[Recorded]:
    apis = recording.of_type("aws:apigatewayv2:Api")
    return [each for each in apis if each.inputs.get("protocolType") == "WEBSOCKET"]


def may_not_log(_: Recorded, recording: Recording) -> list[str]:
    """The stage of a WebSocket API is refused where the account has no role for its logs."""
    accounts = recording.of_type("aws:apigateway:Account")
    return [] if any(each.inputs.get("cloudwatchRoleArn") for each in accounts) else ["may not log"]


def logged_to_nowhere(each: Recorded, recording: Recording) -> list[str]:
    return [] if referred_to(each, recording, "aws:s3:BucketLogging", key="bucket") else ["is not logged"]


def audit(recording: Recording) -> list[Recorded]:
    return [
        each
        for each in recording.of_type("aws:s3:Bucket")
        if each.name.startswith("galen-lake-")
        and each.name.endswith((f"-{AUDIT_CONTAINER}", f"-{AUDIT_CONTAINER}-second"))
    ]


def changeable(each: Recorded, recording: Recording) -> list[str]:
    locks = referred_to(each, recording, "aws:s3:BucketObjectLockConfiguration", key="bucket")
    kept = [lock for lock in locks if at(lock.inputs, "rule", "defaultRetention", "mode") == "COMPLIANCE"]
    days = max((at(lock.inputs, "rule", "defaultRetention", "days") or 0 for lock in kept), default=0)
    locked = each.inputs.get("objectLockEnabled") is True
    return [] if locked and days >= AUDIT_DAYS else [f"can be changed after {days:g} days"]


def expires_more(each: Recorded, _: Recording) -> list[str]:
    expiring = [rule for rule in each.inputs.get("rules") or [] if rule.get("expiration")]
    may = any(each.name.endswith(f"-{noun}-life") for noun in KEPT_BUCKETS)
    return [] if may or not expiring else ["deletes what is not dropped, failed or logged"]


def landing_stays(each: Recorded, _: Recording) -> list[str]:
    days = [
        at(rule, "expiration", "days") for rule in each.inputs.get("rules") or [] if rule.get("expiration")
    ]
    found = min((day for day in days if day), default=None)
    if found is None:
        return ["keeps dropped files for ever"]
    return [] if found >= 7 else [f"drops files after {found:g} days"]


def opens(each: Recorded, _: Recording) -> list[str]:
    return [
        f"its {way} is open to the internet"
        for way in ("ingress", "egress")
        for rule in each.inputs.get(way) or []
        if {"0.0.0.0/0", "::/0"} & {*(rule.get("cidrBlocks") or ()), *(rule.get("ipv6CidrBlocks") or ())}
    ]


def endpoints_missing(_: Recorded, recording: Recording) -> list[str]:
    made = {str(e.inputs["serviceName"]).split(".", 3)[3] for e in recording.of_type("aws:ec2:VpcEndpoint")}
    return [f"has no endpoint for {service}" for service in (*GATEWAYS, *INTERFACES) if service not in made]


def holds_secret(each: Recorded, _: Recording) -> list[str]:
    variables = at(each.inputs, "environment", "variables") or {}
    hidden = [
        name
        for name, value in variables.items()
        if "SECRET" in name and not str(value).startswith("arn:aws:secretsmanager:")
    ]
    return [f"the setting {name} is not the name of a secret" for name in hidden]


def comes_in_past_it(each: Recorded, recording: Recording) -> list[str]:
    """API Gateway's own address answers anybody: the function behind it takes only what shows CloudFront's token."""
    shown = any(
        header.get("name") == ORIGIN_HEADER
        for origin in each.inputs.get("origins") or []
        for header in origin.get("customHeaders") or []
    )
    asked = [
        at(function.inputs, "environment", "variables", "GALEN_ORIGIN_ACCESS")
        for function in recording.of_type("aws:lambda:Function")
        if function.name.endswith("-api")
    ]
    whole = shown and asked and all(len(str(rule)) == 64 for rule in asked)
    return [] if whole else ["is no way that the API insists on"]


def grows(each: Recorded, _: Recording) -> list[str]:
    match each.type:
        case "aws:lambda:Function":
            bounded = (each.inputs.get("reservedConcurrentExecutions") or 0) > 0
        case "aws:kinesis:Stream":
            bounded = at(each.inputs, "streamModeDetails", "streamMode") == "ON_DEMAND"
        case "aws:dynamodb:Table":
            bounded = bool(at(each.inputs, "onDemandThroughput", "maxWriteRequestUnits"))
        case "aws:rds:Cluster":
            bounded = bool(at(each.inputs, "serverlessv2ScalingConfiguration", "maxCapacity"))
        case _:
            bounded = bool(at(each.inputs, "maximumCapacity", "cpu"))
    return [] if bounded else ["has no bounds of growth"]


def outlives_its_stream(each: Recorded, _: Recording) -> list[str]:
    """Whether a record that can never be handled holds its shard until the stream has forgotten those behind it."""
    kept = CHANGES_KEPT_S if ":dynamodb:" in str(each.inputs["eventSourceArn"]) else RETENTION_HOURS * 3600
    given_up = each.inputs.get("maximumRecordAgeInSeconds") or -1
    return [] if 0 < given_up < kept else ["holds its shard until the stream forgets what comes behind"]


def no_flow_log(each: Recorded, recording: Recording) -> list[str]:
    logs = [log for log in recording.of_type("aws:ec2:FlowLog") if log.inputs.get("vpcId") == each.id]
    return (
        [] if any(log.inputs.get("trafficType") == "ALL" for log in logs) else ["has no log of its traffic"]
    )


def firewall_open(each: Recorded, _: Recording) -> list[str]:
    rules = each.inputs.get("rules") or []
    managed = [rule for rule in rules if at(rule, "statement", "managedRuleGroupStatement")]
    counted = [rule for rule in managed if "count" in (rule.get("overrideAction") or {})]
    limited = any(at(rule, "statement", "rateBasedStatement", "limit") for rule in rules)
    return (
        ["has no managed rules"] * (not managed)
        + ["only counts"] * bool(counted)
        + ["has no limit"] * (not limited)
    )


def refuses_bundles(each: Recorded, _: Recording) -> list[str]:
    """Managed rules that would refuse what partners send only count."""
    counted = {
        override["name"]
        for rule in each.inputs.get("rules") or []
        for override in at(rule, "statement", "managedRuleGroupStatement", "ruleActionOverrides") or []
        if "count" in override["actionToUse"]
    }
    return [f"refuses bundles by {name}" for name in COUNTED if name not in counted]


def takes_scripts(each: Recorded, _: Recording) -> list[str]:
    """What only counts for the sake of resources is refused where none is sent."""
    refused = [
        matched
        for rule in each.inputs.get("rules") or []
        if "block" in (rule.get("action") or {})
        for matched, elsewhere in [at(rule, "statement", "andStatement", "statements") or [{}, {}]]
        if at(matched, "labelMatchStatement", "key") == SCRIPTS
        and at(elsewhere, "notStatement", "statement", "byteMatchStatement", "searchString") == RESOURCES
    ]
    return [] if refused else ["takes scripts on every path"]


def reaches_no_gateway(each: Recorded, recording: Recording) -> list[str]:
    """Endpoints by gateway are reached at public addresses, which the group must name."""
    endpoints = recording.of_type("aws:ec2:VpcEndpoint")
    gateways = [e for e in endpoints if e.inputs.get("vpcEndpointType") == "Gateway"]
    reached = {
        one for rule in each.inputs.get("egress") or [] for one in rule.get("prefixListIds") or () if one
    }
    return [] if len(reached) == len(gateways) else ["cannot reach the services that have a gateway"]


def may_not_set_aside(each: Recorded, _: Recording) -> list[str]:
    """A mapping to a bucket is refused where the role may not list it and write there."""
    allowed = {action for statement in statements_of(each) for action in statement["Action"]}
    return [f"may not {a}" for a in ("s3:ListBucket", "s3:PutObject") if a not in allowed]


def in_one_region(each: Recorded, _: Recording) -> list[str]:
    return [] if each.inputs.get("replicas") else ["is in one region"]


def data_lakes(recording: Recording) -> list[Recorded]:
    """The buckets of what cannot be made again: the lake, and what was audited."""
    ends = tuple(f"-{noun}{copy}" for noun in (LAKE_FILE_SYSTEM, AUDIT_CONTAINER) for copy in ("", "-second"))
    return [each for each in recording.of_type("aws:s3:Bucket") if each.name.endswith(ends)]


def not_copied(each: Recorded, recording: Recording) -> list[str]:
    """Each new object is copied to another bucket."""
    rules = [
        rule
        for found in referred_to(each, recording, "aws:s3:BucketReplicationConfig", key="bucket")
        for rule in found.inputs.get("rules") or []
    ]
    copied = [rule for rule in rules if rule.get("status") == "Enabled" and at(rule, "destination", "bucket")]
    return [] if copied else ["is in one region"]
