"""Recorded intents: a transaction too large for one batch is decided by one write and then applied forward.

Before the decision, the items that the transaction changes are claimed for it. A claim names its intent: whoever meets a
claim whose intent is not stored creates that intent as `aborted`, and an owner whose intent cannot be created gives
up. After the decision nothing is undone: whoever meets a claim of a stored intent applies it, and a sweeper completes
what a crash or a busy store left. There is no isolation: neither before the answer nor until all of it is applied.

What is decided was weighed before, so that no store refuses it. Where applying fails for another reason than a busy or
unreachable store, which would be a defect of ours, the intent is set aside as a dead letter and holds nobody up: its
claims mean nothing until a replay takes it up again.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

import simplejson

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import HOME_LENGTH, ResourceKey
from shared.domain.records import Door, Item, Kind, current_id, key_of
from shared.domain.versioning import Decision
from shared.errors import (
    AlreadyExists,
    Busy,
    Conflict,
    Disposal,
    Fault,
    PreconditionFailed,
    Unavailable,
    consequence_of,
)
from shared.ports.clock import Clock
from shared.ports.records import Compare, Query, Records
from shared.services.bodies import Bodies
from shared.services.dead_letters import Letters
from shared.services.isolate import FAILED, pointer_to
from shared.services.replicate import Incoming, Replicate
from shared.services.write import Located, ResourceWriter
from shared.telemetry import note

STORED: Final = "stored"
ABORTED: Final = "aborted"
DONE: Final = "done"
ASIDE: Final = "aside"
STAGE: Final = "transaction"
"""Of the dead letter of an intent that is set aside."""
SETTLED_TTL_S: Final = 7 * 24 * 3600
STORE_TRIES: Final = 8
APPLY_PATIENCE_S: Final = 5.0
"""How long an answer waits for a store that is busy once the transaction is decided."""
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_log = logging.getLogger("galen.intents")


def _address(intent: str) -> str:
    return hashlib.sha256(intent.encode()).hexdigest()[:HOME_LENGTH]


class Intents:
    """The intents of one store."""

    def __init__(self, records: Records, bodies: Bodies, clock: Clock, letters: Letters) -> None:
        self._records = records
        self._bodies = bodies
        self._clock = clock
        self._letters = letters
        self.writer = ResourceWriter(records, self.settle)
        self._replicate = Replicate(records, self.writer, bodies)

    def claim(self, tenant: str, located: Located, intent: str) -> None:
        """Mark an item (or the absence of one) as being changed by an intent. Raises Conflict when it moved on."""
        holder = located.holder
        if holder is None:
            self._records.create({**_nothing(tenant, located.key), "claim": intent})
        else:
            self._records.replace({**holder, "claim": intent}, holder["_etag"])

    def unclaim(self, tenant: str, keys: Iterable[ResourceKey], intent: str) -> None:
        """Take our claims back, as far as they still are ours; one that stays is void: its intent is never stored."""
        for key in keys:
            try:
                holder = self.writer.locate(tenant, key).holder
                if holder is not None and holder.get("claim") == intent:
                    self._records.replace({k: v for k, v in holder.items() if k != "claim"}, holder["_etag"])
            except (PreconditionFailed, Busy, Unavailable):
                continue

    def store(self, tenant: str, intent: str, items: list[Item]) -> Item:
        """The decision: from here on all of the items will be written; the stored intent.

        Once an answer was lost it is looked up, or kept from ever being stored. Raises Conflict when it is aborted, and Busy
        or Unavailable when the store says neither.
        """
        text = simplejson.dumps(items, separators=(",", ":")).encode()
        packed = base64.b64encode(zlib.compress(text, 1)).decode()
        stamped = sorted(item["lastUpdated"] for item in items)
        head = {**self._head(tenant, intent, STORED), "span": [stamped[0], stamped[-1]]}
        stored = self._bodies.offloaded({**head, "z": packed})
        aborted = {**self._head(tenant, intent, ABORTED), "ttl": SETTLED_TTL_S}
        lost: Busy | Unavailable = Unavailable()
        for number in range(STORE_TRIES):
            if number:
                self._clock.sleep(_pause(number))
            try:
                return self._decide(stored if number < STORE_TRIES // 2 else aborted)
            except (Busy, Unavailable) as failure:
                lost = failure
        raise lost

    def _decide(self, item: Item) -> Item:
        try:
            etag = self._records.create(item)
        except AlreadyExists:
            there = self.find(item["tenant"], item["intent"])
            if there is not None and there["status"] != ABORTED:
                return there
        else:
            if item["status"] == STORED:
                return {**item, "_etag": etag}
        raise Conflict("Another request changed what this transaction needs: send it again.")

    def _head(self, tenant: str, intent: str, status: str) -> Item:
        at = instant_text(self._clock.now())
        head = {
            "id": f"intent.{intent}",
            "tenant": tenant,
            "home": _address(intent),
            "kind": Kind.INTENT.value,
        }
        return {**head, "status": status, "at": at, "intent": intent}

    def settle(self, tenant: str, intent: str) -> None:
        """What meeting a claim demands: abort an intent that is not stored, apply one that is."""
        there = self._records.read(tenant, _address(intent), f"intent.{intent}")
        if there is None:
            try:
                self._records.create({**self._head(tenant, intent, ABORTED), "ttl": SETTLED_TTL_S})
            except AlreadyExists:
                there = self._records.read(tenant, _address(intent), f"intent.{intent}")
        if there is not None and there["status"] == STORED:
            self.apply(there)

    def apply(self, intent: Item) -> bool:
        """Write every item of a stored intent, then mark it done; doing it again changes nothing.

        False where it had to be set aside. Raises Busy and Unavailable.
        """
        if intent["status"] == STORED:
            try:
                self._write(intent)
            except Exception as failure:
                if consequence_of(failure).disposal is Disposal.RETRY:
                    raise
                self._set_aside(intent, failure)
                return False
        return bool(intent["status"] != ASIDE)

    def again(self, intents: Iterable[Item]) -> int:
        """Take up intents that were set aside; how many are applied. Raises Fault where one cannot be, Busy, Unavailable."""
        number = 0
        for intent in intents:
            taken = {**intent, "status": STORED} if intent["status"] == ASIDE else intent
            if taken is not intent:
                taken["_etag"] = self._records.replace(taken, intent["_etag"])
            if not self.apply(taken):
                raise Fault
            number += 1
        return number

    def _set_aside(self, intent: Item, failure: Exception) -> None:
        note(_log, logging.ERROR, "transaction set aside", stage=STAGE, error=type(failure).__name__)
        pointer = pointer_to(intent["home"], intent["id"], STAGE)
        self._letters.put(intent["tenant"], Door.HTTP.value, STAGE, pointer, (FAILED,))
        self._mark({**intent, "status": ASIDE})

    def _mark(self, intent: Item) -> None:
        try:
            self._records.replace(intent, intent["_etag"])
        except PreconditionFailed:
            pass  # another finisher was first

    def _write(self, intent: Item) -> None:
        items: list[Item] = simplejson.loads(self._bodies.text(intent))
        fresh = [item for item in items if not item.get("claimed")]
        self._replicate.apply(Incoming(item, None) for item in fresh)
        for item in items:
            if item.get("claimed"):
                plain = {k: v for k, v in item.items() if k != "claimed"}
                self._change(self._bodies.offloaded(plain), intent["intent"])
        done = {k: v for k, v in intent.items() if k not in ("z", "blob")}
        self._mark({**done, "status": DONE, "ttl": SETTLED_TTL_S})

    def finish(self, intent: Item) -> None:
        """Apply a decided intent. A store that stays busy beyond `APPLY_PATIENCE_S` is no failure: the sweeper goes on.

        Raises Fault where it had to be set aside.
        """
        until = self._clock.now() + timedelta(seconds=APPLY_PATIENCE_S)
        number = 0
        while True:
            try:
                if not self.apply(intent):
                    raise Fault
            except (Busy, Unavailable):
                if self._clock.now() >= until:
                    return
            else:
                return
            self._clock.sleep(_pause(number))
            number += 1

    def _change(self, item: Item, intent: str) -> Decision:
        """Only while our claim stands: once it is gone the change was applied, and may have been superseded since."""

        def build(current: Item | None) -> Item:
            if current is not None and current.get("claim") != intent:
                return current
            return item

        return self.writer.write(item["tenant"], key_of(item), build, claim=intent)[0]

    def unfinished(self, before: str) -> Iterable[Item]:
        """Stored intents older than an instant, of every tenant."""
        return intents_in(self._records, STORED, Compare("at", "<", before))

    def find(self, tenant: str, intent: str) -> Item | None:
        """The intent's item."""
        return self._records.read(tenant, _address(intent), f"intent.{intent}")


def intents_in(records: Records, status: str, *where: Compare) -> Iterator[Item]:
    """Intents in a state, of every tenant, the oldest first; `STORED` and `ASIDE` are decided and not yet applied."""
    is_in = Compare("status", "=", status)
    return records.query(Query(Kind.INTENT, None, None, (is_in, *where), order_by="at"))


def span_of(intent: Item) -> tuple[str, str]:
    """The first and the last `lastUpdated` of what an intent writes."""
    # One that an earlier release stored does not say it.
    low, high = intent.get("span") or (intent["at"], intent["at"])
    return low, high


def _pause(number: int) -> float:
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**number)


def _nothing(tenant: str, key: ResourceKey) -> Item:
    """Stands at the address of an id that is to be created: nothing is there, and somebody is about to change that."""
    head = {
        "id": current_id(key),
        "tenant": tenant,
        "home": key.address,
        "kind": Kind.MOVED.value,
        "epoch": 0,
    }
    return {**head, "type": key.type, "rid": key.id}
