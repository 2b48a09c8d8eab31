"""The instance-level interactions: read, vread, history, create, update, delete.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import HOME_LENGTH, ResourceKey, home_of, mint_random, patient_of
from shared.domain.fhir.outcome import error
from shared.domain.records import (
    Door,
    Item,
    Kind,
    Provenance,
    StoredResource,
    history_id,
    resource_item,
    source_version,
    tombstone_item,
)
from shared.domain.versioning import Decision, same_content
from shared.errors import AlreadyExists, Gone, InputError, NotFound, PreconditionFailed, Unavailable
from shared.ports.clock import Clock, Randomness
from shared.ports.records import Compare, Query, Records
from shared.services.bodies import Bodies
from shared.services.fhir.admit import Admission
from shared.services.write import ResourceWriter

HTTP_SOURCE: Final = "http"
_STEP: Final = timedelta(microseconds=1)
_NOTHING: Final = "No resource of this type and id."


@dataclass(frozen=True, slots=True)
class Written:
    """HTTP status 200 or 201, and the version that is current now."""

    status: int
    stored: StoredResource


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Versions, newest first; `next` continues after the last one, None where there is no more.

    `created` are those versions before which nothing was there, or a deletion.
    """

    entries: list[StoredResource]
    next: str | None
    created: frozenset[str]


def http_provenance(caller: Caller, now: datetime, current: Item | None, entry: int = 0) -> Provenance:
    """The commit time as source version, later than the current version's whatever the clock says."""
    instant = instant_text(now)
    if current is not None and current["sv"][: len(instant)] >= instant:
        instant = instant_text(datetime.fromisoformat(current["sv"].partition("|")[0]) + _STEP)
    version = source_version(instant, HTTP_SOURCE, 0, entry)
    return Provenance(Door.HTTP, version, instant, caller.client, caller.trace, caller.request_sha256)


