"""The references of a transaction made final: entries named, links between them rewritten, conditional ones looked up.

https://hl7.org/fhir/R4/http.html#trules: conditional references are resolved last, as if all entries were written.
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
    """Give every POST its key (its patient's first) and rewrite all references; `conditional` is asked after that.

    Raises InputError naming each entry with a reference to something that the transaction does not hold.
    """
    findings = Findings()
    by_url = {entry.full_url: entry for entry in entries if entry.full_url and entry.resource is not None}
    for entry in entries:
        _name(entry, by_url, mint, set())
    internal = {url: str(entry.key) for url, entry in by_url.items()}
    asking = [(entry, asked) for entry in entries if (asked := _link(entry, internal, findings))]
    findings.refuse()
    _look_up(asking, conditional, findings)
    findings.refuse()


def _link(entry: Entry, internal: dict[str, str], findings: Findings) -> set[str]:
    """Rewrite what refers to other entries; the conditional references that are left."""
    asked: set[str] = set()
    base = service_base(entry.full_url)

    def target(reference: str) -> str | None:
        inside = internal.get(reference) or internal.get(f"{base}/{reference}")
        if inside is not None:
            return inside
        if reference.startswith(("urn:uuid:", "urn:oid:")):
            text = "A reference names a fullUrl that is not in this transaction."
            findings.add(entry, "not-found", text, ".resource")
        elif "?" in reference and not reference.startswith(("http:", "https:")):
            asked.add(reference)
        return None

    if entry.resource is not None:
        rewritten = rewrite(entry.resource, target, internal)
        entry.resource = {**rewritten, "id": entry.key.id} if entry.key else rewritten
    return asked


def _look_up(asking: list[tuple[Entry, set[str]]], conditional: Conditional, findings: Findings) -> None:
    found: dict[str, str | None] = {}
    for entry, asked in asking:
        for reference in sorted(asked):
            if reference not in found:
                if len(found) == MAX_CONDITIONAL:
                    text = f"A transaction has at most {MAX_CONDITIONAL} different conditional references."
                    findings.add(entry, "too-costly", text, ".resource")
                    return
                type_, _, criteria = reference.partition("?")
                with naming(entry, ".resource"):
                    key = conditional(type_, criteria) if type_ in RESOURCE_TYPES else None
                found[reference] = str(key) if key else None
            if found[reference] is None:
                findings.add(entry, "not-found", "A conditional reference matches nothing.", ".resource")
    for entry, _ in asking:
        entry.resource = rewrite(entry.resource, found.get, {})


def _name(entry: Entry, by_url: dict[str, Entry], mint: Mint, open_: set[int]) -> None:
    if entry.key is not None or entry.resource is None or entry.index in open_:
        return
    reference = patient_reference(entry.resource)
    patient = by_url.get(reference) or by_url.get(f"{service_base(entry.full_url)}/{reference}")
    probe: dict[str, Any] = entry.resource
    if patient is not None and patient is not entry:
        _name(patient, by_url, mint, open_ | {entry.index})
        if patient.key is not None:
            probe = _with_patient(entry.resource, reference, str(patient.key))
    with naming(entry, ".request.ifNoneExist"):
        entry.key = mint(entry, probe)


def _with_patient(resource: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    shallow = {
        name: value
        for name, value in resource.items()
        if isinstance(value, dict) and value.get("reference") == old
    }
    return {**resource, **{name: {**value, "reference": new} for name, value in shallow.items()}}
