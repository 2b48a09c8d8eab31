"""A transaction checked before anything is written: every entry's rights, content, query and place beside the others.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.domain.fhir.admission import Verdict
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.search_values import parse_query, refuse, require_json
from shared.domain.ingest.references import dangling
from shared.errors import Forbidden, GalenError, InputError
from shared.services.fhir.conditional import parameters_of
from shared.services.fhir.entries import Entry, interactions_of, named

Authorise = Callable[[str, str], None]
"""(type, interaction) → raises Forbidden."""
Judge = Callable[[dict[str, Any]], tuple[Verdict, dict[str, Any]]]
"""A resource → the verdict, and the resource as it is to be recorded."""
CheckSearch = Callable[[str, str], None]
"""(type, query string) → raises InputError where the search would be refused."""


@dataclass(slots=True)
class Findings:
    """Issues of all entries; `refuse` raises them together."""

    issues: list[Issue] = field(default_factory=list)
    status: int = 400

    def add(self, entry: Entry, code: str, text: str, element: str = "", *, status: int = 400) -> None:
        """Note what is wrong with one entry."""
        self.issues.append(error(code, text, f"{entry.path}{element}"))
        self.status = max(self.status, status)

    def refuse(self) -> None:
        """Raise InputError where anything was found."""
        if self.issues:
            text = "The transaction is refused and nothing of it was written."
            raise InputError(text, issues=self.issues, status=self.status)


def check_entries(
    parsed: list[Entry | GalenError], judge: Judge, authorise: Authorise, check_search: CheckSearch
) -> list[Entry]:
    """All entries of a transaction, or InputError with every finding of every entry. Raises Forbidden first."""
    findings = Findings()
    entries = [entry for entry in parsed if isinstance(entry, Entry)]
    _require_rights(entries, authorise)
    for refused in parsed:
        if not isinstance(refused, Entry):
            findings.issues.extend(refused.issues or (error("invalid", refused.text),))
    for entry in entries:
        _check(entry, judge, findings)
        try:
            check_get(entry, check_search)
        except InputError as unclear:
            findings.issues.extend(named(entry, unclear, ".request.url"))
    _check_unique(entries, findings)
    _check_links(entries, findings)
    findings.refuse()
    return entries


def _require_rights(entries: list[Entry], authorise: Authorise) -> None:
    missing: list[Issue] = []
    text = ""
    for entry in entries:
        try:
            for interaction in interactions_of(entry):
                authorise(entry.type, interaction)
        except Forbidden as refused:
            missing.extend(named(entry, refused, ".request"))
            text = refused.text
    if missing:
        raise Forbidden(text, issues=missing)


def check_get(entry: Entry, check_search: CheckSearch) -> None:
    """Raise InputError for a GET that would be refused, whatever is on record; nothing for any other method."""
    if entry.method != "GET":
        return
    if entry.key is None:
        check_search(entry.type, entry.query)
        return
    for name, value in parse_query(entry.query):
        if name == "_format":
            require_json(value)
        elif name != "_pretty":
            raise refuse("A read takes no query parameter but _format.", code="not-supported")


def _check(entry: Entry, judge: Judge, findings: Findings) -> None:
    if entry.resource is None:
        return
    verdict, entry.resource = judge(entry.resource)
    if verdict.refused:
        findings.issues.extend(issue.prefixed(f"{entry.path}.resource") for issue in verdict.refused)
        findings.status = 422
    if entry.method == "PUT" and entry.resource.get("id") != (entry.key.id if entry.key else None):
        findings.add(entry, "invalid", "The resource's id must be the id in the url.", ".resource.id")


def _check_links(entries: list[Entry], findings: Findings) -> None:
    held = {entry.full_url for entry in entries if entry.resource is not None}
    for entry in entries:
        for path in dangling(entry.resource, held):
            text = "A reference names a fullUrl that is not in this transaction."
            findings.add(entry, "not-found", text, f".resource{path}")


def _check_unique(entries: list[Entry], findings: Findings) -> None:
    seen: set[ResourceKey] = set()
    urls: set[str] = set()
    criteria: set[tuple[object, ...]] = set()
    for entry in entries:
        if entry.if_none_exist is not None:
            asked = (entry.type, *parameters_of(entry.if_none_exist))
            if asked in criteria:
                text = "Two entries of one transaction have the same ifNoneExist."
                findings.add(entry, "duplicate", text, ".request.ifNoneExist")
            criteria.add(asked)
        if entry.method in ("PUT", "DELETE") and entry.key:
            if entry.key in seen:
                text = "Two entries of one transaction change the same resource."
                findings.add(entry, "duplicate", text, ".request.url")
            seen.add(entry.key)
        if entry.full_url and entry.resource is not None:
            if entry.full_url in urls:
                findings.add(entry, "duplicate", "Two entries have the same fullUrl.", ".fullUrl")
            urls.add(entry.full_url)