class Interactions:
    """The interactions on one resource. Each refuses another tenant's id as if it did not exist."""

    def __init__(
        self,
        records: Records,
        writer: ResourceWriter,
        bodies: Bodies,
        admission: Admission,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._records = records
        self._writer = writer
        self._bodies = bodies
        self._admission = admission
        self._clock = clock
        self._randomness = randomness

    def read(self, tenant: str, key: ResourceKey) -> StoredResource:
        """The current version. Raises NotFound, and Gone after a delete."""
        current = self._writer.locate(tenant, key).current
        if current is None:
            raise NotFound(_NOTHING)
        if current["deleted"]:
            raise Gone("The resource has been deleted.", version=current["version"])
        return self._bodies.stored(current)

    def vread(self, tenant: str, key: ResourceKey, version: str) -> StoredResource:
        """One version, current or not. Raises NotFound, and Gone where that version is a deletion."""
        found = self._version(tenant, key, version)
        if found is None:
            raise NotFound("No such version of this resource.")
        if found["deleted"]:
            raise Gone("This version is a deletion.", version=version)
        return self._bodies.stored(found)

    def _version(self, tenant: str, key: ResourceKey, version: str) -> Item | None:
        located = self._writer.locate(tenant, key)
        if located.current is None and located.fence is None:
            return None
        if located.current is not None and located.current["version"] == version:
            return located.current
        home = located.current["home"] if located.current else key.address
        item = self._records.read(tenant, home, history_id(key, version))
        if item is None and located.has_moved:
            item = next(
                iter(self._records.query(self._past(tenant, key, None, 1, Compare("version", "=", version)))),
                None,
            )
        return item

    def history(self, tenant: str, key: ResourceKey, *, count: int, after: str | None) -> HistoryPage:
        """Versions by source version, newest first, at most `count` a page, those before `after`. Raises NotFound."""
        located = self._writer.locate(tenant, key)
        if located.current is None:
            raise NotFound(_NOTHING)
        current = located.current
        older = (Compare("sv", "<", after),) if after else ()
        past = self._records.query(
            self._past(tenant, key, None if located.has_moved else current["home"], count + 1, *older)
        )
        page = self._bodies.page(past if after and current["sv"] >= after else chain([current], past), count)
        more = page.items[-1]["sv"] if page.following else None
        created = {
            item["version"]
            for item, earlier in pairwise([*page.items, page.following])
            if item and not item["deleted"] and (earlier is None or earlier["deleted"])
        }
        return HistoryPage(list(page.stored), more, frozenset(created))

    @staticmethod
    def _past(tenant: str, key: ResourceKey, home: str | None, limit: int, *where: Compare) -> Query:
        mine = (Compare("type", "=", key.type), Compare("rid", "=", key.id), *where)
        return Query(Kind.HISTORY, tenant, home, mine, order_by="sv", descending=True, limit=limit)

    def create(self, caller: Caller, resource: dict[str, Any]) -> Written:
        """A new resource under a minted id. Raises InputError (422)."""
        admitted = self._admission.admit(caller.tenant, resource)
        return self.create_as(caller, admitted, self.mint(admitted))

    def mint(self, resource: dict[str, Any]) -> ResourceKey:
        """A new id at the home of the resource's patient, or at a new home."""
        patient = patient_of(resource)
        digits = self._randomness.hex(32)
        home = patient.address if patient else digits[:HOME_LENGTH]
        return ResourceKey(resource["resourceType"], mint_random(home, digits[HOME_LENGTH:]))

    def create_as(self, caller: Caller, resource: dict[str, Any], key: ResourceKey) -> Written:
        """Create under a given minted id; finding it there already with this content is success."""
        item = self._item(caller, resource, key, None)
        stored = self._bodies.offloaded(item)
        if item["home"] == key.address:
            try:
                item["_etag"] = self._records.create(stored)
                return Written(201, self._bodies.stored(item))
            except (AlreadyExists, Unavailable):
                pass  # the writer finds out what is there
        _, found = self._writer.write(
            caller.tenant, key, lambda current: stored if current is None else current
        )
        if found["deleted"]:
            raise Gone("The resource has been deleted.", version=found["version"])
        return Written(201 if found["version"] == item["version"] else 200, self._bodies.stored(found))

    def _item(self, caller: Caller, resource: dict[str, Any], key: ResourceKey, current: Item | None) -> Item:
        origin = http_provenance(caller, self._clock.now(), current)
        return resource_item(caller.tenant, home_of({**resource, "id": key.id}, key), resource, key, origin)

    def update(
        self,
        caller: Caller,
        key: ResourceKey,
        resource: dict[str, Any],
        *,
        if_match: str | None = None,
        create_only: bool = False,
    ) -> Written:
        """Replace, or create under the client's id. Raises InputError (400, 422) and PreconditionFailed."""
        if resource.get("id") != key.id:
            text = "The resource's id must be the id in the URL."
            raise InputError(text, issues=[error("invalid", text, f"{key.type}.id", "update-id")])
        admitted = self._admission.admit(caller.tenant, resource)
        existed = False
        ours: set[str] = set()

        def build(current: Item | None) -> Item:
            nonlocal existed
            if current is not None and current["version"] in ours:
                return current  # an earlier try was applied and its answer lost
            require_match(current, if_match, create_only=create_only)
            existed = current is not None and not current["deleted"]
            item = self._item(caller, admitted, key, current)
            if current is not None and same_content(current, item):
                return current
            ours.add(item["version"])
            return self._bodies.offloaded(item)

        _, item = self._writer.write(caller.tenant, key, build)
        return Written(200 if existed else 201, self._bodies.stored(item))

    def delete(
        self, caller: Caller, key: ResourceKey, *, if_match: str | None = None
    ) -> StoredResource | None:
        """Put a tombstone; None where there was nothing, and the tombstone that is there where it was deleted before."""

        ours: set[str] = set()

        def build(current: Item | None) -> Item:
            if current is not None and current["version"] in ours:
                return current
            require_match(current, if_match)
            if current is None:
                raise NotFound(_NOTHING)
            if current["deleted"]:
                return current
            origin = http_provenance(caller, self._clock.now(), current)
            item = tombstone_item(caller.tenant, current["home"], key, origin)
            ours.add(item["version"])
            return item

        try:
            decision, item = self._writer.write(caller.tenant, key, build)
        except NotFound:
            return None
        assert decision is not Decision.CONFLICT
        return self._bodies.stored(item)


def require_match(current: Item | None, if_match: str | None, *, create_only: bool = False) -> None:
    """Raise PreconditionFailed where If-Match names another version than the current one, or If-None-Match is broken."""
    if create_only and current is not None and not current["deleted"]:
        text = "If-None-Match: * creates only, and a resource of this id exists."
        raise PreconditionFailed(text, issues=[error("conflict", text, rule="if-none-match")])
    if if_match is None:
        return
    if current is None or current["deleted"] or if_match not in ("*", current["version"]):
        text = "If-Match names a version that is not the current one: read it again and retry."
        raise PreconditionFailed(text, issues=[error("conflict", text, rule="if-match")])
