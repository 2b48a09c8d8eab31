"""Inverted indexes over equality terms, built for the paths that queries ask for.

https://learn.microsoft.com/azure/cosmos-db/index-policy
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .partition_key import split_path

if TYPE_CHECKING:
    from .model import Item

NO_TERM = object()


class IndexSpec(NamedTuple):
    """What an index is over: the value at a path, or each element of the array at it."""

    path: tuple[str, ...]
    elements: bool


def term_of(value: Any) -> Any:
    """Returns the dictionary key of a scalar, `NO_TERM` for arrays and objects.

    Booleans and null are wrapped: Python takes True for 1.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return (value,)
    if isinstance(value, (int, float)):
        return value
    return NO_TERM


def terms_in(document: dict[str, Any], spec: IndexSpec) -> Iterable[Any]:
    """Returns the terms under which a document is found by this index."""
    value: Any = document
    for name in spec.path:
        if not isinstance(value, dict) or name not in value:
            return ()
        value = value[name]
    if spec.elements:
        if not isinstance(value, list):
            return ()
        return {term for term in map(term_of, value) if term is not NO_TERM}
    term = term_of(value)
    return () if term is NO_TERM else (term,)


class Postings:
    """The indexes of one group of partitions: spec → term → items.

    Most terms have one item; it then stands alone, a set for each would cost more than the items.
    """

    __slots__ = ("_by_spec",)

    def __init__(self) -> None:
        self._by_spec: dict[IndexSpec, dict[Any, Item | set[Item]]] = {}

    def open(self, spec: IndexSpec) -> None:
        """Begins an index anew; items are then added one by one."""
        self._by_spec[spec] = {}

    def add(self, item: Item, document: dict[str, Any], specs: Iterable[IndexSpec]) -> None:
        """Enters an item under the terms of its document; entering it twice is entering it once."""
        for spec in specs:
            by_term = self._by_spec[spec]
            for term in terms_in(document, spec):
                found = by_term.get(term)
                if found is None:
                    by_term[term] = item
                elif isinstance(found, set):
                    found.add(item)
                elif found is not item:
                    by_term[term] = {found, item}

    def remove(self, item: Item, document: dict[str, Any], specs: Iterable[IndexSpec]) -> None:
        """Takes an item out again; `document` is the one it was entered with."""
        for spec in specs:
            by_term = self._by_spec[spec]
            for term in terms_in(document, spec):
                found = by_term.get(term)
                if isinstance(found, set):
                    found.discard(item)
                    if not found:
                        del by_term[term]
                elif found is item:
                    del by_term[term]

    def get(self, spec: IndexSpec, term: Any) -> set[Item]:
        """Returns the items with this term; the set is the index's own and not to be changed."""
        found = self._by_spec[spec].get(term)
        if found is None:
            return _NOTHING
        return found if isinstance(found, set) else {found}


_NOTHING: set[Any] = set()


class IndexingPolicy:
    """Which paths are indexed, and which orders have a composite index."""

    def __init__(self, policy: dict[str, Any]) -> None:
        self._rules: list[tuple[int, bool, tuple[str, ...], bool]] = []
        for name, included in (("includedPaths", True), ("excludedPaths", False)):
            for entry in policy.get(name) or ():
                # A bare slash is how older clients wrote "everything".
                *segments, last = split_path("/*" if entry["path"] == "/" else entry["path"])
                self._rules.append(
                    (2 * len(segments) + (last == "?"), included, tuple(segments), last == "*")
                )
        # The more precise rule wins; at equal precision exclusion does not undo an inclusion.
        self._rules.sort(key=lambda rule: (rule[0], rule[1]), reverse=True)
        self._none = policy.get("indexingMode") == "none"
        self.composites = [
            [(split_path(part["path"]), part.get("order", "ascending") == "descending") for part in composite]
            for composite in policy.get("compositeIndexes") or ()
        ]

    def covers(self, path: tuple[str, ...]) -> bool:
        """Returns whether the value at a path is indexed; array elements are the name `[]`."""
        if self._none:
            return False
        for _, included, segments, below in self._rules:
            if path == segments or (below and path[: len(segments)] == segments):
                return included
        return path in (("id",), ("_ts",))

    def excluded_names(self) -> frozenset[str]:
        """Returns the top-level properties that are excluded as a whole."""
        return frozenset(
            segments[0] for _, included, segments, _ in self._rules if not included and len(segments) == 1
        )

    def serves(self, order: list[tuple[tuple[str, ...], bool]]) -> bool:
        """Returns whether an ORDER BY on several paths has its composite index, as it is or reversed."""
        flipped = [(path, not descending) for path, descending in order]
        return order in self.composites or flipped in self.composites
