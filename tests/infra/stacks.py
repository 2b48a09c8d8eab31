"""The stacks as recorded once a process, and copies of them in which something is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from infra.program import RecordedStack, record_stack
from infra.recording import Recorded, Recording
from local.layout import CHECKOUT

AZURE = ("azure-dev", "azure-prod")
AWS = ("aws-dev", "aws-prod")
Change = Callable[[dict[str, Any]], None]


def settings_of(stack: str) -> str:
    """The text of a stack's configuration file."""
    return (CHECKOUT / f"Pulumi.{stack}.yaml").read_text("utf-8")


@cache
def recorded(stack: str) -> RecordedStack:
    """A stack as its configuration file has it; its program is run again for nothing that only reads it."""
    return record_stack(stack, settings_of(stack))


def put(*path: str | int, to: Any) -> Change:
    """Sets the value at a path; `None` takes it away."""

    def change(inputs: dict[str, Any]) -> None:
        node: Any = inputs
        for step in path[:-1]:
            node = node[step]
        if to is None:
            node.pop(path[-1], None)
        else:
            node[path[-1]] = to

    return change


def mutated(
    recording: Recording, type_: str, change: Change, only: Callable[[Recorded], bool] = lambda each: True
) -> Recording:
    """The recording with a change of the inputs of every resource of a type, or of some."""

    def one(each: Recorded) -> Recorded:
        if each.type != type_ or not only(each):
            return each
        inputs = copy.deepcopy(dict(each.inputs))
        change(inputs)
        return replace(each, inputs=inputs)

    return Recording([one(each) for each in recording.resources])
