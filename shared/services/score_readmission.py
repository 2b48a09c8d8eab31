"""Score the risk of a readmission when a hospital stay is over: a RiskAssessment for each finished inpatient Encounter.

Hangs on the change feed beside the other scores and obeys the same contract. A stay that ended more than 48 hours before
it was recorded is history: it is recorded, not scored, as late readings are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import error
from shared.domain.models.artefact import PublishedModel
from shared.domain.records import Item, Kind
from shared.domain.stays.assessment import model_assessment
from shared.domain.stays.discharge import discharges, is_discharge
from shared.domain.stays.model_risk import READMISSION
from shared.domain.stays.readmission_risk import evaluate, lacking
from shared.domain.vitals.observation import instant_of
from shared.errors import Busy, InputError, Unavailable
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.ports.records import BatchRefused, Records
from shared.services.alerts import alert_id
from shared.services.bodies import Bodies
from shared.services.charts import ChartReader
from shared.services.dead_letters import DeadLetters
from shared.services.isolate import isolate
from shared.services.patient_news import MONITORED_FOR
from shared.services.score_writes import ATTEMPTS, assessment_item, versioned
from shared.services.served_models import Models
from shared.services.write import ResourceWriter

STAGE: Final = "score-readmission"


class ScoreReadmission:
    """Scores discharges."""

    def __init__(
        self,
        records: Records,
        writer: ResourceWriter,
        bodies: Bodies,
        clock: Clock,
        meter: Meter,
        dead_letters: DeadLetters,
        models: Models,
    ) -> None:
        self._records = records
        self._clock = clock
        self._meter = meter
        self._dead_letters = dead_letters
        self._models = models
        self._reader = ChartReader(records, writer, bodies)

    def react(self, items: Iterable[Item]) -> int:
        """Score the stays that are over; how many. Raises Busy, Unavailable."""
        return isolate(STAGE, list(items), self.redo, self._dead_letters)

    def redo(self, items: Sequence[Item]) -> int:
        """As `react`; what fails is raised, not set aside."""
        current = (item for item in items if item.get("kind") == Kind.CURRENT and item["type"] == "Encounter")
        return sum(self._discharge(item) for item in current if not item["deleted"])

    def _discharge(self, item: Item) -> int:
        dates = item["ix"].get("d") or {}
        recorded = parse_instant(item["lastUpdated"])
        assert recorded is not None
        oldest = instant_text(recorded - MONITORED_FOR)
        # Its end stands in the index: an import of old charts is told without a look at the body.
        if (
            not dates
            or dates["date"]["hi"] < oldest
            or not is_discharge(encounter := self._reader.resource(item))
        ):
            return 0
        patient = str((encounter.get("subject") or {}).get("reference", "")).partition("/_history/")[0]
        end = instant_of(encounter["period"]["end"])
        if not patient.startswith("Patient/") or end is None or end > self._clock.now():
            return 0
        key = ResourceKey("Patient", patient.partition("/")[2])
        chart = self._reader.chart(item["tenant"], item["home"], key, end)
        if lacking(chart):
            return 0
        name = f"{READMISSION.model}|Encounter/{item['rid']}"
        id_ = alert_id(item["tenant"], patient, item["home"], name)
        resource = model_assessment(
            evaluate(self._models.model(READMISSION.model), chart, encounter),
            READMISSION,
            id=id_,
            patient=patient,
            encounter=f"Encounter/{item['rid']}",
        )
        return self._write(item["tenant"], item["home"], resource)

    def _write(self, tenant: str, home: str, resource: dict[str, Any]) -> int:
        for _ in range(ATTEMPTS):
            new = assessment_item(tenant, home, resource, self._clock.now())
            writes = versioned(new, self._records.read(tenant, home, new["id"]))
            if not writes:
                return 0
            try:
                self._records.commit(tenant, home, writes)
            except (BatchRefused, Unavailable):
                continue
            self._meter.count("galen_scores_total")
            return 1
        raise Busy


def readmission_on_request(
    model: PublishedModel, reader: ChartReader, tenant: str, patient: ResourceKey, at: datetime
) -> dict[str, Any]:
    """A RiskAssessment of the last discharge, without an id. Raises InputError 422 that names what is missing."""
    chart = reader.chart(tenant, patient.address, patient, at)
    lacks = lacking(chart)
    if lacks:
        text = f"{READMISSION.title} needs what is not on record: {', '.join(lacks)}."
        raise InputError(text, issues=[error("incomplete", text, rule="risk-inputs")], status=422)
    last = discharges(chart)[-1]
    encounter = f"Encounter/{last['id']}"
    return model_assessment(
        evaluate(model, chart, last), READMISSION, id=None, patient=str(patient), encounter=encounter
    )
