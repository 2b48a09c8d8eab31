"""The transaction and batch interactions.

https://hl7.org/fhir/R4/http.html#transaction. A transaction of new resources that fits one batch of one home commits
in it; any other is recorded as an intent first.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import error
from shared.domain.records import Item, history_id, key_of, stored_resource, weight_of
from shared.errors import Busy, Conflict, GalenError, InputError, Unavailable
from shared.ports.clock import Clock, Randomness
from shared.ports.records import MAX_BATCH_BYTES, MAX_BATCH_WRITES, BatchRefused, Create, Records
from shared.services.bodies import Bodies
from shared.services.fhir.admit import Admission
from shared.services.fhir.attempt import Answers, Attempt, entry_item
from shared.services.fhir.conditional import ConditionalCreate
from shared.services.fhir.entries import Entry, interactions_of, naming, parse_entries
from shared.services.fhir.intents import Intents
from shared.services.fhir.interactions import Interactions
from shared.services.fhir.plan import Authorise, check_entries, check_get
from shared.services.fhir.referenced import Referenced
from shared.services.fhir.resolve import Mint, resolve_references
from shared.services.fhir.search import Search
from shared.services.fhir.single import Answer, Room, SingleEntries, answered, refused, response

ROUNDS: Final = 12
"""Tries of a transaction against others that change the same; each begins with what is on record then."""
_BATCH_TRIES: Final = 4
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.4


class Transactions:
    """Runs bundles."""

    def __init__(  # noqa: PLR0917 - one parameter for each thing it joins
        self,
        records: Records,
        intents: Intents,
        interactions: Interactions,
        conditional: ConditionalCreate,
        admission: Admission,
        bodies: Bodies,
        clock: Clock,
        randomness: Randomness,
        search: Search,
    ) -> None:
        self._records = records
        self._intents = intents
        self._interactions = interactions
        self._conditional = conditional
        self._admission = admission
        self._bodies = bodies
        self._clock = clock
        self._randomness = randomness
        self._search = search
        self._single = SingleEntries(interactions, conditional, search)

    def bundle(self, caller: Caller, bundle: dict[str, Any], authorise: Authorise) -> dict[str, Any]:
        """The response Bundle. Raises InputError for what is no transaction or batch, and what refuses a transaction."""
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in ("transaction", "batch"):
            text = "Only a Bundle of type transaction or batch can be posted here."
            raise InputError(text, issues=[error("value", text, "Bundle.type")])
        if bundle["type"] == "batch":
            return self._batch(caller, bundle, authorise)
        return self._transaction(caller, bundle, authorise)

    def _batch(self, caller: Caller, bundle: dict[str, Any], authorise: Authorise) -> dict[str, Any]:
        room = Room()
        answers = [
            refused(parsed)
            if isinstance(parsed, GalenError)
            else answered(parsed, partial(self._alone, caller, parsed, authorise, room))
            for parsed in parse_entries(bundle)
        ]
        return _bundle("batch-response", answers)

    def _alone(self, caller: Caller, entry: Entry, authorise: Authorise, room: Room) -> Answer:
        for interaction in interactions_of(entry):
            authorise(entry.type, interaction)
        with naming(entry, ".request.url"):
            check_get(entry, partial(self._search.check, caller))
        return self._single.perform(caller, entry, room)

    def _transaction(self, caller: Caller, bundle: dict[str, Any], authorise: Authorise) -> dict[str, Any]:
        check_search = partial(self._search.check, caller)
        admit = partial(self._admission.judge, caller.tenant)
        checked = check_entries(parse_entries(bundle), admit, authorise, check_search)
        for number in range(ROUNDS):
            if number:
                self._clock.sleep(self._pause(number))
            entries = [replace(entry) for entry in checked]
            try:
                written = self._write(caller, entries, authorise)
            except Conflict as lost:
                if lost.issues:
                    raise
                continue
            # It has happened: from here on nothing may answer for the whole as if it had not.
            room = Room()
            answers = [
                answered(entry, partial(self._entry_answer, caller, entry, written, room))
                for entry in entries
            ]
            return _bundle("transaction-response", answers)
        raise Conflict("Another request is changing the same resources: send the transaction again.")

    def _pause(self, number: int) -> float:
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**number)
        return longest * int(self._randomness.hex(4), 16) / 0xFFFF

    def _write(self, caller: Caller, entries: list[Entry], authorise: Authorise) -> Answers:
        """One try. Raises Conflict without an issue where somebody was faster: then nothing is written."""
        self._match_conditional(caller, entries)
        referenced = Referenced(
            caller.tenant, entries, self._search, self._conditional, authorise, self._clock.now()
        )
        resolve_references(entries, referenced.find, self._minter(caller, entries))
        changes = [entry for entry in entries if entry.method != "GET" and not entry.matched]
        return self._commit(caller, changes) if changes else {}

    def _match_conditional(self, caller: Caller, entries: list[Entry]) -> None:
        """Conditional creates that match something take its id and are not written. Deletes come first, says FHIR."""
        deleted = _keys(entries, "DELETE")
        for entry in entries:
            if entry.if_none_exist is not None:
                with naming(entry, ".request.ifNoneExist"):
                    found = self._conditional.match(caller.tenant, entry.type, entry.if_none_exist, deleted)
                if found:
                    entry.key, entry.matched = key_of(found), self._bodies.stored(found)

    def _minter(self, caller: Caller, entries: list[Entry]) -> Mint:
        deleted = _keys(entries, "DELETE")

        def mint(entry: Entry, resource: dict[str, Any]) -> ResourceKey:
            if entry.if_none_exist is None:
                return self._interactions.mint(resource)
            return self._conditional.reserve(caller.tenant, resource, entry.if_none_exist, deleted)

        return mint

    def _commit(self, caller: Caller, changes: list[Entry]) -> Answers:
        if _may_fit_one_batch(changes):
            now = self._clock.now()
            items = [entry_item(caller, now, entry, None) for entry in changes]
            if self._one_batch(items):
                return {
                    entry.index: (201, stored_resource(item))
                    for entry, item in zip(changes, items, strict=True)
                }
        intent = self._randomness.hex(32)
        attempt = Attempt(caller, intent, self._intents, self._bodies, self._clock.now())
        try:
            attempt.claim(changes)
        except GalenError:
            attempt.withdraw()
            raise
        # From here on the claims stand unless it is known that the intent is not stored, and never will be.
        try:
            attempt.decide()
        except Conflict:
            attempt.withdraw()
            raise
        return attempt.answers

    def _one_batch(self, items: list[Item]) -> bool:
        """All in one batch of one home, where they fit: that is atomic by itself."""
        if sum(map(weight_of, items)) > MAX_BATCH_BYTES or any(
            key_of(item).address != item["home"] for item in items
        ):
            return False
        lost: Busy | Unavailable = Unavailable()
        for number in range(_BATCH_TRIES):
            if number:
                self._clock.sleep(self._pause(number))
            try:
                self._commit_or_find(items)
            except (Busy, Unavailable) as failure:
                lost = failure
            else:
                return True
        raise lost

    def _commit_or_find(self, items: list[Item]) -> None:
        first = items[0]
        tenant, home = first["tenant"], first["home"]
        try:
            self._records.commit(tenant, home, [Create(item) for item in items])
        except BatchRefused:
            # An earlier try may have been applied and its answer lost, and the resource changed by others since.
            ids = [first["id"], history_id(key_of(first), first["version"])]
            found = self._records.read_many(tenant, home, ids).values()
            if all(each.get("version") != first["version"] for each in found):
                raise Conflict("A minted id was taken: send the transaction again.") from None

    def _entry_answer(self, caller: Caller, entry: Entry, written: Answers, room: Room) -> Answer:
        if entry.method == "GET":
            return self._single.get(caller, entry, room)
        status, stored = (200, entry.matched) if entry.matched else written[entry.index]
        return {"response": response(status, stored)}


def _bundle(type_: str, answers: list[Answer]) -> dict[str, Any]:
    """A Bundle of answers; FHIR JSON has no empty arrays."""
    return {"resourceType": "Bundle", "type": type_} | ({"entry": answers} if answers else {})


def _keys(entries: list[Entry], *methods: str) -> frozenset[ResourceKey]:
    return frozenset(entry.key for entry in entries if entry.method in methods and entry.key)


def _may_fit_one_batch(changes: list[Entry]) -> bool:
    """New resources of one home only, and not too many of them."""
    new = all(entry.method == "POST" and entry.if_none_exist is None for entry in changes)
    return new and len(changes) <= MAX_BATCH_WRITES and len({e.key.address for e in changes if e.key}) == 1
