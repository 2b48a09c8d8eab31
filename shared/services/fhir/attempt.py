"""One attempt at a transaction that changes what others may change too: all of it claimed for one intent, then decided.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from shared.domain.access.caller import Caller
from shared.domain.fhir.identity import home_of
from shared.domain.records import Item, StoredResource, key_of, resource_item, stored_resource, tombstone_item
from shared.domain.versioning import same_content
from shared.errors import Busy, Conflict
from shared.services.bodies import Bodies
from shared.services.fhir.entries import Entry, naming
from shared.services.fhir.intents import Intents
from shared.services.fhir.interactions import http_provenance, require_match
from shared.services.write import ATTEMPTS, Located

Answers = dict[int, tuple[int, StoredResource | None]]
"""Entry index → HTTP status and the version it left."""
_TAKEN: Final = "A conditional create of this transaction was answered meanwhile: send it again."


def entry_item(caller: Caller, now: datetime, entry: Entry, current: Item | None) -> Item:
    """The item that an entry writes over `current`. Raises TooLarge with an issue."""
    assert entry.key is not None
    origin = http_provenance(caller, now, current, entry.index)
    if entry.method == "DELETE":
        home = current["home"] if current else entry.key.address
        return tombstone_item(caller.tenant, home, entry.key, origin)
    assert entry.resource is not None
    home = home_of(entry.resource, entry.key)
    with naming(entry, ".resource"):
        return resource_item(caller.tenant, home, entry.resource, entry.key, origin)


class Attempt:
    """Collects claims, items and answers under one intent."""

    def __init__(self, caller: Caller, intent: str, intents: Intents, bodies: Bodies, now: datetime) -> None:
        self.answers: Answers = {}
        self._caller = caller
        self._intent = intent
        self._intents = intents
        self._bodies = bodies
        self._now = now
        self._items: list[Item] = []
        self._claimed: list[Item] = []

    def claim(self, entries: Iterable[Entry]) -> None:
        """Plan every entry, claiming what it changes, in the order of keys so that two transactions meet early.

        Raises Conflict where somebody else was faster, and PreconditionFailed with an issue where an If-Match fails.
        """
        for entry in sorted(entries, key=lambda entry: str(entry.key)):
            if entry.method == "POST" and entry.if_none_exist is None:
                item = entry_item(self._caller, self._now, entry, None)
                self._items.append(item)
                self.answers[entry.index] = (201, stored_resource(item))
            else:
                self._claim_one(entry)

    def decide(self) -> None:
        """Store the intent, then write everything, or leave it to the sweeper: from then on it has happened.

        Raises Conflict where the intent was aborted: then nothing is written and the claims may be withdrawn.
        """
        if self._items or self._claimed:
            planned = [*self._items, *({**item, "claimed": True} for item in self._claimed)]
            self._intents.finish(self._intents.store(self._caller.tenant, self._intent, planned))

    def withdraw(self) -> None:
        """Take the claims back; only before the decision."""
        self._intents.unclaim(self._caller.tenant, [key_of(item) for item in self._claimed], self._intent)

    def _claim_one(self, entry: Entry) -> None:
        located = self._unclaimed(entry)
        current = located.current
        with naming(entry, ".request.ifNoneMatch" if entry.create_only else ".request.ifMatch"):
            require_match(current, entry.if_match, create_only=entry.create_only)
        existed = current is not None and not current["deleted"]
        if entry.method == "POST" and existed:
            raise Conflict(_TAKEN)
        if entry.method == "DELETE" and not existed:
            self.answers[entry.index] = (204, None)
            return
        item = entry_item(self._caller, self._now, entry, current)
        if current is not None and same_content(current, item):
            self.answers[entry.index] = (200, self._bodies.stored(current))
            return
        self._claimed.append(item)
        self._intents.claim(self._caller.tenant, located, self._intent)
        status = 204 if entry.method == "DELETE" else 200 if existed else 201
        self.answers[entry.index] = (status, stored_resource(item))

    def _unclaimed(self, entry: Entry) -> Located:
        """The resource as it is once no transaction that may still be decided holds it."""
        assert entry.key is not None
        void = ""
        for _ in range(ATTEMPTS):
            located = self._intents.writer.locate(self._caller.tenant, entry.key)
            held = (located.holder or {}).get("claim", "")
            if not held or held == void:
                return located
            self._intents.settle(self._caller.tenant, held)
            void = held
        raise Busy
