"""Whether what was sent is on record: asked of the public search, by lists of ids and their exact totals."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from local.delivery.api import Api
from shared.domain.fhir.identity import ResourceKey

IDS_A_SEARCH: Final = 190
_MISSES_A_SWEEP: Final = 2


@dataclass(slots=True)
class _Chunk:
    type: str
    ids: list[str] = field(default_factory=list)
    found: int = 0


class Confirmer:
    """Keeps what is not found yet. `since`: only versions recorded from then on count, so that what was there does not.

    Thread-safe: keys are added while others are confirmed.
    """

    def __init__(self, api: Api, since: str = "") -> None:
        self._api = api
        self.since = since
        self._known: set[ResourceKey] = set()
        self._open: dict[str, list[_Chunk]] = defaultdict(list)
        self._done = 0
        self._lock = threading.Lock()

    @property
    def expected(self) -> int:
        """How many different resources were asked for."""
        return len(self._known)

    @property
    def found(self) -> int:
        """How many of them were found so far."""
        with self._lock:
            return self._done + sum(chunk.found for chunks in self._open.values() for chunk in chunks)

    @property
    def complete(self) -> bool:
        """Whether all were found."""
        return self.found >= self.expected

    def add(self, keys: Iterable[ResourceKey]) -> None:
        """Expect these, each once."""
        with self._lock:
            for key in keys:
                if key not in self._known:
                    self._known.add(key)
                    chunks = self._open[key.type]
                    if not chunks or len(chunks[-1].ids) >= IDS_A_SEARCH or chunks[-1].found:
                        chunks.append(_Chunk(key.type))
                    chunks[-1].ids.append(key.id)

    def sweep(self, *, thorough: bool = False) -> int:
        """Ask once about what is open; how many more were found. Not thorough, it stops a type at a few misses."""
        before = self.found
        for type_ in list(self._open):
            misses = 0
            for chunk in list(self._open[type_]):
                if not self._ask(chunk):
                    misses += 1
                    if misses >= _MISSES_A_SWEEP and not thorough:
                        break
        return self.found - before

    def missing(self) -> set[ResourceKey]:
        """Those that are not found: asked one by one where a list is not complete."""
        with self._lock:
            chunks = [chunk for each in self._open.values() for chunk in each]
        return {
            ResourceKey(chunk.type, id_)
            for chunk in chunks
            for id_ in chunk.ids
            if not self._total(chunk.type, [id_])
        }

    def give_up(self, keys: Iterable[ResourceKey]) -> None:
        """Expect these no longer: they are accounted for otherwise."""
        gone = set(keys)
        with self._lock:
            self._known -= gone
            for chunks in self._open.values():
                for chunk in chunks:
                    chunk.ids = [id_ for id_ in chunk.ids if ResourceKey(chunk.type, id_) not in gone]
        self.sweep(thorough=True)

    def _ask(self, chunk: _Chunk) -> bool:
        ids = list(chunk.ids)
        found = self._total(chunk.type, ids) if ids else 0
        with self._lock:
            chunk.found = found
            if found < len(chunk.ids):
                return False
            self._open[chunk.type].remove(chunk)
            self._done += found
            return True

    def _total(self, type_: str, ids: list[str]) -> int:
        criteria = {"_id": ",".join(ids)} | ({"_lastUpdated": f"ge{self.since}"} if self.since else {})
        return self._api.total(type_, **criteria)
