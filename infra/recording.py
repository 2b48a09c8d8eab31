"""Runs the program against Pulumi's mocks and records the inputs of every resource: no cloud, no account, no engine.

Under mocks an output of a resource is what the mock returns, so ids here have the form that the service gives them.
"""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

import pulumi
from pulumi.runtime import mocks

from infra.mock_outputs import answer_to, outputs_of

_SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-000000000000"
_NAME_INPUTS: Final = ("containerName", "eventHubName", "databaseName", "privateZoneName", "keyName", "name")

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""By which the engine's protocol marks what is no plain value: https://www.pulumi.com/docs/iac/concepts/secrets/"""

SECRETS_ASSUMED: Final = {
    "galen:pagerWebhook": "https://pager.invalid/recorded",
    "galen:originToken": "0123456789abcdef0123456789abcdef",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One declared resource: its type without the provider, its name, its inputs, and the id the mock gave it."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    id: str
    parent: str = ""
    """The name of the component it belongs to."""
    protected: bool = False


@dataclass(slots=True)
class Recording:
    """All resources in the order they were declared."""

    resources: list[Recorded] = field(default_factory=list)

    def cloud(self) -> list[Recorded]:
        """What the cloud would make: neither our components nor the providers."""
        return [each for each in self.resources if not each.type.startswith(("galen:", "pulumi:"))]

    def of_type(self, *types: str) -> list[Recorded]:
        """The resources of these types, such as `storage:StorageAccount`."""
        return [each for each in self.resources if each.type in types]


class _Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.recording = Recording()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        type_ = short_type(args.typ)
        id_ = f"{_SUBSCRIPTION}/{type_}/{args.name}"
        self.recording.resources.append(Recorded(type_, args.name, _opened(dict(args.inputs)), id_))
        given = (args.inputs[key] for key in _NAME_INPUTS if isinstance(args.inputs.get(key), str))
        return id_, {**outputs_of(type_, args.name, args.inputs), "name": next(given, args.name)}

    def call(self, args: mocks.MockCallArgs) -> dict[Any, Any]:
        return answer_to(args.token)


def _opened(value: Any) -> Any:
    """With the values of secrets, which the engine wraps, so that rules see what is inside of them and around them."""
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return _opened(value.get("value"))
        return {key: _opened(each) for key, each in value.items()}
    return [_opened(each) for each in value] if isinstance(value, list) else value


class _Monitor(mocks.MockMonitor):
    """Keeps what the mocks are not told: whose child a resource is, and whether it is protected."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        answer = super().RegisterResource(request)
        kept = self.mocks.recording.resources
        if request.type != "pulumi:pulumi:Stack":
            place = next(
                i for i, each in enumerate(kept) if each.name == request.name and each.id == answer.id
            )
            parent = request.parent.rpartition("::")[2]
            kept[place] = replace(kept[place], parent=parent, protected=request.protect)
        return answer


def short_type(type_: str) -> str:
    """A type without its provider where that is Azure's, and without the module that says the same twice."""
    if type_.startswith("azure-native:"):
        return type_.removeprefix("azure-native:")
    provider, module, name = (*type_.split(":"), "", "")[:3]
    return f"{provider}:{module.partition('/')[0]}:{name}" if "/" in module else type_


def stack_configuration(text: str) -> dict[str, str]:
    """The plain values of a `Pulumi.<stack>.yaml`; secrets and nested values are left out."""
    values = re.findall(r"(?m)^  ([\w-]+:[\w-]+): *([^\s#].*?)\s*$", text)
    return {key: value.strip("'\"") for key, value in values}


def with_secrets_assumed(text: str) -> dict[str, str]:
    """The values of a `Pulumi.<stack>.yaml`, and its secrets as if they were set, since they are encrypted."""
    return {**SECRETS_ASSUMED, **stack_configuration(text)}


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
    mocks.set_mocks(recorder, project="galen", stack=stack, preview=False, monitor=_Monitor(recorder))
    pulumi.runtime.set_all_config(dict(configuration or {}))
    run = pulumi.runtime.test(program)
    with _nothing_collected():
        run()
    return recorder.recording


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """A program's outputs all live to its end: to look for garbage among them takes two thirds of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
