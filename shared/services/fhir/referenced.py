"""What the conditional references of a transaction mean once it is written: what is on record, and its own entries.

https://hl7.org/fhir/R4/http.html#trules. Entries are indexed once, as the store indexes what it holds, and what no index
answers is compared within a bound: a request of some kilobytes must not cost minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import error
from shared.domain.fhir.search_index import search_index
from shared.domain.records import Item, key_of
from shared.errors import TooLarge
from shared.ports.matching import holds
from shared.ports.records import AllOf, AnyOf, Compare, Has, In, Predicate
from shared.services.fhir.conditional import ConditionalCreate, several_match
from shared.services.fhir.entries import Entry
from shared.services.fhir.plan import Authorise
from shared.services.fhir.search import Search

MAX_ALTERNATIVES: Final = 2_000
"""Of all conditional references of a transaction together: each is looked up in the store."""
MAX_COMPARED: Final = 200_000
"""Dates of entries compared with dates of conditional references."""


class Referenced:
    """Finds what conditional references mean, for one transaction."""

    def __init__(
        self,
        tenant: str,
        entries: Collection[Entry],
        search: Search,
        conditional: ConditionalCreate,
        authorise: Authorise,
        now: datetime,
    ) -> None:
        self._tenant = tenant
        self._entries = entries
        self._search = search
        self._conditional = conditional
        self._authorise = authorise
        self._now = instant_text(now)
        self._changed = frozenset(
            entry.key for entry in entries if entry.method in ("DELETE", "PUT") and entry.key
        )
        self._written: dict[str, Written] = {}
        self._alternatives = 0

    def find(self, type_: str, criteria: str) -> ResourceKey | None:
        """The one resource that meets criteria. Raises InputError, Forbidden, and PreconditionFailed where several do."""
        self._authorise(type_, "search")
        condition = self._search.condition(type_, criteria)
        self._alternatives += condition.alternatives
        if self._alternatives > MAX_ALTERNATIVES:
            raise _too_costly(f"at most {MAX_ALTERNATIVES:,} values together")
        if type_ not in self._written:
            self._written[type_] = Written(self._left_of(type_))
        found = self._written[type_].meeting(condition.where)
        stored = self._conditional.match(self._tenant, type_, criteria, self._changed)
        if stored:
            found.add(key_of(stored))
        if len(found) > 1:
            raise several_match()
        return next(iter(found), None)

    def _left_of(self, type_: str) -> Iterable[Item]:
        """What the entries will leave of one type, as far as a search looks at it."""
        for entry in self._entries:
            if entry.type == type_ and entry.resource and entry.key and not entry.matched:
                index = search_index(entry.resource)
                yield {"type": type_, "rid": entry.key.id, "lastUpdated": self._now, "ix": index}


class Written:
    """Resources of one type that are to be written, indexed by their tokens, references and ids."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = list(items)
        self._compared = 0
        self._by: Mapping[str, defaultdict[str, set[int]]] = {
            path: defaultdict(set) for path in ("ix.t", "ix.r", "rid")
        }
        for number, item in enumerate(self._items):
            self._by["rid"][item["rid"]].add(number)
            for path, name in (("ix.t", "t"), ("ix.r", "r")):
                for value in item["ix"][name]:
                    self._by[path][value].add(number)

    def meeting(self, where: Iterable[Predicate]) -> set[ResourceKey]:
        """Those that meet all predicates. Raises TooLarge."""
        found = self._all(where, set(range(len(self._items))))
        return {key_of(self._items[number]) for number in found}

    def _all(self, predicates: Iterable[Predicate], among: set[int]) -> set[int]:
        for predicate in predicates:
            among = self._meeting(predicate, among)
        return among

    def _meeting(self, predicate: Predicate, among: set[int]) -> set[int]:
        match predicate:
            case Has(path, value) if path in self._by:
                return among & self._by[path].get(value, set())
            case Compare("rid", "=", str(value)):
                return among & self._by["rid"].get(value, set())
            case In("rid", values):
                return set().union(*(among & self._by["rid"].get(value, set()) for value in values))
            case AnyOf(predicates):
                return set().union(*(self._meeting(each, among) for each in predicates))
            case AllOf(predicates):
                return self._all(predicates, among)
        self._compared += len(among)
        if self._compared > MAX_COMPARED:
            raise _too_costly("fewer dates in them, or fewer entries of their type")
        return {number for number in among if holds(predicate, self._items[number])}


def _too_costly(bound: str) -> TooLarge:
    text = f"The conditional references of a transaction have {bound}: use references by id or fullUrl."
    return TooLarge(text, issues=[error("too-costly", text)])
