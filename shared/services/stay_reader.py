"""Reads a patient's stay from the record: its Encounters, the patient, and every Observation the sepsis model looks at."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from shared.domain.alerts.episodes import from_us
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item, Kind
from shared.domain.stays.encounters import is_open_stay, stay_at
from shared.domain.stays.stay import OpenStay, StayState, add, empty_stay
from shared.domain.stays.variables import Found, by_code, found_in
from shared.ports.records import Compare, Has, Predicate, Query, Records
from shared.services.bodies import Bodies
from shared.services.patient_news import vital_tokens
from shared.services.write import ResourceWriter

MOST_ENCOUNTERS: Final = 1_000
_UNTIL: Final = "ix.d.date.hi"


class StayReader:
    """What the record says now."""

    def __init__(self, records: Records, writer: ResourceWriter, bodies: Bodies) -> None:
        self._records = records
        self._writer = writer
        self._bodies = bodies
        self._tokens = frozenset(token for code in by_code() for token in vital_tokens(code))

    def may_count(self, item: Item) -> bool:
        """Whether a current Observation has a code of the table, itself or in a component."""
        return not self._tokens.isdisjoint(item["ix"]["t"])

    def may_be_open_stay(self, item: Item) -> bool:
        """Whether a current Encounter tells of a stay that is going on."""
        return is_open_stay(self._decoded(item))

    def found(self, item: Item) -> Found:
        """What a current Observation contributes."""
        return found_in(self._decoded(item), version=item["version"], order=item["sv"])

    def stay(self, tenant: str, home: str, patient: ResourceKey, at: datetime) -> OpenStay | None:
        """The stay that an instant lies in."""
        there = self._writer.locate(tenant, patient).current
        who = self._decoded(there) if there and not there["deleted"] else {}
        query = Query(Kind.CURRENT, tenant, home, _of(patient, "Encounter"), limit=MOST_ENCOUNTERS)
        found = ((item["version"], self._decoded(item)) for item in self._records.query(query))
        return stay_at(found, who, at)

    def state(
        self, tenant: str, home: str, patient: ResourceKey, stay: OpenStay, until: datetime
    ) -> StayState:
        """The state of a stay from all Observations measured from its beginning until an instant."""
        since = Compare(_UNTIL, ">=", instant_text(from_us(stay.begun_us)))
        where = (*_of(patient, "Observation"), since)
        state = empty_stay(stay)
        read = [
            self.found(item)
            for item in self._records.query(Query(Kind.CURRENT, tenant, home, where))
            if self.may_count(item)
        ]
        for found in sorted(read, key=lambda each: (each.at or until, each.id)):
            if found.at is None or found.at <= until:
                add(state, found)
        return state

    def _decoded(self, item: Item) -> dict[str, Any]:
        return json.decode_object(self._bodies.text(item))


def _of(patient: ResourceKey, type_: str) -> tuple[Predicate, ...]:
    return (Compare("type", "=", type_), Compare("deleted", "=", False), Has("ix.r", f"patient|{patient}"))
