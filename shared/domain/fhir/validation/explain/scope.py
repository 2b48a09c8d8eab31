"""Where a reading stands: in which resource, inside which container and Bundle, and what local references reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.domain.fhir.validation.bundle_index import BundleIndex, names_in


class LocalUse(msgspec.Struct):
    """What a container's local references said, gathered while it is read: dom-3 is judged at its end."""

    used: set[str] = msgspec.field(default_factory=set)
    referring_back: set[int] = msgspec.field(default_factory=set)
    """Which contained resources, by index, refer to their container by `#`."""
    names: set[str] | None = None
    """The ids and narrative anchors of the container, once they were asked for."""
    good: dict[int, tuple[Any, ...]] = msgspec.field(default_factory=dict)
    """What the shortcut keeps of objects that it found to be good within one that is not: by identity, its remarks."""


class Scope(msgspec.Struct, frozen=True):
    """One resource being read. For a contained resource `root` is its container, else the resource itself.

    `bundle` is the Bundle around it and `full_url` its entry's; for a Bundle, they are its own and of the entry being read.
    """

    resource: dict[str, Any]
    root: dict[str, Any]
    type_name: str
    contained: Mapping[str, dict[str, Any]]
    local_use: LocalUse
    contained_index: int | None = None
    bundle: BundleIndex | None = None
    full_url: str = ""

    @property
    def is_contained(self) -> bool:
        return self.contained_index is not None

    def resolve(self, reference: str) -> dict[str, Any] | None:
        """The resource that a reference names, where it is contained or in the Bundle around."""
        if reference.startswith("#"):
            return self.contained.get(reference[1:]) if len(reference) > 1 else self.root
        return self.bundle.resource_of(reference, self.full_url) if self.bundle is not None else None

    def has_name(self, name: str) -> bool:
        """Whether a narrative's link `#name` points at something in the resource or else in the Bundle around it."""
        use = self.local_use
        if use.names is None:
            use.names = names_in(self.root)
        return name in use.names or (self.bundle is not None and name in self.bundle.names())

    def of_entry(self, entry: dict[str, Any]) -> Scope:
        """Within one entry of this Bundle."""
        full_url = entry.get("fullUrl")
        return msgspec.structs.replace(self, full_url=full_url if isinstance(full_url, str) else "")

    def of_contained(self, resource: dict[str, Any], type_name: str, index: int) -> Scope:
        """Within one contained resource, whose local references are its container's."""
        return msgspec.structs.replace(self, resource=resource, type_name=type_name, contained_index=index)


def scope_of(resource: dict[str, Any], type_name: str, bundle: BundleIndex | None, full_url: str) -> Scope:
    """The scope of a resource that is not contained."""
    return Scope(resource, resource, type_name, _contained(resource), LocalUse(), None, bundle, full_url)


def _contained(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    contained = container.get("contained")
    for resource in contained if isinstance(contained, list) else ():
        if isinstance(resource, dict):
            id_, type_ = resource.get("id"), resource.get("resourceType")
            if isinstance(id_, str) and isinstance(type_, str):
                found.setdefault(id_, resource)
    return found
