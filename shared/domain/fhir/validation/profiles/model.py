"""A profile as a tree of what it asks beyond its base type; what says nothing new is not in the tree.

https://hl7.org/fhir/R4/profiling.html

The small types are NamedTuples because Python makes one in a tenth of the time of a dataclass: this is imported with
every validator, and its import is part of what a function waits for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from shared.domain.fhir.definitions.model import Binding, Constraint


class NodeType(NamedTuple):
    """One type an element may have: its name, the profiles of which one must hold, the resource types it may refer to."""

    name: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class Discriminator(NamedTuple):
    """By what slices are told apart: `kind` is value, pattern, exists, type or profile; `path` a simple FHIRPath."""

    kind: str
    path: str


class Slicing(NamedTuple):
    """How the items of an element are divided; with `closed` every item has to be in a slice."""

    discriminators: tuple[Discriminator, ...]
    closed: bool = False


class Node(msgspec.Struct, eq=False):
    """One element or slice of a profile. `low` 0, `high` None and an empty tuple ask nothing beyond the base type.

    `name` is the element's without the suffix of a choice; `slice_name` is "" for the element itself.
    """

    name: str
    slice_name: str = ""
    low: int = 0
    high: int | None = None
    types: tuple[NodeType, ...] = ()
    binding: Binding | None = None
    constraints: tuple[Constraint, ...] = ()
    fixed: Any = None
    pattern: Any = None
    slicing: Slicing | None = None
    slices: dict[str, Node] = msgspec.field(default_factory=dict)
    children: dict[str, Node] = msgspec.field(default_factory=dict)

    @property
    def asks_nothing(self) -> bool:
        """Whether no instance could fail it."""
        return not (
            self.low
            or self.high is not None
            or self.types
            or self.binding
            or self.constraints
            or self.fixed is not None
            or self.pattern is not None
            or self.slices
            or self.children
        )


class Profile(NamedTuple):
    """`base` is what it derives from; `is_complete` says whether the tree holds the base profile's demands too."""

    url: str
    name: str
    type_name: str
    base: str
    is_complete: bool
    root: Node
