"""Score vital signs as they change: readings folded into a patient's state, RiskAssessments and alerts with it in one batch.

Hangs on the change feed and obeys the contract of ingest: idempotent by (id, version), done or retried, never lost.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from shared.domain.alerts.episodes import from_us
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import (
    Door,
    Item,
    Kind,
    Provenance,
    as_history,
    resource_item,
    source_version,
)
from shared.domain.scores import PatientContext
from shared.domain.scores.advance import advance
from shared.domain.scores.changes import CREATED, SUPERSEDED, AlertChange, Changes, ScoreChange
from shared.domain.scores.context import context_of
from shared.domain.scores.risk_assessment import risk_assessment
from shared.domain.scores.state import VitalsState, decode_context, empty_state
from shared.domain.vitals import ObservedVitals, removed, vitals_of
from shared.domain.vitals.parameters import BLOOD_PRESSURE_PANEL, MEASURES
from shared.errors import Busy, Unavailable
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.ports.records import BatchRefused, Compare, Create, Has, Query, Records, Replace, Write
from shared.services.alerts import alert_id, alert_item
from shared.services.bodies import Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.reaction import react
from shared.services.vitals_state import decode_state, state_id, state_item
from shared.services.write import ResourceWriter

PARALLEL_PATIENTS: Final = 4
REMEMBERED_PATIENTS: Final = 4_096
ATTEMPTS: Final = 30
BATCH: Final = 90
MOST_CONDITIONS: Final = 1_000
_VITAL_TOKENS: Final = frozenset(f"code||{code}" for code in (*MEASURES, BLOOD_PRESSURE_PANEL))
_CONTEXT_TYPES: Final = ("Patient", "Condition")


@dataclass(slots=True)
class _Work:
    """What arrived for one patient."""

    observed: list[ObservedVitals] = field(default_factory=list)
    recorded_at: str = ""
    trace: str = ""
    context_changed: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """A patient's state as last seen; an empty etag where there is no item yet."""

    state: VitalsState
    etag: str


