"""The transaction and batch interactions.

https://hl7.org/fhir/R4/http.html#transaction. A transaction of new resources that fits one batch of one home commits
in it; any other is recorded as an intent first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import error, operation_outcome
from shared.domain.records import Item, StoredResource, key_of, stored_resource
from shared.errors import Conflict, GalenError, InputError, NotFound, Unavailable, consequence_of
from shared.ports.clock import Clock, Randomness
from shared.ports.records import MAX_BATCH_BYTES, MAX_BATCH_WRITES, BatchRefused, Create, Records
from shared.ports.validator import Validator
from shared.services.bodies import Bodies
from shared.services.fhir.attempt import Answers, Attempt, entry_item
from shared.services.fhir.conditional import ConditionalCreate
from shared.services.fhir.intents import Intents
from shared.services.fhir.interactions import Interactions
from shared.services.fhir.plan import (
    Authorise,
    Entry,
    Mint,
    check_entries,
    interactions_of,
    parse_entries,
    resolve_references,
)

SearchBundle = Callable[[Caller, str, str], dict[str, Any]]
"""(caller, type, query string) → a searchset Bundle, for GET entries."""
REASONS: Final = {200: "OK", 201: "Created", 204: "No Content"}
CLAIM_ROUNDS: Final = 3


class Transactions:
    """Runs bundles."""

    def __init__(  # noqa: PLR0917 - one parameter for each thing it joins
        self,
        records: Records,
        intents: Intents,
        interactions: Interactions,
        conditional: ConditionalCreate,
        validator: Validator,
        bodies: Bodies,
        clock: Clock,
        randomness: Randomness,
        search: SearchBundle,
    ) -> None:
        self._records = records
        self._intents = intents
        self._interactions = interactions
        self._conditional = conditional
        self._validator = validator
        self._bodies = bodies
        self._clock = clock
        self._randomness = randomness
        self._search = search

    def bundle(self, caller: Caller, bundle: dict[str, Any], authorise: Authorise) -> dict[str, Any]:
        """The response Bundle. Raises InputError for what is no transaction or batch, and what refuses a transaction."""
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in ("transaction", "batch"):
            text = "Only a Bundle of type transaction or batch can be posted here."
            raise InputError(text, issues=[error("value", text, "Bundle.type")])
        if bundle["type"] == "batch":
            return self._batch(caller, bundle, authorise)
        return self._transaction(caller, bundle, authorise)

    def _batch(self, caller: Caller, bundle: dict[str, Any], authorise: Authorise) -> dict[str, Any]:
        entries = [self._answer(caller, parsed, authorise) for parsed in parse_entries(bundle)]
        return {"resourceType": "Bundle", "type": "batch-response", "entry": entries}

    def _answer(self, caller: Caller, parsed: Entry | GalenError, authorise: Authorise) -> dict[str, Any]:
        try:
            if isinstance(parsed, GalenError):
                raise parsed
            for interaction in interactions_of(parsed):
                authorise(parsed.type, interaction)
            return self._perform(caller, parsed)
        except GalenError as refused:
            row = consequence_of(refused)
            issues = refused.issues or (error(row.code, refused.text),)
            return {"response": {"status": str(row.status), "outcome": operation_outcome(issues)}}

    def _perform(self, caller: Caller, entry: Entry) -> dict[str, Any]:
        if entry.method == "GET":
            return self._get(caller, entry)
        if entry.method == "DELETE":
            assert entry.key is not None
            gone = self._interactions.delete(caller, entry.key, if_match=entry.if_match)
            return {"response": _response(204, gone)}
        assert entry.resource is not None
        if entry.method == "PUT":
            assert entry.key is not None
            written = self._interactions.update(caller, entry.key, entry.resource, if_match=entry.if_match)
        elif entry.if_none_exist is not None:
            written = self._conditional.create(caller, entry.resource, entry.if_none_exist)
        else:
            written = self._interactions.create(caller, entry.resource)
        return {"response": _response(written.status, written.stored)}

    def _get(self, caller: Caller, entry: Entry) -> dict[str, Any]:
        if entry.key is None:
            return {
                "resource": self._search(caller, entry.type, entry.query),
                "response": {"status": "200 OK"},
            }
        if entry.version:
            stored = self._interactions.vread(caller.tenant, entry.key, entry.version)
        else:
            stored = self._interactions.read(caller.tenant, entry.key)
        return {"resource": stored.resource, "response": _response(200, stored)}

    def _transaction(self, caller: Caller, bundle: dict[str, Any], authorise: Authorise) -> dict[str, Any]:
        entries = check_entries(parse_entries(bundle), self._validator, authorise)
        self._match_conditional(caller, entries)
        resolve_references(entries, self._referenced(caller, authorise), self._minter(caller))
        changes = [entry for entry in entries if entry.method != "GET" and not entry.matched]
        written = self._commit(caller, changes) if changes else {}
        answers = [self._entry_answer(caller, entry, written) for entry in entries]
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def _referenced(self, caller: Caller, authorise: Authorise) -> Callable[[str, str], ResourceKey | None]:
        def find(type_: str, criteria: str) -> ResourceKey | None:
            authorise(type_, "search")
            found = self._conditional.match(caller.tenant, type_, criteria)
            return key_of(found) if found else None

        return find

    def _match_conditional(self, caller: Caller, entries: list[Entry]) -> None:
        """Conditional creates that match something take its id and are not written."""
        for entry in entries:
            if entry.method == "POST" and entry.if_none_exist is not None:
                found = self._conditional.match(caller.tenant, entry.type, entry.if_none_exist)
                if found:
                    entry.key, entry.matched = key_of(found), True

    def _minter(self, caller: Caller) -> Mint:
        def mint(entry: Entry, resource: dict[str, Any]) -> ResourceKey:
            if entry.if_none_exist is None:
                return self._interactions.mint(resource)
            return self._conditional.reserve(caller.tenant, resource, entry.if_none_exist)

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
        for _ in range(CLAIM_ROUNDS):
            intent = self._randomness.hex(32)
            attempt = Attempt(caller, intent, self._intents, self._bodies, self._clock.now())
            try:
                attempt.claim(changes)
            except GalenError as lost:
                attempt.withdraw()
                if isinstance(lost, Conflict) and not lost.issues:
                    continue
                raise
            # From here on the claims stand: an intent whose answer was lost may have been stored.
            try:
                attempt.decide()
            except Conflict:
                attempt.withdraw()
                continue
            return attempt.answers
        raise Conflict("Another request is changing the same resources: send the transaction again.")

    def _one_batch(self, items: list[Item]) -> bool:
        """All in one batch of one home, where they fit: that is atomic by itself."""
        weight = sum(2 * len(item.get("body", "")) + len(item.get("z", "")) + 1_000 for item in items)
        if weight > MAX_BATCH_BYTES or any(key_of(item).address != item["home"] for item in items):
            return False
        creates = [Create(item) for item in items]
        for _ in range(3):
            try:
                self._records.commit(items[0]["tenant"], items[0]["home"], creates)
                return True
            except BatchRefused:
                there = self._records.read(items[0]["tenant"], items[0]["home"], items[0]["id"])
                if there is not None and there["version"] == items[0]["version"]:
                    return True  # an earlier try was applied and its answer lost
                raise Conflict("A minted id was taken: send the transaction again.") from None
            except Unavailable:
                continue
        raise Unavailable

    def _entry_answer(self, caller: Caller, entry: Entry, written: Answers) -> dict[str, Any]:
        if entry.method == "GET":
            try:
                return self._get(caller, entry)
            except NotFound as missing:
                row = consequence_of(missing)
                outcome = operation_outcome([error(row.code, missing.text)])
                return {"response": {"status": str(row.status), "outcome": outcome}}
        if entry.matched:
            assert entry.key is not None
            return {"response": _response(200, self._interactions.read(caller.tenant, entry.key))}
        status, stored = written[entry.index]
        return {"response": _response(status, stored)}


def _may_fit_one_batch(changes: list[Entry]) -> bool:
    """New resources of one home only, and not too many of them."""
    new = all(entry.method == "POST" and entry.if_none_exist is None for entry in changes)
    return new and len(changes) <= MAX_BATCH_WRITES and len({e.key.address for e in changes if e.key}) == 1


def _response(status: int, stored: StoredResource | None) -> dict[str, Any]:
    response: dict[str, Any] = {"status": f"{status} {REASONS[status]}"}
    if stored is not None:
        response["etag"] = f'W/"{stored.version}"'
        response["lastModified"] = stored.last_updated
        if not stored.deleted:
            response["location"] = f"{stored.key}/_history/{stored.version}"
    return response
