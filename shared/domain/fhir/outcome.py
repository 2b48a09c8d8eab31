"""Issues and the OperationOutcome made of them.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

MAX_ISSUES: Final = 50
UNKNOWN_ELEMENT: Final = "unknown-element"
"""The rule of an issue whose expression ends in a name that FHIR does not know: the sender's own text."""

FAILURES: Final = frozenset({"error", "fatal"})
"""The severities that make a resource invalid; https://hl7.org/fhir/R4/valueset-issue-severity.html."""
_LINE: Final = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"


class Issue(msgspec.Struct, frozen=True):
    """One finding: `code` of the IssueType value set, `expression` a FHIRPath, `text` for a person, without values.

    `rule` is its stable id, `line` the line of the source text (from 1) where the input was text.
    """

    severity: str
    code: str
    text: str
    expression: str = ""
    rule: str = ""
    line: int | None = None

    def prefixed(self, path: str) -> Issue:
        """The same finding seen from a container, as `Bundle.entry[3].resource` + `.status`."""
        _, _, rest = self.expression.partition(".")
        return msgspec.structs.replace(self, expression=f"{path}.{rest}" if rest else path)

    def as_element(self) -> dict[str, Any]:
        """The `OperationOutcome.issue` element."""
        details: dict[str, Any] = {"text": self.text}
        if self.rule:
            details["coding"] = [{"system": "urn:galen:rule", "code": self.rule}]
        element: dict[str, Any] = {"severity": self.severity, "code": self.code, "details": details}
        if self.expression:
            element["expression"] = [self.expression]
        if self.line is not None:
            element["extension"] = [{"url": _LINE, "valueInteger": self.line}]
        return element


def error(code: str, text: str, expression: str = "", rule: str = "") -> Issue:
    """An issue of severity `error`."""
    return Issue("error", code, text, expression, rule)


def operation_outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """An OperationOutcome of at most `MAX_ISSUES` issues; the last one says how many were left out."""
    shown = list(issues[:MAX_ISSUES])
    if len(issues) > MAX_ISSUES:
        shown.append(
            Issue("information", "too-costly", f"{len(issues) - MAX_ISSUES} further issues are not shown.")
        )
    return {"resourceType": "OperationOutcome", "issue": [issue.as_element() for issue in shown]}
