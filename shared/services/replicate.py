"""Bring replicas into the records: many at a time, one batch per home, each decided by its source version."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from shared.domain.ingest.naming import Replica
from shared.domain.records import (
    Door,
    Item,
    Kind,
    Provenance,
    as_history,
    key_of,
    resource_item,
    succeeding,
    tombstone_item,
    weight_of,
)
from shared.domain.versioning import Decision, decide
from shared.errors import Busy, Unavailable
from shared.ports.records import (
    MAX_BATCH_BYTES,
    MAX_BATCH_WRITES,
    BatchRefused,
    Create,
    Delete,
    Records,
    Replace,
    Write,
)
from shared.services.bodies import Bodies
from shared.services.write import LOST_ANSWERS, ResourceWriter

ROUNDS: Final = 40
PARALLEL_HOMES: Final = 4
"""More threads than this fight over the interpreter lock instead of waiting for the store."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A replica made ready to be written, with what the caller wants to know it by afterwards."""

    item: Item
    tag: object


def replica_item(tenant: str, replica: Replica, door: Door, trace: str = "") -> Item:
    """The current item of a replica."""
    origin = Provenance(door, replica.source_version, replica.recorded_at, trace=trace)
    if replica.resource is None:
        return tombstone_item(tenant, replica.home, replica.key, origin)
    return resource_item(tenant, replica.home, replica.resource, replica.key, origin)


class Replicate:
    """Writes replicas; homes are worked on side by side, the versions of one home in order."""

    def __init__(self, records: Records, writer: ResourceWriter, bodies: Bodies) -> None:
        self._records = records
        self._writer = writer
        self._bodies = bodies
        self._pool = ThreadPoolExecutor(PARALLEL_HOMES, thread_name_prefix="replicate")

    def apply(
        self, incoming: Iterable[Incoming], on_conflict: Callable[[object], None] = lambda _: None
    ) -> Counter[Decision]:
        """Write all; how many came to each decision. `on_conflict` hears of forked versions. Raises Busy, Unavailable."""
        homes: dict[tuple[str, str], list[Incoming]] = defaultdict(list)
        for each in incoming:
            homes[each.item["tenant"], each.item["home"]].append(
                Incoming(self._bodies.offloaded(each.item), each.tag)
            )
        if len(homes) == 1:
            results = [self._home(each, on_conflict) for each in homes.values()]
        else:
            results = list(self._pool.map(lambda each: self._home(each, on_conflict), homes.values()))
        return sum(results, Counter())

    def _home(self, incoming: list[Incoming], on_conflict: Callable[[object], None]) -> Counter[Decision]:
        tally: Counter[Decision] = Counter()
        for chunk in _chunks(incoming):
            steps = self._chunk(chunk)
            for step in steps:
                decision = step.decision or self._alone(step.incoming.item)
                tally[decision] += 1
                if decision is Decision.CONFLICT:
                    on_conflict(step.incoming.tag)
        return tally

    def _chunk(self, chunk: list[Incoming]) -> list[_Step]:
        """Optimistic: nearly always all are new. Where one is not, read what there is and decide again.

        A slice written before another was refused is found unchanged in the next round: its first decision stands.
        """
        tenant, home = chunk[0].item["tenant"], chunk[0].item["home"]
        known: dict[str, Item] = {}
        done: dict[str, _Step] = {}
        for round_ in range(ROUNDS):
            steps = [_step(each, home, known) for each in chunk]
            try:
                for part in _slices(steps):
                    self._records.commit(tenant, home, [write for step in part for write in step.writes])
                    done.update((step.incoming.item["id"], step) for step in part)
            except (BatchRefused, Unavailable) as refused:
                if isinstance(refused, Unavailable) and round_ >= LOST_ANSWERS:
                    raise
                known = self._known(tenant, home, chunk)
                continue
            return [done.get(step.incoming.item["id"], step) for step in steps]
        raise Busy()

    def _known(self, tenant: str, home: str, chunk: list[Incoming]) -> dict[str, Item]:
        ids = [each.item["id"] for each in chunk]
        versions = [as_history(each.item)["id"] for each in chunk]
        return self._records.read_many(tenant, home, [*ids, *versions])

    def _alone(self, item: Item) -> Decision:
        """An id that lives elsewhere, has moved, or is claimed by a transaction."""
        return self._writer.write(item["tenant"], key_of(item), lambda _: item)[0]


@dataclass(frozen=True, slots=True)
class _Step:
    """What one replica needs in its home's batch; no decision where it must be written alone."""

    incoming: Incoming
    decision: Decision | None
    writes: tuple[Write, ...] = ()


def _step(incoming: Incoming, home: str, known: dict[str, Item]) -> _Step:
    item = incoming.item
    current = known.get(item["id"])
    if key_of(item).address != home or (current and (current["kind"] != Kind.CURRENT or "claim" in current)):
        return _Step(incoming, None)
    decision = decide(current, item)
    late = as_history(item)
    if decision is Decision.CREATE:
        return _Step(incoming, decision, (Create(item),))
    if decision is Decision.REPLACE:
        assert current is not None
        return _Step(
            incoming,
            decision,
            (Create(as_history(current)), Replace(succeeding(current, item), current["_etag"])),
        )
    if decision is Decision.HISTORY:
        return (
            _Step(incoming, decision, (Create(late),))
            if late["id"] not in known
            else _Step(incoming, Decision.UNCHANGED)
        )
    return _Step(incoming, decision)


def _chunks(incoming: Sequence[Incoming]) -> Iterable[list[Incoming]]:
    """Pieces that fit a batch when all are new, each id at most once in a piece, in order."""
    chunk: list[Incoming] = []
    ids: set[str] = set()
    weight = 0
    for each in incoming:
        more = weight_of(each.item)
        heavy = weight + more > MAX_BATCH_BYTES
        if chunk and (len(chunk) == MAX_BATCH_WRITES or heavy or each.item["id"] in ids):
            yield chunk
            chunk, ids, weight = [], set(), 0
        chunk.append(each)
        ids.add(each.item["id"])
        weight += more
    if chunk:
        yield chunk


def _slices(steps: Sequence[_Step]) -> Iterable[list[_Step]]:
    """Steps whose writes fit one batch together."""
    part: list[_Step] = []
    writes = weight = 0
    for step in steps:
        if not step.writes:
            continue
        heavy = sum(weight_of(w.item) for w in step.writes if not isinstance(w, Delete))
        if part and (writes + len(step.writes) > MAX_BATCH_WRITES or weight + heavy > MAX_BATCH_BYTES):
            yield part
            part, writes, weight = [], 0, 0
        part.append(step)
        writes += len(step.writes)
        weight += heavy
    if part:
        yield part
