"""A score on request: the same rules on the readings that are on record now.

`POST /fhir/Patient/{id}/$risk?model=news2|qsofa`. The answer is not stored: what is stored follows
from readings, not from who asked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey, is_valid_id
from shared.domain.fhir.outcome import error
from shared.domain.records import Item, Kind
from shared.domain.scores import RULES, ScoringRule
from shared.domain.scores.advance import advance, score_at
from shared.domain.scores.context import context_of
from shared.domain.scores.model import INPUT_VALID_FOR
from shared.domain.scores.not_applicable import not_applicable_assessment
from shared.domain.scores.risk_assessment import risk_assessment
from shared.domain.vitals import vitals_of
from shared.errors import InputError, NotFound
from shared.ports.clock import Clock
from shared.ports.records import Compare, Has, Predicate, Query, Records
from shared.services.bodies import Bodies
from shared.services.write import ResourceWriter

_MODELS: Final = {rule.model: rule for rule in RULES}
DEFAULT_MODEL: Final = next(iter(_MODELS))
_SLACK: Final = timedelta(minutes=5)


class Risk:
    """Evaluates a patient now."""

    def __init__(self, records: Records, writer: ResourceWriter, bodies: Bodies, clock: Clock) -> None:
        self._records = records
        self._writer = writer
        self._bodies = bodies
        self._clock = clock

    def assess(self, caller: Caller, patient_id: str, model: str | None) -> dict[str, Any]:
        """A RiskAssessment with the partial score and what is missing.

        Where the rule does not apply (below 16, pregnancy) it has no score and says so. Raises NotFound for an unknown
        patient, InputError 400 for an unknown model and 422 where nothing usable is on record.
        """
        rule = _rule(model)
        key = ResourceKey("Patient", patient_id)
        there = self._writer.locate(caller.tenant, key).current if is_valid_id(patient_id) else None
        if there is None or there["deleted"]:
            raise NotFound("No such patient.")
        now = self._clock.now()
        reference, tenant = str(key), caller.tenant
        conditions = self._at_home(tenant, key, "Condition")
        context = context_of(self._decoded(there), (self._decoded(item) for item in conditions))
        since = Compare("ix.date", ">=", instant_text(now - INPUT_VALID_FOR - _SLACK))
        observed = [
            vitals_of(self._decoded(item), id=item["rid"], version=item["version"], order=item["sv"])
            for item in self._at_home(tenant, key, "Observation", since)
        ]
        state, _ = advance(None, observed, context)
        score = score_at(state, rule, context, now)
        if score.not_applicable:
            return not_applicable_assessment(score, rule, reference)
        if score.total is None:
            text = f"No reading of the last 12 hours that {rule.title} can use is on record for this patient."
            raise InputError(text, issues=[error("incomplete", text, rule="risk-inputs")], status=422)
        return {
            k: v for k, v in risk_assessment(score, id="on-request", patient=reference).items() if k != "id"
        }

    def _at_home(self, tenant: str, patient: ResourceKey, type_: str, *where: Predicate) -> list[Item]:
        mine: tuple[Predicate, ...] = (
            Compare("type", "=", type_),
            Compare("deleted", "=", False),
            Has("ix.r", f"patient|{patient}"),
            *where,
        )
        return list(self._records.query(Query(Kind.CURRENT, tenant, patient.address, mine)))

    def _decoded(self, item: Item) -> dict[str, Any]:
        return json.decode_object(self._bodies.text(item))


def _rule(model: str | None) -> ScoringRule:
    rule = _MODELS.get(model or DEFAULT_MODEL)
    if rule is None:
        text = f"model must be one of {', '.join(_MODELS)}."
        raise InputError(text, issues=[error("value", text, rule="risk-model")])
    return rule
