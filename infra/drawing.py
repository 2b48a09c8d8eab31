"""A recorded stack as text: what there is, and who may do what where."""

from __future__ import annotations

from collections.abc import Iterator

from infra.components.azure.roles import COSMOS_CONTRIBUTOR, COSMOS_READER, Role
from infra.recording import Recorded, Recording

_SHOWN = {
    "storage:StorageAccount": ("isHnsEnabled", "publicNetworkAccess", "allowSharedKeyAccess"),
    "storage:BlobContainer": ("accountName", "containerName"),
    "eventhub:EventHub": ("partitionCount",),
    "eventhub:Namespace": ("publicNetworkAccess", "disableLocalAuth"),
    "cosmosdb:DatabaseAccount": ("publicNetworkAccess", "disableLocalAuth"),
    "cosmosdb:SqlResourceSqlContainer": ("containerName",),
    "network:PrivateEndpoint": (),
    "eventgrid:SystemTopicEventSubscription": (),
}
_GRANTS = ("authorization:RoleAssignment", "cosmosdb:SqlResourceSqlRoleAssignment")


def draw(recording: Recording) -> Iterator[str]:
    """The lines of the drawing: resources by service in order of name, then the grants."""
    cloud = [each for each in recording.resources if not each.type.startswith("galen:")]
    services = sorted({each.type.partition(":")[0] for each in cloud})
    yield f"{len(cloud)} resources"
    for service in services:
        yield f"\n{service}"
        for each in sorted(cloud, key=lambda found: (found.type, found.name)):
            if each.type.startswith(f"{service}:") and each.type not in _GRANTS:
                yield f"  {each.type.partition(':')[2]:<26} {each.name:<44} {_facts(each)}".rstrip()
    yield "\ngrants (who may do what where)"
    for each in sorted(recording.of_type(*_GRANTS), key=lambda found: found.name):
        yield f"  {_principal(each):<24} {_role(each):<22} {_place(each)}"


def _facts(each: Recorded) -> str:
    facts = [f"{name}={each.inputs[name]}" for name in _SHOWN.get(each.type, ()) if name in each.inputs]
    links = [
        f"→ {link['privateLinkServiceId'].rpartition('/')[2]} ({', '.join(link['groupIds'])})"
        for link in each.inputs.get("privateLinkServiceConnections", ())
    ]
    return " ".join(facts + links)


def _principal(each: Recorded) -> str:
    return str(each.inputs.get("principalId", "")).removeprefix("principal-of-")


def _role(each: Recorded) -> str:
    definition = str(each.inputs.get("roleDefinitionId", "")).rpartition("/")[2]
    if definition in (COSMOS_CONTRIBUTOR, COSMOS_READER):
        return f"cosmos data {'contributor' if definition == COSMOS_CONTRIBUTOR else 'reader'}"
    return next(
        (role.name.lower().replace("_", " ") for role in Role if role.value == definition), definition
    )


def _place(each: Recorded) -> str:
    """The scope without the subscription, which is made up."""
    return "/".join(str(each.inputs.get("scope", "")).split("/")[3:])
