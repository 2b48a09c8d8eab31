"""A score on request: the same rules on the readings that are on record now.

`POST /fhir/Patient/{id}/$risk?model=news2|qsofa|sepsis|readmission|onset&asOf=…`. The answer is not stored: what is stored
follows from readings, not from who asked. `asOf` looks back: at what was measured until then, as it is on record now; of
`onset` as it was on record then.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.fhir import json
from shared.domain.fhir.dates import earlier, instant_text
from shared.domain.fhir.identity import ResourceKey, is_valid_id
from shared.domain.fhir.outcome import error
from shared.domain.records import Item, Kind
from shared.domain.scores import RULES, ScoringRule
from shared.domain.scores.context import context_of
from shared.domain.scores.fold import inputs_of
from shared.domain.scores.model import INPUT_VALID_FOR
from shared.domain.scores.not_applicable import not_applicable_assessment
from shared.domain.scores.risk_assessment import not_counted_words, risk_assessment
from shared.domain.stays.model_risk import ONSET, READMISSION, SEPSIS
from shared.domain.vitals import Parameter, VitalReading, vitals_of
from shared.domain.vitals.parameters import PARAMETER_CODES
from shared.errors import InputError, NotFound
from shared.ports.clock import Clock
from shared.ports.records import AnyOf, Compare, Has, Predicate, Query, Records
from shared.services.bodies import Bodies
from shared.services.charts import ChartReader
from shared.services.fact_reader import FactReader
from shared.services.onset_on_request import onset_on_request
from shared.services.patient_news import vital_tokens
from shared.services.score_readmission import readmission_on_request
from shared.services.sepsis_on_request import sepsis_on_request
from shared.services.served_models import Models
from shared.services.stay_reader import StayReader
from shared.services.write import ResourceWriter

_MODELS: Final = {rule.model: rule for rule in RULES}
_TRAINED: Final = (SEPSIS.model, READMISSION.model, ONSET.model)
DEFAULT_MODEL: Final = next(iter(_MODELS))
_SINCE: Final = "ix.d.date.lo"
_UNTIL: Final = "ix.d.date.hi"
_PAGE: Final = 10


class Risk:
    """Evaluates a patient now."""

    def __init__(
        self, records: Records, writer: ResourceWriter, bodies: Bodies, clock: Clock, models: Models
    ) -> None:
        self._models = models
        self._records = records
        self._writer = writer
        self._bodies = bodies
        self._clock = clock
        self._stays = StayReader(records, writer, bodies)
        self._charts = ChartReader(records, writer, bodies)
        self._facts = FactReader(records, writer, bodies)

    def assess(
        self, caller: Caller, patient_id: str, model: str | None, as_of: datetime | None = None
    ) -> dict[str, Any]:
        """A RiskAssessment with the partial score and what is missing.

        Where the rule does not apply (below 16, pregnancy) it has no score and says so. Raises NotFound for an unknown
        patient, InputError 400 for an unknown model and 422 where nothing usable is on record.
        """
        rule = None if model in _TRAINED else _rule(model)
        key = ResourceKey("Patient", patient_id)
        there = self._writer.locate(caller.tenant, key).current if is_valid_id(patient_id) else None
        if there is None or there["deleted"]:
            raise NotFound("No such patient.")
        now = self._clock.now()
        if as_of is not None and as_of > now:
            text = "asOf lies ahead: a score looks at what was measured until now."
            raise InputError(text, issues=[error("value", text, rule="risk-as-of")])
        if model == ONSET.model:
            return onset_on_request(
                self._models.model(ONSET.model), self._facts, caller.tenant, key, now, as_of
            )
        now = as_of or now
        if model == READMISSION.model:
            return readmission_on_request(
                self._models.model(READMISSION.model), self._charts, caller.tenant, key, now
            )
        if rule is None:
            return sepsis_on_request(self._models.model(SEPSIS.model), self._stays, caller.tenant, key, now)
        reference, tenant = str(key), caller.tenant
        found = self._records.query(Query(Kind.CURRENT, tenant, key.address, _of(key, "Condition")))
        context = context_of(self._decoded(there), (self._decoded(item) for item in found))
        not_counted: Counter[tuple[Parameter, str]] = Counter()
        readings = (self._last(tenant, key, parameter, now, not_counted) for parameter in rule.parameters)
        inputs = {reading.parameter: reading for reading in readings if reading is not None}
        score = rule.evaluate(inputs, context, now, not_counted=not_counted)
        if score.not_applicable:
            return not_applicable_assessment(score, rule, reference)
        if score.total is None:
            text = f"No reading of the last 12 hours that {rule.title} can use is on record for this patient."
            text += "".join(f" {words.capitalize()}." for words in not_counted_words(score))
            raise InputError(text, issues=[error("incomplete", text, rule="risk-inputs")], status=422)
        said = risk_assessment(score, id="on-request", patient=reference)
        return {name: value for name, value in said.items() if name != "id"}

    def _last(
        self,
        tenant: str,
        patient: ResourceKey,
        parameter: Parameter,
        now: datetime,
        not_counted: Counter[tuple[Parameter, str]],
    ) -> VitalReading | None:
        """The last reading of a parameter up to now. `not_counted` hears of newer values that do not count.

        Read from the Observations themselves, so that what was just posted counts, newest first by the end of what they
        cover, and no further than the first that has a usable value: an instant is never later than that end.
        """
        codes = PARAMETER_CODES[parameter]
        tokens = tuple(Has("ix.t", token) for code in codes for token in vital_tokens(code))
        since = Compare(_UNTIL, ">=", instant_text(earlier(now, INPUT_VALID_FOR)))
        begun = Compare(_SINCE, "<=", instant_text(now))
        where = (*_of(patient, "Observation"), since, begun, AnyOf(tokens))
        best: VitalReading | None = None
        after: tuple[str, str] | None = None
        while True:
            query = Query(Kind.CURRENT, tenant, patient.address, where, _UNTIL, True, after, _PAGE)
            page = list(self._records.query(query))
            for item in page:
                until = item["ix"]["d"]["date"]["hi"]
                if best is not None and until < instant_text(best.at):
                    return best
                found = vitals_of(self._decoded(item), id=item["rid"], version=item["version"])
                if parameter in found.not_counted:
                    not_counted[parameter, found.not_counted[parameter]] += 1
                reading = inputs_of(found).get(parameter)
                if reading is not None and reading.at <= now:
                    best = max(best or reading, reading, key=lambda each: (each.at, each.observation))
            if len(page) < _PAGE:
                return best
            after = until, page[-1]["id"]

    def _decoded(self, item: Item) -> dict[str, Any]:
        return json.decode_object(self._bodies.text(item))


def _of(patient: ResourceKey, type_: str) -> tuple[Predicate, ...]:
    return (Compare("type", "=", type_), Compare("deleted", "=", False), Has("ix.r", f"patient|{patient}"))


def _rule(model: str | None) -> ScoringRule:
    rule = _MODELS.get(model or DEFAULT_MODEL)
    if rule is None:
        text = f"model must be one of {', '.join((*_MODELS, *_TRAINED))}."
        raise InputError(text, issues=[error("value", text, rule="risk-model")])
    return rule
