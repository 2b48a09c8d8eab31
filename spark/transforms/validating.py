"""The validator of the doors, made once in each Python worker from its name: what the records refused, bronze does not take.

Named and not imported: Spark knows no adapter, and a worker cannot be handed an object with compiled models in it.
"""

from __future__ import annotations

import importlib
from functools import cache, partial
from typing import Any

from shared.domain.fhir.outcome import Issue
from spark.transforms.expand_lines import Validate


def validator_named(name: str) -> Validate:
    """The `validate` of the class `module:Class`, which has the form of the port `Validator`."""
    return partial(_validate, name)


@cache
def _instance(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)()


def _validate(name: str, resource: dict[str, Any]) -> list[Issue]:
    found: list[Issue] = _instance(name).validate(resource)
    return found
