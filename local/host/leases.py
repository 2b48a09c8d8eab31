"""Who works on which part of a stream: ownership records that several hosts share, and the balancing between them.

The rules are those of `PartitionLoadBalancer` (azure-sdk-for-net, greedy strategy) and of the change feed processor's
`EqualPartitionsBalancingStrategy`: each host aims at an equal share, takes what nobody owns, then takes from the host
that has most. Intervals are shorter than in the cloud, so that a dead host's part moves within ten seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger("host")

RENEW_INTERVAL_S = 2.0
EXPIRY_S = 7.0


@dataclass(frozen=True, slots=True)
class Ownership:
    """One part's record: its owner ("" for nobody), the version to claim it by, its age when it was listed."""

    part: str
    owner: str
    version: str
    age_s: float

    def active(self) -> bool:
        return bool(self.owner) and self.age_s < EXPIRY_S


class OwnershipStore(Protocol):
    """The shared records. All calls may raise the store's own errors; the balancer tries again next time."""

    def parts(self) -> Collection[str]:
        """Every part that exists (partitions of a hub, feed ranges of a container)."""
        ...

    def list(self) -> Mapping[str, Ownership]:
        """The records there are, by part."""
        ...

    def claim(self, part: str, known: Ownership | None) -> bool:
        """Become or stay the owner; False if someone changed the record since `known` was read."""
        ...

    def release(self, part: str) -> None:
        """Give a part up at once; does nothing if it is no longer ours."""
        ...


def parts_to_claim(parts: Collection[str], records: Mapping[str, Ownership], me: str) -> list[str]:
    """The parts that this host should claim now, without those it already owns actively."""
    active = {part: record for part, record in records.items() if part in parts and record.active()}
    counts: dict[str, int] = {me: 0}
    for record in active.values():
        counts[record.owner] = counts.get(record.owner, 0) + 1
    free = [part for part in sorted(parts) if part not in active]
    mine, owners = counts[me], len(counts)
    share, rest = divmod(len(parts), owners)
    most = share + (1 if rest else 0)
    claimed = free if owners == 1 else free[: max(0, most - mine)]
    needed = share - mine - len(claimed)
    while needed > 0:
        donor = max((owner for owner in counts if owner != me), key=lambda owner: (counts[owner], owner))
        if counts[donor] <= share:
            break
        claimed.append(next(p for p in sorted(active) if active[p].owner == donor and p not in claimed))
        counts[donor] -= 1
        needed -= 1
    return claimed


class Balancer:
    """A thread that keeps this host's share of the parts, and starts and stops the work on them."""

    def __init__(
        self,
        name: str,
        me: str,
        store: OwnershipStore,
        start: Callable[[str], None],
        stop: Callable[[str], None],
    ) -> None:
        self._name = name
        self._me = me
        self._store = store
        self._start_part = start
        self._stop_part = stop
        self._owned: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"balance-{name}", daemon=True)
        self._renewed_at = time.monotonic()

    @property
    def started(self) -> bool:
        return self._thread.ident is not None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End balancing; the owner of this object then stops the parts and calls `release_all`."""
        self._stopping.set()
        self._thread.join()

    def release_all(self) -> None:
        """Let other hosts take over without waiting for the expiry."""
        for part in sorted(self._owned):
            try:
                self._store.release(part)
            except Exception as error:  # noqa: BLE001 - expiry does the same a little later
                log.warning("%s: a lease was not released (%s)", self._name, type(error).__name__)
        self._owned.clear()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._balance()
                self._renewed_at = time.monotonic()
                failures = 0
            except Exception as error:  # noqa: BLE001 - whatever the store does, the next round may succeed
                failures += 1
                if failures in (1, 10) or failures % 100 == 0:
                    log.warning(
                        "%s: leases are not reachable (%s), trying again", self._name, type(error).__name__
                    )
                self._drop_what_expired()
            self._stopping.wait(min(RENEW_INTERVAL_S, 0.25 * 2**failures) if failures else RENEW_INTERVAL_S)

    def _balance(self) -> None:
        parts = self._store.parts()
        records = self._store.list()
        self._renew(records)
        for part in parts_to_claim(parts, records, self._me):
            if self._stopping.is_set():
                return
            if part not in self._owned and self._store.claim(part, records.get(part)):
                self._take(part)

    def _renew(self, records: Mapping[str, Ownership]) -> None:
        """Keep what is ours; what carries our name from before a restart is ours too."""
        for part, record in records.items():
            if record.owner != self._me:
                if part in self._owned:
                    self._lose(part)
            elif self._store.claim(part, record):
                if part not in self._owned:
                    self._take(part)
            elif part in self._owned:
                self._lose(part)

    def _drop_what_expired(self) -> None:
        """Without a renewal others may own our parts by now: working on would only double theirs."""
        if self._owned and time.monotonic() - self._renewed_at > EXPIRY_S:
            for part in sorted(self._owned):
                self._lose(part)

    def _take(self, part: str) -> None:
        self._owned.add(part)
        self._start_part(part)

    def _lose(self, part: str) -> None:
        self._owned.discard(part)
        self._stop_part(part)
