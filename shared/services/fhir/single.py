"""One entry of a bundle done by itself, and its answer, which may be an error.

https://hl7.org/fhir/R4/http.html#transaction-response
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.fhir import json
from shared.domain.fhir.outcome import error, operation_outcome
from shared.domain.records import StoredResource
from shared.errors import Fault, GalenError, TooLarge, consequence_of
from shared.services.bodies import MAX_ANSWER_BYTES, size_of
from shared.services.fhir.conditional import ConditionalCreate
from shared.services.fhir.entries import Entry, named, naming
from shared.services.fhir.interactions import Interactions
from shared.services.fhir.search import Search

Answer = dict[str, Any]
"""An entry of a response Bundle."""
REASONS: Final = {200: "OK", 201: "Created", 204: "No Content"}
_log = logging.getLogger("galen.bundle")


def response(status: int, stored: StoredResource | None) -> dict[str, Any]:
    """The `response` of an entry that went well."""
    found: dict[str, Any] = {"status": f"{status} {REASONS[status]}"}
    if stored is not None:
        found["etag"] = f'W/"{stored.version}"'
        found["lastModified"] = stored.last_updated
        if not stored.deleted:
            found["location"] = f"{stored.key}/_history/{stored.version}"
    return found


def refused(parsed: GalenError) -> Answer:
    """The answer to an entry whose envelope could not be read."""
    row = consequence_of(parsed)
    outcome = operation_outcome(parsed.issues or (error(row.code, parsed.text),))
    return {"response": {"status": str(row.status), "outcome": outcome}}


def answered(entry: Entry, work: Callable[[], Answer]) -> Answer:
    """The answer of `work`, or the outcome of what it raised: an entry by itself takes nothing else down with it."""
    try:
        return work()
    except Exception as failure:  # noqa: BLE001 - the entry point of this one entry
        row = consequence_of(failure)
        if isinstance(failure, GalenError) and not isinstance(failure, Fault):
            issues = named(entry, failure, ".request")
        else:
            _log.error("an entry of a bundle failed: %s", type(failure).__name__)
            issues = (error(row.code, Fault().text, entry.path),)
        return {"response": {"status": str(row.status), "outcome": operation_outcome(issues)}}


class Room:
    """What the answer to a bundle may still hold. Once an entry finds too little, those after it find none."""

    def __init__(self) -> None:
        self.left = MAX_ANSWER_BYTES

    def require(self) -> None:
        """Raise TooLarge where nothing is left, before anything is read."""
        if self.left <= 0:
            raise _full()

    def take(self, size: int) -> None:
        """Raise TooLarge where less than so many bytes are left."""
        if size > self.left:
            self.left = 0
            raise _full()
        self.left -= size


def _full() -> TooLarge:
    text = (
        f"What the entries of a bundle read exceeds {MAX_ANSWER_BYTES:,} bytes: ask for this one by itself."
    )
    return TooLarge(text, issues=[error("too-costly", text)])


class SingleEntries:
    """Performs entries, each by itself."""

    def __init__(self, interactions: Interactions, conditional: ConditionalCreate, search: Search) -> None:
        self._interactions = interactions
        self._conditional = conditional
        self._search = search

    def perform(self, caller: Caller, entry: Entry, room: Room) -> Answer:
        """What the entry asks for. Raises GalenError."""
        if entry.method == "GET":
            return self.get(caller, entry, room)
        if entry.method == "DELETE":
            assert entry.key is not None
            with naming(entry, ".request.ifMatch"):
                gone = self._interactions.delete(caller, entry.key, if_match=entry.if_match)
            return {"response": response(204, gone)}
        assert entry.resource is not None
        if entry.method == "PUT":
            assert entry.key is not None
            with naming(entry, ".request.ifNoneMatch" if entry.create_only else ".request.ifMatch"):
                written = self._interactions.update(
                    caller,
                    entry.key,
                    entry.resource,
                    if_match=entry.if_match,
                    create_only=entry.create_only,
                )
        elif entry.if_none_exist is not None:
            with naming(entry, ".request.ifNoneExist"):
                written = self._conditional.create(caller, entry.resource, entry.if_none_exist)
        else:
            written = self._interactions.create(caller, entry.resource)
        return {"response": response(written.status, written.stored)}

    def get(self, caller: Caller, entry: Entry, room: Room) -> Answer:
        """A read, a version or a searchset, which ends early where the answer has no room for more."""
        with naming(entry, ".request.url"):
            room.require()
            if entry.key is None:
                page = self._search.page(caller, entry.type, entry.query, max_bytes=room.left)
                room.take(sum(map(size_of, page.matches)))
                return {"resource": json.decode_object(page.text()), "response": {"status": "200 OK"}}
            if entry.version:
                stored = self._interactions.vread(caller.tenant, entry.key, entry.version)
            else:
                stored = self._interactions.read(caller.tenant, entry.key)
            room.take(size_of(stored))
        return {"resource": stored.resource, "response": response(200, stored)}
