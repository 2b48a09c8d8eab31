"""Conditional create: at most one resource for a set of criteria, however many ask at once.

https://hl7.org/fhir/R4/http.html#ccreate. A guard item named by the criteria reserves the minted id; whoever finds the
guard creates that id, so a crash in between is completed by the next caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from shared.domain.access.caller import Caller
from shared.domain.fhir.identity import HOME_LENGTH, ResourceKey
from shared.domain.fhir.outcome import error
from shared.domain.records import Item, Kind
from shared.errors import AlreadyExists, Busy, Conflict, Gone, InputError, PreconditionFailed
from shared.ports.records import Records
from shared.services.bodies import Bodies
from shared.services.fhir.admit import Admission
from shared.services.fhir.interactions import Interactions, Written
from shared.services.fhir.search import NOTHING
from shared.services.write import ATTEMPTS, ResourceWriter

Matches = Callable[[str, str, str, frozenset[ResourceKey]], list[Item]]
"""(tenant, type, criteria as a query string, keys left out of account) → at most two current items that match.

Raises InputError.
"""


def parameters_of(criteria: str) -> tuple[tuple[str, str], ...]:
    """What criteria ask, alike however they are escaped and in whatever order they are written."""
    return tuple(sorted(parse_qsl(criteria, keep_blank_values=True)))


def guard_of(tenant: str, type_: str, criteria: str) -> Item:
    """The guard item of some criteria."""
    pairs = list(parameters_of(criteria))
    if not pairs:
        text = "Conditional criteria are needed, such as identifier=system|value."
        raise InputError(text, issues=[error("required", text, rule="criteria")])
    digest = hashlib.sha256(repr((type_, pairs)).encode()).hexdigest()
    head = {"id": f"guard.{type_}.{digest[:32]}", "tenant": tenant, "home": digest[:HOME_LENGTH]}
    return {**head, "kind": Kind.GUARD.value, "type": type_}


def several_match() -> PreconditionFailed:
    """What criteria with more than one match are answered with."""
    text = "The criteria match more than one resource: make them more specific."
    return PreconditionFailed(text, issues=[error("multiple-matches", text, rule="criteria")])


class ConditionalCreate:
    """Creates unless something matches."""

    def __init__(
        self,
        records: Records,
        writer: ResourceWriter,
        interactions: Interactions,
        admission: Admission,
        bodies: Bodies,
        matches: Matches,
    ) -> None:
        self._records = records
        self._writer = writer
        self._interactions = interactions
        self._admission = admission
        self._bodies = bodies
        self._matches = matches

    def create(self, caller: Caller, resource: dict[str, Any], criteria: str) -> Written:
        """201 with the new resource, or 200 with the one that matches. Raises PreconditionFailed where several match."""
        resource = self._admission.admit(caller.tenant, resource)
        type_ = resource["resourceType"]
        guard = guard_of(caller.tenant, type_, criteria)
        for _ in range(ATTEMPTS):
            if found := self.match(caller.tenant, type_, criteria):
                return Written(200, self._bodies.stored(found))
            key = self._reserve(guard, resource, criteria)
            if key is None:
                continue
            try:
                return self._interactions.create_as(caller, resource, key)
            except Gone:
                continue  # created and deleted since we looked
        raise Busy()

    def reserve(
        self,
        tenant: str,
        resource: dict[str, Any],
        criteria: str,
        without: frozenset[ResourceKey] = NOTHING,
    ) -> ResourceKey:
        """The id under which a transaction creates, nothing matching but what it deletes itself (`without`).

        Raises Conflict where something does by now.
        """
        key = self._reserve(guard_of(tenant, resource["resourceType"], criteria), resource, criteria, without)
        if key is None:
            raise Conflict("A conditional create of this transaction was answered meanwhile: send it again.")
        return key

    def match(
        self, tenant: str, type_: str, criteria: str, without: frozenset[ResourceKey] = NOTHING
    ) -> Item | None:
        """The one current item that matches, or None. Raises PreconditionFailed where several do."""
        found = self._matches(tenant, type_, criteria, without)
        if len(found) > 1:
            raise several_match()
        return found[0] if found else None

    def _reserve(
        self,
        guard: Item,
        resource: dict[str, Any],
        criteria: str,
        without: frozenset[ResourceKey] = NOTHING,
    ) -> ResourceKey | None:
        """The id to create, by our own guard or by one found; None where the state has to be looked at again."""
        key = self._interactions.mint(resource)
        try:
            self._records.create({**guard, "rid": key.id})
            return key
        except AlreadyExists:
            pass
        there = self._records.read(guard["tenant"], guard["home"], guard["id"])
        if there is None:
            return None
        reserved = ResourceKey(guard["type"], there["rid"])
        if self._writer.locate(guard["tenant"], reserved).current is None:
            return reserved
        if self.match(guard["tenant"], guard["type"], criteria, without):
            return None
        # What was reserved is deleted, or no longer matches: a new id under the same guard.
        try:
            self._records.replace({**guard, "rid": key.id}, there["_etag"])
        except PreconditionFailed:
            return None
        return key
