"""The rules of the doors, made once in each Python worker: what the records refused, bronze does not take."""

from __future__ import annotations

from functools import cache
from typing import Any

from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.validator import R4Validator


def validate(resource: dict[str, Any]) -> list[Issue]:
    """The errors, and what else a door hears. A function of a module, so that a worker gets its name and nothing more."""
    return _rules().validate(resource)


@cache
def _rules() -> R4Validator:
    return R4Validator(best_practice=False)
