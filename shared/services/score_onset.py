"""Score the onset of heart disease by schedule: a RiskAssessment for each patient whom the model is meant for, once a day.

The sweeper calls it every few seconds, and each time it takes the next few patients of a tenant, so that a round through all
of them is spread over the day and costs no invocation much. Where a round has come is kept in the records: whichever
instance sweeps next goes on there, and two that do the same write the same. A RiskAssessment gets a new version only where
the forecast or what it rests on has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item, Kind
from shared.domain.stays.assessment import model_assessment
from shared.domain.stays.model_risk import ONSET
from shared.errors import Unavailable
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.ports.records import BatchRefused, Compare, Query, Records, put_over
from shared.services.alerts import alert_id
from shared.services.bodies import Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.fact_reader import FactReader
from shared.services.isolate import isolate
from shared.services.metrics import TENANT
from shared.services.onset_on_request import onset_risk
from shared.services.pulse import HOME
from shared.services.score_writes import assessment_item, versioned
from shared.services.served_models import Models
from shared.services.write import ResourceWriter

STAGE: Final = "score-onset"
EVERY: Final = timedelta(days=1)
"""From the beginning of a round through all patients to that of the next."""
AT_ONCE: Final = 20
"""Patients that one call takes of a tenant: 115,000 a day at four calls a minute."""


class ScoreOnset:
    """Goes through the patients of the tenants."""

    def __init__(
        self,
        records: Records,
        writer: ResourceWriter,
        bodies: Bodies,
        clock: Clock,
        meter: Meter,
        dead_letters: DeadLetters,
        models: Models,
        tenants: Iterable[str],
    ) -> None:
        self._records = records
        self._clock = clock
        self._meter = meter
        self._dead_letters = dead_letters
        self._bodies = bodies
        self._models = models
        self._facts = FactReader(records, writer, bodies)
        self._tenants = tuple(dict.fromkeys(tenants))

    def by_the_clock(self) -> int:
        """Score the next patients of each tenant's round; how many RiskAssessments changed."""
        return sum(self._next(tenant) for tenant in self._tenants)

    def react(self, items: Iterable[Item]) -> int:
        """Score some Patients; how many RiskAssessments changed. Raises Busy, Unavailable."""
        return isolate(STAGE, list(items), self.redo, self._dead_letters)

    def redo(self, items: Sequence[Item]) -> int:
        """As `react`; what fails is raised, not set aside."""
        return sum(self._patient(item) for item in items)

    def _next(self, tenant: str) -> int:
        now = self._clock.now()
        there = self._records.read(TENANT, HOME, _round_id(tenant))
        begun, after = _begun(there, now)
        if begun > now:
            return 0
        living = (Compare("type", "=", "Patient"), Compare("deleted", "=", False))
        page = list(
            self._records.query(
                Query(Kind.CURRENT, tenant, None, living, "lastUpdated", after=after, limit=AT_ONCE)
            )
        )
        changed = self.react(page)
        # A page that is not full was the last one of the round.
        last = (page[-1]["lastUpdated"], page[-1]["id"]) if len(page) == AT_ONCE else None
        self._keep(tenant, there, begun if last else begun + EVERY, last)
        return changed

    def _patient(self, item: Item) -> int:
        tenant, home, key = item["tenant"], item["home"], ResourceKey("Patient", item["rid"])
        now, model = self._clock.now(), self._models.model(ONSET.model)
        risk = onset_risk(model, self._facts, tenant, key, now)
        if isinstance(risk, list):
            return 0
        id_ = alert_id(tenant, str(key), home, f"{ONSET.model}|{risk.version}")
        resource = model_assessment(risk, ONSET, id=id_, patient=str(key))
        new = assessment_item(tenant, home, resource, now)
        there = self._records.read(tenant, home, new["id"])
        if there is not None and self._says_the_same(there, new):
            return 0
        try:
            self._records.commit(tenant, home, versioned(new, there))
        except (BatchRefused, Unavailable):
            return 0  # another instance scored the patient just now; if not, the next round does
        self._meter.count("galen_scores_total")
        return 1

    def _says_the_same(self, there: Item, new: Item) -> bool:
        """Whether both forecast the same from the same; only the date of asking is another."""
        if there["deleted"]:
            return False
        before, now = (_compared(json.decode_object(self._bodies.text(item))) for item in (there, new))
        return before == now

    def _keep(self, tenant: str, there: Item | None, begun: datetime, after: tuple[str, str] | None) -> None:
        item: Item = {
            "id": _round_id(tenant), "tenant": TENANT, "home": HOME, "kind": Kind.PLACE.value,
            "at": instant_text(begun), "after": list(after or ()),
        }  # fmt: skip
        put_over(self._records, item, there)  # or another instance took the same patients


def _round_id(tenant: str) -> str:
    return f"onset.{tenant}"


def _begun(there: Item | None, now: datetime) -> tuple[datetime, tuple[str, str] | None]:
    """When the round began or is to begin, and after which patient it goes on."""
    begun = parse_instant(there["at"]) if there is not None else None
    if there is None or begun is None:
        return now, None
    if not there["after"]:
        return (begun if begun > now else now), None
    value, id_ = there["after"]
    return begun, (str(value), str(id_))


def _compared(risk: Mapping[str, Any]) -> list[Any]:
    """Model, forecast and what it rests on; the words tell the age, which is another one every day."""
    (prediction,) = risk["prediction"]
    return [risk["method"], risk["basis"], prediction["probabilityDecimal"], prediction["qualitativeRisk"]]
