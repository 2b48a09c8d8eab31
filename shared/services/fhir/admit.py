"""The door of HTTP: what a resource must be to be recorded, for the tenant it comes from."""

from __future__ import annotations

from typing import Any

from shared.domain.fhir.admission import ValidationModes, Verdict, judge, marked
from shared.domain.records import Door
from shared.errors import InputError
from shared.ports.meter import Meter
from shared.ports.validator import Validator


class Admission:
    """Validates, and judges by the tenant's mode."""

    def __init__(self, validator: Validator, modes: ValidationModes, meter: Meter) -> None:
        self._validator = validator
        self._modes = modes
        self._meter = meter

    def admit(self, tenant: str, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource as it is to be recorded. Raises InputError (422) with every error."""
        verdict, admitted = self.judge(tenant, resource)
        if verdict.refused:
            raise InputError("The resource breaks rules of FHIR R4.", issues=verdict.refused, status=422)
        return admitted

    def judge(self, tenant: str, resource: dict[str, Any]) -> tuple[Verdict, dict[str, Any]]:
        """The verdict, and the resource as it is to be recorded where it is let in."""
        verdict = judge(self._validator.validate(resource), self._modes.of(Door.HTTP, tenant))
        if verdict.refused:
            return verdict, resource
        for issue in verdict.tolerated:
            self._meter.count("galen_tolerated_issues_total", door=Door.HTTP.value, rule=issue.rule)
        return verdict, marked(resource, flawed=bool(verdict.tolerated))
