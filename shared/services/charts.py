"""Reads from the record what the readmission model looks at: a patient's hospital stays and what was done in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item, Kind
from shared.domain.stays.chart_rules import sound
from shared.domain.stays.discharge import Chart, discharges
from shared.domain.vitals.observation import instant_of
from shared.ports.records import Compare, Has, Predicate, Query, Records
from shared.services.bodies import Bodies
from shared.services.write import ResourceWriter

MOST: Final = 5_000
"""Resources of one type that are read; a longer record is read in part."""


class ChartReader:
    """What the record says now."""

    def __init__(self, records: Records, writer: ResourceWriter, bodies: Bodies) -> None:
        self._records = records
        self._writer = writer
        self._bodies = bodies

    def chart(self, tenant: str, home: str, patient: ResourceKey, until: datetime) -> Chart:
        """The hospital stays that ended until an instant, and what falls into them, as far as it counts."""
        there = self._writer.locate(tenant, patient).current
        who = self.resource(there) if there and not there["deleted"] else {}
        versions: dict[str, str] = {}
        encounters = [
            each
            for each in self._all(tenant, home, patient, "Encounter", versions)
            if (begun := instant_of((each.get("period") or {}).get("start"))) is not None and begun <= until
        ]
        ended = [
            each
            for each in encounters
            if (end := instant_of((each.get("period") or {}).get("end"))) is not None and end <= until
        ]
        stays = discharges(sound(Chart(who, ended)))
        began = [at for each in stays if (at := instant_of(each["period"]["start"])) is not None]
        since = (Compare("ix.d.date.hi", ">=", instant_text(min(began))),) if began else ()
        chart = Chart(
            who, encounters,
            self._all(tenant, home, patient, "Condition", versions),
            self._all(tenant, home, patient, "Observation", versions, since),
            self._all(tenant, home, patient, "MedicationRequest", versions),
            self._all(tenant, home, patient, "Procedure", versions, since),
            versions,
        )  # fmt: skip
        return sound(chart)

    def resource(self, item: Item) -> dict[str, Any]:
        """The resource of an item."""
        return json.decode_object(self._bodies.text(item))

    def _all(
        self, tenant: str, home: str, patient: ResourceKey, type_: str, versions: dict[str, str],
        since: tuple[Predicate, ...] = (),
    ) -> list[dict[str, Any]]:  # fmt: skip
        of = (Compare("type", "=", type_), Compare("deleted", "=", False), Has("ix.r", f"patient|{patient}"))
        items = list(self._records.query(Query(Kind.CURRENT, tenant, home, (*of, *since), limit=MOST)))
        versions |= {f"{type_}/{item['rid']}": item["version"] for item in items}
        return [self.resource(item) for item in items]
