"""What the checks of one thread share while they read one resource: a container's local references, a Bundle's entries."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from shared.domain.fhir.validation.bundle_index import BundleIndex
from shared.domain.fhir.validation.fast.remarks import Remark


class Reading(msgspec.Struct):
    """One resource that is no contained one, with all it contains."""

    root: dict[str, Any]
    resource: dict[str, Any]
    """The root, or the contained resource being read."""
    contained: Mapping[str, dict[str, Any]] | None = None
    """The contained resources by their ids; None or empty where nothing is contained."""
    bundle: BundleIndex | None = None
    full_url: str = ""
    """Of the entry that holds the root; for a Bundle, of the entry being read."""
    contained_index: int = -1
    """Of the last contained resource that was begun."""
    is_in_contained: bool = False
    used: set[str] = msgspec.field(default_factory=set)
    """The local ids that were referred to."""
    referring_back: set[int] = msgspec.field(default_factory=set)
    """Which contained resources, by index, refer to their container by `#`."""
    has_element_ids: bool = False
    """Whether an element of the resource, or of one it contains, has an id."""
    names: set[str] | None = None
    """The ids and narrative anchors of the root, once they were asked for."""
    good: dict[int, tuple[Remark, ...]] | None = None
    """The remarks on objects, by identity, that an earlier question found to be good; None where none are kept."""
    newly_good: dict[int, tuple[Remark, ...]] = msgspec.field(default_factory=dict)
    """The same of this question: of use if its answer is no, and parts of it are asked about next."""


class Context(threading.local):
    """The reading of the thread that asks."""

    reading: Reading = Reading({}, {})
    noted: list[Remark] | None = None
    """What is to be said of valid things, in the whole of what was asked about; None where nothing may be."""
    compiled_before: int | None = None
    """How many expressions had been compiled when the first definition of this reading was met."""
    best_practice: bool = False
    """Whether what the specification recommends is noted too."""

    def note_again(self, remarks: tuple[Remark, ...]) -> bool:
        """Keeps the remarks on an object that was found to be good before: true."""
        if remarks and self.noted is not None:
            self.noted.extend(remarks)
        return True


CONTEXT = Context()


def note(remark: Remark) -> bool:
    """Keeps a remark, so that it is made if all else is valid; False where a resource with remarks is not wanted."""
    if CONTEXT.noted is None:
        return False
    CONTEXT.noted.append(remark)
    return True
