"""What is said of one resource that came as text: the same words on a command line, in a data frame and in a notebook."""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import msgspec

from shared.domain.fhir import json
from shared.domain.fhir.outcome import FAILURES, Issue, error
from shared.errors import InputError

_TYPE_NAME: Final = re.compile(r"[A-Z][A-Za-z]{1,40}")
_BOM: Final = b"\xef\xbb\xbf"


class Rules(Protocol):
    """The part of a validator that is needed here."""

    def validate(self, resource: dict[str, Any]) -> list[Issue]: ...


class Report(msgspec.Struct, frozen=True):
    """The findings about one resource; `resource_type` is None where the text holds none that can be read."""

    resource_type: str | None
    issues: tuple[Issue, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether there is no error: warnings do not make a resource invalid."""
        return not any(issue.severity in FAILURES for issue in self.issues)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values: `resourceType`, `valid`, `issues`."""
        issues = [_issue(issue) for issue in self.issues]
        return {"resourceType": self.resource_type, "valid": self.valid, "issues": issues}


def report_on(text: bytes | str, rules: Rules) -> Report:
    """The report on one JSON text. What cannot be read is reported, never raised."""
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if body.removeprefix(_BOM).lstrip()[:1] == b"<":
        return unreadable("XML is not supported: convert it to FHIR JSON.", "not-supported", "xml")
    try:
        resource = json.decode_object(body)
    except InputError as refused:
        return Report(None, tuple(refused.issues) or (error("invalid", refused.text, rule="json"),))
    type_ = resource.get("resourceType")
    # Repeated where it looks like the name of a type, unknown ones too: any other text could hold data.
    named = type_ if isinstance(type_, str) and _TYPE_NAME.fullmatch(type_) else None
    return Report(named, tuple(rules.validate(resource)))


def unreadable(text: str, code: str = "structure", rule: str = "file") -> Report:
    """The report on something that holds no resource that can be read; the text says why and what to do."""
    return Report(None, (error(code, text, rule=rule),))


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "severity": issue.severity,
        "code": issue.code,
        "expression": issue.expression,
        "details": issue.text,
        "rule": issue.rule,
    }
