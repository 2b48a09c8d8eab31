"""The validator of every door: FHIR R4 complete, a fast pass for what is plainly valid and the full reading for the rest.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from shared.domain.fhir import json
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import FAILURES, Issue, error
from shared.domain.fhir.validation import fast
from shared.domain.fhir.validation.explain import explain
from shared.errors import InputError


class R4Validator:
    """Validates FHIR R4 resources. Holds nothing of what it reads, and one serves all threads.

    `best_practice` tells whether recommendations of the specification (a resource should have a narrative) are reported.
    """

    def __init__(self, *, best_practice: bool = True) -> None:
        self._best_practice = best_practice
        self._shortcut = partial(fast.remarks_within, best_practice=best_practice)

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        """All findings in the order of the specification's elements; empty where there is nothing to say. Never raises.

        The resource is valid when none is of severity `error` or `fatal`. No text holds a value of the resource.
        """
        found = fast.remarks(resource, best_practice=self._best_practice)
        if found is not None:
            return found
        return explain(resource, r4(), best_practice=self._best_practice, shortcut=self._shortcut)

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
        from shared.domain.fhir.validation.positions import lines_of  # most processes meet no wrong resource

        lines = lines_of(text, {issue.expression for issue in issues})
        return [msgspec.structs.replace(issue, line=lines.get(issue.expression)) for issue in issues]
