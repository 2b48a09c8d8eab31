"""Validation of one FHIR resource."""

from __future__ import annotations

from typing import Any, Protocol

from shared.domain.fhir.outcome import Issue


class Validator(Protocol):
    """The same rules at every door."""

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        """All findings, with FHIRPath expressions that begin with the resource type; empty where it is valid.

        Never raises for bad content and never puts a value of the resource into a text.
        """
        ...
