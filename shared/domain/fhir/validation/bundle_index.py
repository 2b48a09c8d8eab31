"""The entries of a Bundle by address: where its references are sought.

https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from shared.domain.fhir.validation.references import Form, read_reference, rest_url


class BundleIndex(msgspec.Struct):
    """The entries of a Bundle by fullUrl, and by `Type/id` those without one or with any: what references are sought in."""

    by_full_url: dict[str, list[int]] = msgspec.field(default_factory=dict)
    by_type_and_id: dict[str, list[int]] = msgspec.field(default_factory=dict)
    types: dict[int, str] = msgspec.field(default_factory=dict)
    resources: dict[int, dict[str, Any]] = msgspec.field(default_factory=dict)
    versions: dict[int, str] = msgspec.field(default_factory=dict)
    _names: frozenset[str] | None = None

    def names(self) -> frozenset[str]:
        """The ids and narrative anchors of all its resources, gathered when first asked for."""
        if self._names is None:
            self._names = frozenset(name for each in self.resources.values() for name in names_in(each))
        return self._names

    def matches(self, reference: str, full_url: str) -> list[int]:
        """The entries that a reference of the entry with `full_url` reaches.

        https://hl7.org/fhir/R4/bundle.html#references: a relative one is completed by the base of a RESTful fullUrl.
        """
        link = read_reference(reference)
        target, version = reference.partition("#")[0], link.version
        if link.form is Form.RELATIVE:
            own = rest_url(full_url)
            if own is None:
                found = self.by_type_and_id.get(f"{link.type_name}/{link.id}", []) if not full_url else []
                return self._of_version(found, version)
            target = f"{own.base}/{target}"
        elif link.form is not Form.ABSOLUTE:
            return []
        exact = self.by_full_url.get(target, [])
        if exact or not version:
            return exact
        return self._of_version(self.by_full_url.get(target.partition("/_history/")[0], []), version)

    def resource_of(self, reference: str, full_url: str) -> dict[str, Any] | None:
        """The resource of the one entry a reference reaches; None where it is none or not the only one."""
        found = self.matches(reference, full_url)
        return self.resources.get(found[0]) if len(found) == 1 else None

    def _of_version(self, entries: list[int], version: str) -> list[int]:
        return [entry for entry in entries if not version or self.versions.get(entry, version) == version]

    def type_of(self, reference: str, full_url: str) -> str:
        """The type of the one entry a reference reaches; "" where it is none or not the only one."""
        found = self.matches(reference, full_url)
        return self.types.get(found[0], "") if len(found) == 1 else ""


def names_in(resource: dict[str, Any]) -> set[str]:
    """Every id of a resource and its elements, and every anchor of its narratives: what a link `#name` may point at."""
    from shared.domain.fhir.narrative import read_narrative  # few resources have links within

    found: set[str] = set()
    stack: list[Any] = [resource]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            id_, div = node.get("id"), node.get("div")
            if isinstance(id_, str):
                found.add(id_)
            if isinstance(div, str):
                found |= read_narrative(div).names
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found


def index_of(bundle: dict[str, Any]) -> BundleIndex:
    """The index of a Bundle's entries, whatever shape they have."""
    index = BundleIndex()
    for position, entry in entries_of(bundle):
        resource = entry.get("resource")
        full_url = entry.get("fullUrl")
        if isinstance(resource, dict):
            type_, id_, meta = resource.get("resourceType"), resource.get("id"), resource.get("meta")
            if isinstance(type_, str):
                index.types[position] = type_
                index.resources[position] = resource
                if isinstance(id_, str):
                    index.by_type_and_id.setdefault(f"{type_}/{id_}", []).append(position)
            version = meta.get("versionId") if isinstance(meta, dict) else None
            if isinstance(version, str):
                index.versions[position] = version
        if isinstance(full_url, str):
            index.by_full_url.setdefault(full_url, []).append(position)
    return index


def entries_of(bundle: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries that are objects, with their positions."""
    entries = bundle.get("entry")
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield position, entry
