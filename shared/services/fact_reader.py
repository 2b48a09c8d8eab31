"""Reads from the record what features are made of: the facts about a patient, now or as the record had them at an instant.

As it was: of each resource the version with the greatest source version among those that the platform had by then.
Superseded versions have no search index, so they are read from the patient's home by type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.domain.features.patient.facts import TYPES, Fact, facts_of, patient_of
from shared.domain.features.patient.known import is_looked_at
from shared.domain.features.patient.measures import CODES
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item, Kind, current_id, key_of
from shared.ports.records import AnyOf, Compare, Has, Predicate, Query, Records
from shared.services.bodies import Bodies
from shared.services.patient_news import vital_tokens
from shared.services.write import ResourceWriter

_TOKENS: Final = tuple(Has("ix.t", token) for code in CODES for token in vital_tokens(code))
_GONE: Final = frozenset({Kind.CURRENT, Kind.MOVED})


@dataclass(frozen=True, slots=True)
class Seen:
    """Facts in no order, and the version of each reference they come from."""

    facts: list[Fact]
    versions: Mapping[str, str]


class FactReader:
    """What the record says of one patient."""

    def __init__(self, records: Records, writer: ResourceWriter, bodies: Bodies) -> None:
        self._records = records
        self._writer = writer
        self._bodies = bodies

    def read(self, tenant: str, patient: ResourceKey, as_of: datetime | None = None) -> Seen:
        """The versions as they are now, or as they were at `as_of`."""
        items = self._now(tenant, patient)
        if as_of is not None:
            items = self._as_it_was(tenant, patient, items, instant_text(as_of))
        versions = {f"{item['type']}/{item['rid']}": item["version"] for item in items}
        return Seen([fact for item in items for fact in self._of(item, patient)], versions)

    def _of(self, item: Item, patient: ResourceKey) -> Iterator[Fact]:
        resource: dict[str, Any] = json.decode_object(self._bodies.text(item))
        # The index knows who is named anywhere; the feature is about the subject.
        if item["type"] == "Patient" or patient_of(resource) == patient.id:
            yield from (fact for fact in facts_of(resource, item["lastUpdated"]) if is_looked_at(fact))

    def _now(self, tenant: str, patient: ResourceKey) -> list[Item]:
        there = self._writer.locate(tenant, patient).current
        found = [there] if there is not None and not there["deleted"] else []
        for type_ in TYPES:
            where: tuple[Predicate, ...] = (
                Compare("type", "=", type_),
                Compare("deleted", "=", False),
                Has("ix.r", f"patient|{patient}"),
            )
            if type_ == "Observation":
                where = (*where, AnyOf(_TOKENS))
            found += self._records.query(Query(Kind.CURRENT, tenant, patient.address, where))
        return found

    def _as_it_was(self, tenant: str, patient: ResourceKey, now: Iterable[Item], until: str) -> list[Item]:
        newest = {current_id(key_of(item)): item for item in now if item["lastUpdated"] <= until}
        earlier: dict[str, Item] = {}
        for type_ in ("Patient", *TYPES):
            where = (Compare("type", "=", type_), Compare("lastUpdated", "<=", until))
            for item in self._records.query(Query(Kind.HISTORY, tenant, patient.address, where)):
                name = current_id(key_of(item))
                best = earlier.get(name)
                if name not in newest and (best is None or item["sv"] > best["sv"]):
                    earlier[name] = item
        present = self._records.read_many(tenant, patient.address, list(earlier))
        newest |= {
            name: item
            for name, item in earlier.items()
            if not item["deleted"] and not _superseded(present.get(name), until)
        }
        return [item for item in newest.values() if item["type"] != "Patient" or item["rid"] == patient.id]


def _superseded(there: Item | None, until: str) -> bool:
    """Whether the resource was deleted, or had gone to another patient, by then: a marker of a move has a source version."""
    if there is None or there["kind"] not in _GONE or "sv" not in there:
        return False
    return str(there.get("lastUpdated") or there["sv"].partition("|")[0]) <= until
