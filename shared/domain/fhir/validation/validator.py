"""The validator of every door: FHIR R4 complete, a fast pass for what is plainly valid and the full reading for the rest.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from shared.domain.fhir import json
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import FAILURES, Issue, error
from shared.domain.fhir.validation import fast
from shared.domain.fhir.validation.bundle_index import index_of
from shared.domain.fhir.validation.explain import PlainlyValid, explain
from shared.domain.fhir.validation.positions import lines_of
from shared.errors import InputError


class R4Validator:
    """Validates FHIR R4 resources. Holds nothing of what it reads, and one serves all threads.

    `best_practice` tells whether recommendations of the specification (a resource should have a narrative) are reported.
    """

    def __init__(self, *, best_practice: bool = True) -> None:
        self._best_practice = best_practice

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        """All findings in the order of the specification's elements; empty where there is nothing to say. Never raises.

        The resource is valid when none is of severity `error` or `fatal`. No text holds a value of the resource.
        """
        found = fast.remarks(resource, best_practice=self._best_practice)
        if found is not None:
            return found
        # Best practice is asked of every entry, so that none can be spared.
        entries = None if self._best_practice else _entries(resource)
        return explain(resource, r4(), best_practice=self._best_practice, plainly_valid=entries)

    def validate_text(self, text: bytes) -> list[Issue]:
        """As `validate`, for a resource as JSON text. What is not JSON is one finding.

        Findings have their lines where one is an error: to look for them takes longer than to validate.
        """
        try:
            resource = json.decode_object(text)
        except InputError as refused:
            return list(refused.issues) or [error("structure", refused.text, rule="json")]
        issues = self.validate(resource)
        if not any(issue.severity in FAILURES for issue in issues):
            return issues
        lines = lines_of(text, {issue.expression for issue in issues})
        return [msgspec.structs.replace(issue, line=lines.get(issue.expression)) for issue in issues]


def _entries(resource: Any) -> PlainlyValid | None:
    """Spares the complete reading the entries of a Bundle that are plainly valid where they stand."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Bundle":
        return None
    bundle = index_of(resource)
    entries = resource.get("entry")
    addresses = {
        id(entry.get("resource")): entry.get("fullUrl")
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    }

    def plainly_valid(entry: dict[str, Any]) -> bool:
        full_url = addresses.get(id(entry))
        return fast.is_plainly_valid(entry, bundle, full_url if isinstance(full_url, str) else "")

    return plainly_valid
