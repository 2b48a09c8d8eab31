"""The references of a transaction made final: entries named, links between them rewritten, conditional ones looked up.

https://hl7.org/fhir/R4/http.html#trules: conditional references are resolved as if all entries were written. The one to the
patient decides where a new resource lives, so it is asked before the resource has a name, the others after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.domain.fhir.identity import ResourceKey, patient_reference
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.ingest.references import rewrite, service_base
from shared.services.fhir.entries import Entry, naming
from shared.services.fhir.plan import Findings

Mint = Callable[[Entry, dict[str, Any]], ResourceKey]
"""(entry, its resource with the final reference to its patient) → the key it is created under."""
Conditional = Callable[[str, str], ResourceKey | None]
"""(type, criteria) → the one resource that meets them once the transaction is written."""

MAX_CONDITIONAL: Final = 500
"""Each costs a search before anything is written."""


def resolve_references(entries: list[Entry], conditional: Conditional, mint: Mint) -> None:
    """Give every POST its key, at the home of its patient, and rewrite all references.

    Raises InputError naming each entry with a conditional reference that matches nothing.
    """
    findings = Findings()
    lookups = _Lookups(conditional, findings)
    by_url = {entry.full_url: entry for entry in entries if entry.full_url and entry.resource is not None}
    # Patients first: they follow nobody, others live where they do, and a conditional reference may mean one of them.
    for entry in sorted(entries, key=lambda each: each.type != "Patient"):
        if entry.key is None and entry.resource is not None:
            entry.key = _named(entry, entry.resource, by_url, mint, lookups)
    internal = {url: str(entry.key) for url, entry in by_url.items()}
    asking = [(entry, asked) for entry in entries if (asked := _link(entry, internal))]
    for entry, asked in asking:
        lookups.all_of(entry, asked)
    findings.refuse()
    for entry, _ in asking:
        entry.resource = rewrite(entry.resource, lookups.found.get, {})


class _Lookups:
    """What the conditional references of a transaction mean, each asked once."""

    def __init__(self, conditional: Conditional, findings: Findings) -> None:
        self._conditional = conditional
        self._findings = findings
        self.found: dict[str, str | None] = {}

    def find(self, entry: Entry, reference: str) -> str | None:
        """The final reference, or None where nothing matches."""
        if reference not in self.found:
            if len(self.found) == MAX_CONDITIONAL:
                text = f"A transaction has at most {MAX_CONDITIONAL} different conditional references."
                self._findings.add(entry, "too-costly", text, ".resource")
                self._findings.refuse()
            type_, _, criteria = reference.partition("?")
            with naming(entry, ".resource"):
                key = self._conditional(type_, criteria) if type_ in RESOURCE_TYPES else None
            self.found[reference] = str(key) if key else None
        return self.found[reference]

    def all_of(self, entry: Entry, references: set[str]) -> None:
        """Look up those of one entry; what matches nothing is a finding."""
        for reference in sorted(references):
            if self.find(entry, reference) is None:
                self._findings.add(
                    entry, "not-found", "A conditional reference matches nothing.", ".resource"
                )


def _is_conditional(reference: str) -> bool:
    return "?" in reference and not reference.startswith(("http:", "https:", "#"))


def _link(entry: Entry, internal: dict[str, str]) -> set[str]:
    """Rewrite what refers to other entries; the conditional references that are left."""
    asked: set[str] = set()
    base = service_base(entry.full_url)

    def target(reference: str) -> str | None:
        inside = internal.get(reference) or internal.get(f"{base}/{reference}")
        if inside is not None:
            return inside
        if _is_conditional(reference):
            asked.add(reference)
        return None

    if entry.resource is not None:
        rewritten = rewrite(entry.resource, target, internal)
        entry.resource = {**rewritten, "id": entry.key.id} if entry.key else rewritten
    return asked


def _named(
    entry: Entry, resource: dict[str, Any], by_url: dict[str, Entry], mint: Mint, lookups: _Lookups
) -> ResourceKey:
    reference = patient_reference(resource)
    inside = by_url.get(reference) or by_url.get(f"{service_base(entry.full_url)}/{reference}")
    final: str | None = None
    if inside is None and reference.startswith("Patient?"):
        final = lookups.find(entry, reference)
    elif inside is not None and inside.type == "Patient":
        final = str(inside.key)
    probe = _with_patient(resource, reference, final) if final else resource
    with naming(entry, ".request.ifNoneExist"):
        return mint(entry, probe)


def _with_patient(resource: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    shallow = {
        name: value
        for name, value in resource.items()
        if isinstance(value, dict) and value.get("reference") == old
    }
    return {**resource, **{name: {**value, "reference": new} for name, value in shallow.items()}}