class ScoreVitals:
    """Keeps the scores of every patient."""

    def __init__(
        self,
        records: Records,
        writer: ResourceWriter,
        bodies: Bodies,
        clock: Clock,
        meter: Meter,
        dead_letters: DeadLetters,
    ) -> None:
        self._records = records
        self._writer = writer
        self._bodies = bodies
        self._clock = clock
        self._meter = meter
        self._dead_letters = dead_letters
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._pool = ThreadPoolExecutor(PARALLEL_PATIENTS, thread_name_prefix="score")

    def react(self, items: Iterable[Item]) -> int:
        """Fold what changed into the scores of the patients concerned; how many Observations. Raises Busy, Unavailable."""
        return react("score", list(items), self._react, self._dead_letters)

    def _react(self, items: Sequence[Item]) -> int:
        work: dict[tuple[str, str, str], _Work] = defaultdict(_Work)
        for item in items:
            self._collect(item, work)
        if work:
            with self._meter.span("score", next((each.trace for each in work.values() if each.trace), "")):
                list(self._pool.map(lambda entry: self._patient(entry[0], entry[1]), work.items()))
        return sum(len(each.observed) for each in work.values())

    def _collect(self, item: Item, work: dict[tuple[str, str, str], _Work]) -> None:
        if item.get("kind") in (Kind.POINTER, Kind.MOVED):
            self._collect_moved(item, work)
        if item.get("kind") != Kind.CURRENT:
            return
        if item["type"] == "Observation":
            if item["deleted"]:
                for patient in self._patients_at(item):
                    work[item["tenant"], item["home"], patient].observed.append(
                        removed(id=item["rid"], version=item["version"], order=item["sv"])
                    )
            elif patient := _patient_in(item):
                if _VITAL_TOKENS.isdisjoint(item["ix"]["t"]):
                    return
                found = vitals_of(
                    json.decode_object(self._bodies.text(item)),
                    id=item["rid"],
                    version=item["version"],
                    order=item["sv"],
                )
                entry = work[item["tenant"], item["home"], patient]
                entry.observed.append(found)
                entry.trace = entry.trace or item.get("trace", "")
                entry.recorded_at = max(entry.recorded_at, item["lastUpdated"])
        elif item["type"] in _CONTEXT_TYPES:
            patient = f"Patient/{item['rid']}" if item["type"] == "Patient" else _patient_in(item)
            if patient:
                work[item["tenant"], item["home"], patient].context_changed = True

    def _collect_moved(self, item: Item, work: dict[tuple[str, str, str], _Work]) -> None:
        """An Observation that went to another patient counts no longer where it was."""
        type_, _, identity = item["id"].partition(".")
        if type_ == "Observation" and "sv" in item:
            for patient in self._patients_at(item):
                gone = removed(id=identity, version=item["version"], order=item["sv"])
                work[item["tenant"], item["home"], patient].observed.append(gone)

    def _patients_at(self, item: Item) -> list[str]:
        """A tombstone names no patient: whoever has a state at its home may have counted it."""
        states = self._records.query(Query(Kind.STATE, item["tenant"], item["home"]))
        return [state["patient"] for state in states]

    def _patient(self, whose: tuple[str, str, str], work: _Work) -> None:
        tenant, home, patient = whose
        for attempt in range(ATTEMPTS):
            known = self._load(tenant, home, patient)
            if not known.etag and not work.observed:
                return  # nothing was scored yet, so nothing has to be scored again
            fresh = not known.etag or work.context_changed
            context = (
                self._context(tenant, home, patient) if fresh else decode_context(known.state["context"])
            )
            after, changes = advance(known.state, work.observed, context)
            self._tell(changes)
            if after == known.state:
                return
            try:
                self._commit(tenant, home, patient, known, after, changes, work, again=attempt > 0)
                return
            except (BatchRefused, Unavailable):
                self._known.pop((tenant, patient), None)
        raise Busy

    def _tell(self, changes: Changes) -> None:
        for name, number in (
            ("late", changes.late),
            ("ahead", changes.ahead),
            ("unchanged", changes.unchanged),
        ):
            if number:
                self._meter.count("galen_readings_not_scored_total", number, reason=name)

    def _load(self, tenant: str, home: str, patient: str) -> _Known:
        known = self._known.get((tenant, patient))
        if known is not None:
            return known
        item = self._records.read(tenant, home, state_id(patient))
        return _Known(decode_state(item), item["_etag"]) if item else _Known(empty_state(), "")

    def _context(self, tenant: str, home: str, patient: str) -> PatientContext:
        key = ResourceKey("Patient", patient.partition("/")[2])
        there = self._writer.locate(tenant, key).current
        born = json.decode_object(self._bodies.text(there)) if there and not there["deleted"] else None
        where = (
            Compare("type", "=", "Condition"),
            Compare("deleted", "=", False),
            Has("ix.r", f"patient|{patient}"),
        )
        found = self._records.query(Query(Kind.CURRENT, tenant, home, where, limit=MOST_CONDITIONS))
        return context_of(born, (json.decode_object(self._bodies.text(item)) for item in found))

    def _commit(
        self,
        tenant: str,
        home: str,
        patient: str,
        known: _Known,
        after: VitalsState,
        changes: Changes,
        work: _Work,
        *,
        again: bool,
    ) -> None:
        """Scores and alerts, then the state, in one batch; in several where they are many, the state in the last."""
        # What an earlier attempt wrote, and what is changed, is on record already.
        fresh = not again and all(change.kind == CREATED for change in changes.scores)
        writes = self._score_writes(tenant, home, patient, changes.scores, fresh=fresh)
        writes += self._alert_writes(tenant, home, patient, changes.alerts, after, work)
        item = state_item(tenant, home, patient, after)
        state: Write = Replace(item, known.etag) if known.etag else Create(item)
        while len(writes) > BATCH:
            self._records.commit(tenant, home, writes[:BATCH])
            writes = writes[BATCH:]
        etags = self._records.commit(tenant, home, [*writes, state])
        self._known[tenant, patient] = _Known(after, etags[-1])
        if len(self._known) > REMEMBERED_PATIENTS:
            self._known.popitem(last=False)
        self._meter.count("galen_scores_total", len(changes.scores))
        recorded = parse_instant(work.recorded_at)
        if recorded and any(change.kind == CREATED for change in changes.alerts):
            self._meter.observe("galen_alert_seconds", (self._clock.now() - recorded).total_seconds())

    def _score_writes(
        self, tenant: str, home: str, patient: str, changes: Sequence[ScoreChange], *, fresh: bool
    ) -> list[Write]:
        items = [
            self._assessment(tenant, home, patient, change)
            for change in changes
            if change.score.total is not None
        ]
        there = {} if fresh else self._records.read_many(tenant, home, [item["id"] for item in items])
        return [write for item in items for write in _versioned(item, there.get(item["id"]))]

    def _assessment(self, tenant: str, home: str, patient: str, change: ScoreChange) -> Item:
        key = ResourceKey("RiskAssessment", alert_id(tenant, patient, home, change.score.key))
        resource = risk_assessment(
            change.score, id=key.id, patient=patient, superseded=change.kind == SUPERSEDED
        )
        now = instant_text(self._clock.now())
        return resource_item(
            tenant, home, resource, key, Provenance(Door.SCORE, source_version(now, "score", 0), now)
        )

    def _alert_writes(
        self,
        tenant: str,
        home: str,
        patient: str,
        changes: Sequence[AlertChange],
        after: VitalsState,
        work: _Work,
    ) -> list[Write]:
        if not changes:
            return []
        now = self._clock.now()
        recorded = parse_instant(work.recorded_at) or now
        newest = _newest(after) or recorded
        items = [
            alert_item(
                tenant, home, patient, change.alert, now, newest=newest, recorded=recorded, kind=change.kind
            )
            for change in changes
        ]
        there = self._records.read_many(tenant, home, [item["id"] for item in items])
        for change in changes:
            self._meter.count("galen_alerts_total", change=change.kind, severity=change.alert.severity.value)
        return [
            Replace(_keeping_acknowledgement(item, there[item["id"]]), there[item["id"]]["_etag"])
            if item["id"] in there
            else Create(item)
            for item in items
        ]


def _versioned(item: Item, there: Item | None) -> list[Write]:
    if there is None:
        return [Create(item)]
    if there["hash"] == item["hash"]:
        return []
    return [Create(as_history(there)), Replace(item, there["_etag"])]


def _keeping_acknowledgement(item: Item, there: Item) -> Item:
    kept = {
        name: there["alert"][name]
        for name in ("acknowledged_by", "acknowledged_at")
        if name in there["alert"]
    }
    return {**item, "alert": {**item["alert"], **kept}}


def _newest(state: VitalsState) -> datetime | None:
    readings = [slot[0] for slot in state["slots"].values()]
    return from_us(max(readings)) if readings else None


def _patient_in(item: Item) -> str:
    for entry in item.get("ix", {}).get("r", ()):
        if entry.startswith("patient|"):
            return str(entry[len("patient|") :])
    return ""
