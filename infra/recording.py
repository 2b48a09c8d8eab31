"""Runs the program against Pulumi's mocks and records the inputs of every resource: no cloud, no account, no engine.

Under mocks an output of a resource is what the mock returns, so ids here have the form that the service gives them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import pulumi
from pulumi.runtime import mocks

_SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-000000000000"
_NAME_INPUTS: Final = ("containerName", "eventHubName", "databaseName", "privateZoneName", "name")
_CLIENT: Final = {"tenantId": "11111111-1111-1111-1111-111111111111", "subscriptionId": "0" * 8}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One declared resource: its type without the provider, its name, its inputs, and the id the mock gave it."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    id: str


@dataclass(slots=True)
class Recording:
    """All resources in the order they were declared."""

    resources: list[Recorded] = field(default_factory=list)

    def of_type(self, *types: str) -> list[Recorded]:
        """The resources of these types, such as `storage:StorageAccount`."""
        return [each for each in self.resources if each.type in types]


class _Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.recording = Recording()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        type_ = args.typ.removeprefix("azure-native:")
        id_ = f"{_SUBSCRIPTION}/{type_}/{args.name}"
        self.recording.resources.append(Recorded(type_, args.name, dict(args.inputs), id_))
        given = (args.inputs[key] for key in _NAME_INPUTS if isinstance(args.inputs.get(key), str))
        return id_, {**_outputs(type_, args.name), "name": next(given, args.name)}

    def call(self, args: mocks.MockCallArgs) -> dict[Any, Any]:
        if args.token.endswith(":getClientConfig"):
            return dict(_CLIENT)
        return {}


def _outputs(type_: str, name: str) -> dict[str, Any]:
    """What a service adds to its inputs, as far as other resources read it."""
    match type_:
        case "storage:StorageAccount":
            return {
                "primaryEndpoints": {
                    each: f"https://{name}.{each}.core.windows.net/" for each in ("blob", "dfs", "queue")
                }
            }
        case "managedidentity:UserAssignedIdentity":
            return {"principalId": f"principal-of-{name}", "clientId": f"client-of-{name}"}
        case "cosmosdb:DatabaseAccount":
            return {"documentEndpoint": f"https://{name}.documents.azure.com:443/"}
        case "web:WebApp":
            # What went in as a list comes out as a mapping.
            return {"defaultHostName": f"{name}.azurewebsites.net", "identity": {"type": "UserAssigned"}}
        case "keyvault:Vault":
            return {"properties": {"vaultUri": f"https://{name}.vault.azure.net/"}}
        case "applicationinsights:Component":
            return {"connectionString": f"InstrumentationKey=recorded;Of={name}"}
    return {}


def stack_configuration(text: str) -> dict[str, str]:
    """The plain values of a `Pulumi.<stack>.yaml`; secrets and nested values are left out."""
    values = re.findall(r"(?m)^  ([\w-]+:[\w-]+): *([^\s#].*?)\s*$", text)
    return {key: value.strip("'\"") for key, value in values}


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for all recordings and never closed: its threads have loops of their own, which they would leave open."""
    return asyncio.new_event_loop()


def record(
    program: Callable[[], None], *, stack: str = "azure-dev", configuration: Mapping[str, str] | None = None
) -> Recording:
    """The recording of a program, waited for until every output is known. Raises what the program raises."""
    recorder = _Recorder()
    # Pulumi asks for the thread's event loop, which whoever called asyncio.run before has taken away.
    asyncio.set_event_loop(_loop())
    mocks.set_mocks(recorder, project="galen", stack=stack, preview=False)
    pulumi.runtime.set_all_config(dict(configuration or {}))
    run = pulumi.runtime.test(program)
    run()
    return recorder.recording
