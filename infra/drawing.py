"""A recorded stack as text: what there is, and who may do what where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from infra.components.azure.roles import COSMOS_CONTRIBUTOR, COSMOS_READER, Role
from infra.recording import Recorded, Recording

_SHOWN = {
    "storage:StorageAccount": ("isHnsEnabled", "publicNetworkAccess", "allowSharedKeyAccess"),
    "storage:BlobContainer": ("accountName", "containerName"),
    "eventhub:EventHub": ("partitionCount",),
    "eventhub:Namespace": ("publicNetworkAccess", "disableLocalAuth"),
    "cosmosdb:DatabaseAccount": ("publicNetworkAccess", "disableLocalAuth"),
    "cosmosdb:SqlResourceSqlContainer": ("containerName",),
    "aws:lambda:Function": ("memorySize", "timeout", "reservedConcurrentExecutions"),
    "aws:lambda:EventSourceMapping": ("batchSize", "bisectBatchOnFunctionError"),
    "aws:dynamodb:Table": ("billingMode", "deletionProtectionEnabled"),
    "aws:kinesis:Stream": ("retentionPeriod", "encryptionType"),
    "aws:ec2:VpcEndpoint": ("serviceName", "vpcEndpointType"),
    "aws:scheduler:Schedule": ("scheduleExpression",),
}
_GRANTS = ("authorization:RoleAssignment", "cosmosdb:SqlResourceSqlRoleAssignment", "aws:iam:RolePolicy")


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do what where."""

    who: str
    what: str
    where: str


def draw(recording: Recording) -> Iterator[str]:
    """The lines of the drawing: resources by service in order of name, then the grants."""
    cloud = recording.cloud()
    services = sorted({service_of(each) for each in cloud})
    yield f"{len(cloud)} resources"
    for service in services:
        yield f"\n{service}"
        for each in sorted(cloud, key=lambda found: (found.type, found.name)):
            if service_of(each) == service and each.type not in _GRANTS:
                yield f"  {each.type.rpartition(':')[2]:<26} {each.name:<44} {_facts(each)}".rstrip()
    yield "\ngrants (who may do what where)"
    for grant in grants(recording):
        yield f"  {grant.who:<30} {grant.what:<34} {grant.where}"


def service_of(each: Recorded) -> str:
    """The part of a type that names the service, with its provider where that is not Azure's."""
    return each.type.rpartition(":")[0]


def grants(recording: Recording) -> list[Grant]:
    """Every right, one by one, in order of who has it."""
    found = {grant for each in recording.of_type(*_GRANTS) for grant in _grants_of(each)}
    return sorted(found, key=lambda grant: (grant.who, grant.what, grant.where))


def _grants_of(each: Recorded) -> Iterator[Grant]:
    if each.type != "aws:iam:RolePolicy":
        who = str(each.inputs.get("principalId", "")).removeprefix("principal-of-")
        held = ", changes by path" if each.inputs.get("condition") else ""
        yield Grant(who, _role(each) + held, _place(str(each.inputs.get("scope", ""))))
        return
    for statement in json.loads(each.inputs["policy"])["Statement"]:
        actions = ", ".join(sorted(action.partition(":")[2] for action in statement["Action"]))
        service = statement["Action"][0].partition(":")[0]
        for resource in statement["Resource"]:
            yield Grant(each.name.rpartition("-")[0], f"{service}: {actions}", _place(resource))


def _facts(each: Recorded) -> str:
    facts = [f"{name}={each.inputs[name]}" for name in _SHOWN.get(each.type, ()) if name in each.inputs]
    links = [
        f"→ {link['privateLinkServiceId'].rpartition('/')[2]} ({', '.join(link['groupIds'])})"
        for link in each.inputs.get("privateLinkServiceConnections", ())
    ]
    return " ".join(facts + links)


def _role(each: Recorded) -> str:
    definition = str(each.inputs.get("roleDefinitionId", "")).rpartition("/")[2]
    if definition in (COSMOS_CONTRIBUTOR, COSMOS_READER):
        return f"cosmos data {'contributor' if definition == COSMOS_CONTRIBUTOR else 'reader'}"
    return next(
        (role.name.lower().replace("_", " ") for role in Role if role.value == definition), definition
    )


def _place(scope: str) -> str:
    """The scope without the subscription or account, which is made up."""
    if scope.startswith("arn:"):
        return scope.split(":", 5)[5]
    return "/".join(scope.split("/")[3:]) or scope
