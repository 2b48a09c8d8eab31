"""What the first resource of a document or message asks of the entries behind it.

https://hl7.org/fhir/R4/documents.html#content and https://hl7.org/fhir/R4/messaging.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.bundle_index import BundleIndex, entries_of
from shared.domain.fhir.validation.primitives import is_absolute

FIRST_RESOURCE: Final = {"document": "Composition", "message": "MessageHeader"}
"""Bundle.type → the type of its first resource, which says what the others are for."""


def linkage_issues(bundle: dict[str, Any], index: BundleIndex, type_: str, path: str) -> Iterator[Issue]:
    """What a Composition or MessageHeader points at must be in the Bundle, and the Bundle's entries belong to it."""
    first = next((entry for position, entry in entries_of(bundle) if position == 0), {})
    resource = first.get("resource")
    if not isinstance(resource, dict) or resource.get("resourceType") != FIRST_RESOURCE[type_]:
        return
    full_url = first.get("fullUrl")
    full_url = full_url if isinstance(full_url, str) else ""
    walk = _composition_references if type_ == "document" else _header_references
    for where, reference in walk(resource, f"{path}.entry[0].resource"):
        if reference.startswith("#"):
            continue
        found = index.matches(reference, full_url)
        if not found:
            text = (
                f"This must be in the {type_} Bundle: no entry has the fullUrl that the reference stands for, "
                "read with the fullUrl of the entry that refers."
            )
            yield error("not-found", text, where, "bundle-unresolved")
        elif len(found) > 1:
            text = "More than one entry of the Bundle matches this reference."
            yield error("multiple-matches", text, where, "bundle-ambiguous")
    yield from _orphan_issues(bundle, index, type_, path)


def _orphan_issues(bundle: dict[str, Any], index: BundleIndex, type_: str, path: str) -> Iterator[Issue]:
    """A document holds what its Composition reaches, in either direction; in a message the rest is only suspicious."""
    groups = _Groups()
    for position, entry in entries_of(bundle):
        full_url = entry.get("fullUrl")
        for target in _targets(entry.get("resource"), index, full_url if isinstance(full_url, str) else ""):
            groups.join(position, target)
    for position, link in _parts(bundle.get("link")):
        url = str(link.get("url"))
        for target in index.by_type_and_id.get(url, ()):
            groups.join(0, target)
        if (
            link.get("relation") == "stylesheet"
            and type_ == "document"
            and not (is_absolute(url) or url in index.by_type_and_id)
        ):
            text = "A style sheet that is named by a relative address is an entry of the document."
            yield error("not-found", text, f"{path}.link[{position}].url", "bundle-stylesheet")
    severity = "error" if type_ == "document" else "warning"
    for position, _ in entries_of(bundle):
        if groups.of(position) != groups.of(0):
            text = f"No chain of references links this entry with the {FIRST_RESOURCE[type_]} of the {type_}."
            yield Issue(severity, "informational", text, f"{path}.entry[{position}]", "bundle-orphan")


def _targets(resource: Any, index: BundleIndex, full_url: str) -> Iterator[int]:
    """The entries that any reference or URL in a resource reaches."""
    stack: list[tuple[str, Any]] = [("", resource)]
    while stack:
        name, node = stack.pop()
        if isinstance(node, dict):
            stack.extend(node.items())
        elif isinstance(node, list):
            stack.extend((name, item) for item in node)
        elif isinstance(node, str):
            yield from (
                index.matches(node, full_url) if name == "reference" else index.by_full_url.get(node, ())
            )


class _Groups:
    """Which entries belong together: a disjoint-set forest."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def of(self, entry: int) -> int:
        parent = self._parent
        while parent.get(entry, entry) != entry:
            parent[entry] = parent.get(parent[entry], parent[entry])
            entry = parent[entry]
        return entry

    def join(self, one: int, other: int) -> None:
        self._parent[self.of(one)] = self.of(other)


def _composition_references(composition: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name in ("subject", "encounter", "custodian", "author"):
        yield from _references(composition.get(name), f"{path}.{name}")
    for name, inner in (("attester", "party"), ("event", "detail")):
        for position, part in _parts(composition.get(name)):
            yield from _references(part.get(inner), f"{path}.{name}[{position}].{inner}")
    yield from _section_references(composition, path)


def _section_references(owner: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for position, section in _parts(owner.get("section")):
        where = f"{path}.section[{position}]"
        for name in ("author", "focus", "entry"):
            yield from _references(section.get(name), f"{where}.{name}")
        yield from _section_references(section, where)


def _header_references(header: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    yield from _references(header.get("focus"), f"{path}.focus")


def _parts(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for position, part in enumerate(value if isinstance(value, list) else ()):
        if isinstance(part, dict):
            yield position, part


def _references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and reference:
            yield path, reference
    else:
        for position, part in _parts(value):
            yield from _references(part, f"{path}[{position}]")
