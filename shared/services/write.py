"""Write one version of one resource, fenced against every other writer of the same id.

The item `<Type>.<id>` at the id's own address is the fence: it is the resource itself, or a pointer to the home where the
resource lives. A move to another home is decided by replacing the pointer (which then holds the new version as
`pending` and the old home as `from`); whoever meets a pending pointer finishes it: the old home is closed with a
`moved` marker, the new version is put at its home, the pointer is settled. The old home is closed only while it still
holds what the decision was made on (`from_etag`); else the move is given up and decided again. `epoch` counts the moves
in everything they touch, so that a slow finisher cannot put an old version over what a later move left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item, Kind, as_history, current_id, succeeding
from shared.domain.versioning import Decision, decide
from shared.errors import AlreadyExists, Busy, PreconditionFailed, Unavailable
from shared.ports.records import BatchRefused, Compare, Create, Query, Records, Replace, Write

ATTEMPTS: Final = 100
"""Rounds of one write against others of the same id before it answers Busy."""
LOST_ANSWERS: Final = 5
"""Writes whose answer did not come, after which Unavailable is passed on."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where an id stands: its fence item, and the resource's current item, which may be the same one.

    `there_etag` is that of whatever stands where the fence points, empty where nothing does.
    """

    key: ResourceKey
    fence: Item | None
    current: Item | None
    there_etag: str = ""

    @property
    def holder(self) -> Item | None:
        """The item that a claim is written on."""
        return self.current or self.fence

    @property
    def has_moved(self) -> bool:
        """Whether earlier versions may stand at other homes."""
        return (self.fence or {}).get("kind") == Kind.POINTER or "epoch" in (self.current or {})


_MOVE: Final = ("moving", "pending", "from", "from_etag", "_etag")
"""What a pointer holds only while a move is under way."""
Build = Callable[[Item | None], Item]
"""From the current item (None where there is none) the item to write; raises what forbids the write."""


class ResourceWriter:
    """Reads and writes current versions. `settle_claim` resolves the claim of another transaction on an item."""

    def __init__(self, records: Records, settle_claim: Callable[[str, str], None] | None = None) -> None:
        self._records = records
        self._settle_claim = settle_claim

    def locate(self, tenant: str, key: ResourceKey) -> Located:
        """One point read where the resource lives at its address, two where it lives elsewhere."""
        for _ in range(ATTEMPTS):
            fence = self._records.read(tenant, key.address, current_id(key))
            if fence is None or fence["kind"] == Kind.CURRENT:
                return Located(key, fence, fence)
            if fence["kind"] == Kind.MOVED:
                return Located(key, fence, None)
            if "pending" in fence:
                self._finish_move(fence)
                continue
            there = self._records.read(tenant, fence["target"], current_id(key))
            current = there if there and there["kind"] == Kind.CURRENT else None
            return Located(key, fence, current, there["_etag"] if there else "")
        raise Busy()

    def write(self, tenant: str, key: ResourceKey, build: Build, *, claim: str = "") -> tuple[Decision, Item]:
        """Bring a version in; the decision, and the item that is current after it.

        `build` runs against the current item in every round, so what it checks holds at the moment of the write. Items
        claimed by another transaction than `claim` are settled first. An answer that was lost is read back. Raises
        what `build` raises, Busy, and Unavailable.
        """
        lost = 0
        tried: tuple[Decision, Item] | None = None
        for _ in range(ATTEMPTS):
            located = self.locate(tenant, key)
            if tried is not None and self._in_history(tried[1]):
                # It was applied, its answer lost or its move finished by another, and somebody has written over it since.
                return tried
            if self._settled(located, claim):
                continue
            incoming = build(located.current)
            decision = decide(located.current, incoming)
            if decision in (Decision.UNCHANGED, Decision.CONFLICT):
                assert located.current is not None
                return decision, located.current
            try:
                return decision, self._apply(located, incoming, decision)
            except (AlreadyExists, PreconditionFailed, BatchRefused):
                pass
            except Unavailable:
                lost += 1
                if lost == LOST_ANSWERS:
                    raise
            tried = (decision, incoming) if decision is not Decision.HISTORY else None
        raise Busy()

    def _in_history(self, item: Item) -> bool:
        return self._records.read(item["tenant"], item["home"], as_history(item)["id"]) is not None

    def _settled(self, located: Located, claim: str) -> bool:
        """Whether another transaction's claim was in the way, has been resolved, and the item has changed by it."""
        holder = located.holder
        held = holder.get("claim", "") if holder else ""
        if not holder or not held or held == claim or self._settle_claim is None:
            return False
        self._settle_claim(holder["tenant"], held)
        now = self.locate(holder["tenant"], located.key)
        return bool((now.current or now.fence or {}).get("_etag") != holder["_etag"])

    def _apply(self, located: Located, incoming: Item, decision: Decision) -> Item:
        current, fence = located.current, located.fence
        if decision is Decision.HISTORY:
            assert current is not None
            return self._enter_history(current, incoming)
        if fence is None:
            return self._create(incoming, located.key.address)
        if current is None:
            return self._fill(located, incoming)
        if current["home"] == incoming["home"]:
            return self._supersede(current, incoming)
        return self._move(located, incoming)

    def _enter_history(self, current: Item, incoming: Item) -> Item:
        late = {**as_history(incoming), "home": current["home"]}
        try:
            self._records.create(late)
        except AlreadyExists:
            pass
        return current

    def _create(self, incoming: Item, address: str) -> Item:
        if incoming["home"] == address:
            self._records.create(incoming)
            return incoming
        self._records.create(_pointer(incoming, address, epoch=1))
        return self._place(incoming, epoch=1)

    def _fill(self, located: Located, incoming: Item) -> Item:
        """Nothing is current: the fence is a marker, or points to a home where nothing was put."""
        fence = located.fence
        assert fence is not None
        if fence["kind"] == Kind.MOVED:
            if incoming["home"] == fence["home"]:
                self._records.replace(incoming, fence["_etag"])
                return incoming
            epoch = int(fence["epoch"]) + 1
            self._records.replace(_pointer(incoming, fence["home"], epoch=epoch), fence["_etag"])
            return self._place(incoming, epoch)
        if fence["target"] == incoming["home"]:
            return self._place(incoming, int(fence["epoch"]))
        return self._repoint(located, incoming)

    def _place(self, incoming: Item, epoch: int) -> Item:
        """Put a version at a home other than its address: absent, or over a marker of an earlier move."""
        placed = {**incoming, "epoch": epoch}
        try:
            self._records.create(placed)
        except AlreadyExists:
            there = self._records.read(incoming["tenant"], incoming["home"], incoming["id"])
            if there is None or there["kind"] != Kind.MOVED or int(there["epoch"]) >= epoch:
                raise
            self._records.replace(placed, there["_etag"])
        return placed

    def _supersede(self, current: Item, incoming: Item) -> Item:
        after = succeeding(current, incoming)
        writes: list[Write] = [Create(as_history(current)), Replace(after, current["_etag"])]
        self._records.commit(incoming["tenant"], incoming["home"], writes)
        return after

    def _move(self, located: Located, incoming: Item) -> Item:
        current, fence = located.current, located.fence
        assert current is not None
        assert fence is not None
        if fence["kind"] == Kind.POINTER:
            return self._repoint(located, incoming)
        epoch = int(current.get("epoch", 0)) + 1
        pointer = _pending(_pointer(incoming, fence["home"], epoch=epoch), incoming)
        writes: list[Write] = [Create(as_history(current)), Replace(pointer, current["_etag"])]
        etag = self._records.commit(incoming["tenant"], fence["home"], writes)[1]
        self._finish_move({**pointer, "_etag": etag})
        return incoming

    def _repoint(self, located: Located, incoming: Item) -> Item:
        fence = located.fence
        assert fence is not None
        pointer = _pending(_pointer(incoming, fence["home"], epoch=int(fence["epoch"]) + 1), incoming)
        pointer |= {"from": fence["target"], "from_etag": located.there_etag}
        etag = self._records.replace(pointer, fence["_etag"])
        if not self._finish_move({**pointer, "_etag": etag}):
            raise PreconditionFailed("What was to be moved has changed.")
        return incoming

    def finish_moves(self) -> int:
        """Complete the moves that a crash left half way; how many there were. Raises Busy and Unavailable."""
        pointers = list(moves_under_way(self._records))
        for pointer in pointers:
            self._finish_move(pointer)
        return len(pointers)

    def _finish_move(self, pointer: Item) -> bool:
        """Complete a decided move; doing it twice, or beside another, changes nothing. False where it cannot hold."""
        pending, epoch = {**pointer["pending"]}, int(pointer["epoch"])
        settled = {k: v for k, v in pointer.items() if k not in _MOVE}
        try:
            if pointer.get("from") and not self._close(pointer, epoch):
                given_up = {k: v for k, v in settled.items() if k not in ("version", "sv")}
                self._records.replace({**given_up, "target": pointer["from"]}, pointer["_etag"])
                return False
            if pending["home"] == pointer["home"]:
                self._records.replace(pending, pointer["_etag"])
                return True
            try:
                self._place(pending, epoch)
            except AlreadyExists:
                pass  # another finisher was first
            self._records.replace(settled, pointer["_etag"])
        except PreconditionFailed:
            return "from" not in pointer or self._closed_by(pointer, epoch)  # another finisher was first
        return True

    def _closed_by(self, pointer: Item, epoch: int) -> bool:
        there = self._records.read(pointer["tenant"], pointer["from"], pointer["id"])
        return there is not None and int(there.get("epoch", 0)) == epoch

    def _close(self, pointer: Item, epoch: int) -> bool:
        """Leave a marker at the old home, its last version kept in history; False where another write came between."""
        tenant, home = pointer["tenant"], pointer["from"]
        marker = {
            "id": pointer["id"],
            "tenant": tenant,
            "home": home,
            "kind": Kind.MOVED.value,
            "epoch": epoch,
        }
        marker |= {"version": pointer["version"], "sv": pointer["sv"]}
        for _ in range(ATTEMPTS):
            there = self._records.read(tenant, home, pointer["id"])
            if there is not None and there["kind"] == Kind.MOVED and int(there["epoch"]) == epoch:
                return True
            if (there["_etag"] if there else "") != pointer["from_etag"]:
                return False
            try:
                if there is None:
                    self._records.create(marker)
                elif there["kind"] == Kind.MOVED:
                    self._records.replace(marker, there["_etag"])
                else:
                    writes: list[Write] = [Create(as_history(there)), Replace(marker, there["_etag"])]
                    self._records.commit(tenant, home, writes)
            except (AlreadyExists, PreconditionFailed, BatchRefused):
                continue
            return True
        raise Busy()


def moves_under_way(records: Records) -> Iterator[Item]:
    """The pointers of moves that are decided and not finished, of every tenant."""
    return records.query(Query(Kind.POINTER, None, None, (Compare("moving", "=", True),)))


def _pointer(incoming: Item, address: str, *, epoch: int) -> Item:
    """Says at an id's address where the resource lives, and by which version it came to live there."""
    return {
        "id": incoming["id"],
        "tenant": incoming["tenant"],
        "home": address,
        "kind": Kind.POINTER.value,
        "type": incoming["type"],
        "rid": incoming["rid"],
        "target": incoming["home"],
        "version": incoming["version"],
        "sv": incoming["sv"],
        "epoch": epoch,
    }


def _pending(pointer: Item, incoming: Item) -> Item:
    return {**pointer, "moving": True, "pending": {**incoming, "epoch": pointer["epoch"]}}
