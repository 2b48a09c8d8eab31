"""Score vital signs as they change: readings folded into a patient's state, RiskAssessments and alerts with it in one batch.

Hangs on the change feed and obeys the contract of ingest: idempotent by (id, version), done or retried, never lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from shared.domain.alerts.episodes import from_us, to_us
from shared.domain.fhir import json
from shared.domain.fhir.dates import parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item, Kind
from shared.domain.scores import PatientContext
from shared.domain.scores.advance import advance
from shared.domain.scores.changes import CREATED, SUPERSEDED, AlertChange, Changes, ScoreChange
from shared.domain.scores.context import context_of
from shared.domain.scores.risk_assessment import risk_assessment
from shared.domain.scores.segments import Sealed, first_needed, names_from, opened, sealed
from shared.domain.scores.state import VitalsState, decode_context, encode_context, newest_reading
from shared.errors import Unavailable
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.ports.records import (
    MAX_BATCH_WRITES,
    BatchRefused,
    Compare,
    Create,
    Has,
    Query,
    Records,
    Replace,
    Write,
)
from shared.services.alert_order import AlertOrder
from shared.services.alert_writes import still_acknowledged
from shared.services.alerts import alert_id, alert_item
from shared.services.bodies import Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.isolate import isolate
from shared.services.patient_news import NewsGatherer, PatientNews, Whose
from shared.services.score_writes import (
    PARALLEL_PATIENTS,
    Outdated,
    Planned,
    assessment_item,
    committed,
    side_by_side,
    versioned,
)
from shared.services.vitals_state import Known, VitalsStates
from shared.services.write import ResourceWriter

BATCH: Final = 90
MOST_CONDITIONS: Final = 1_000


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
        self._states = VitalsStates(records)
        self._order = AlertOrder(records)
        self._pool = ThreadPoolExecutor(PARALLEL_PATIENTS, thread_name_prefix="score")

    def react(self, items: Iterable[Item]) -> int:
        """Fold what changed into the scores of the patients concerned; how many Observations. Raises Busy, Unavailable."""
        return isolate("score", list(items), self.redo, self._dead_letters)

    def redo(self, items: Sequence[Item]) -> int:
        """As `react`; what fails is raised, not set aside."""
        news, failure = self.gather(items), None
        if news:
            with self._meter.span("score", next((each.trace for each in news.values() if each.trace), "")):
                _, failure = side_by_side(self._pool, self._order, self._patient, news)
        self._order.tell(item for item in items if item.get("kind") == Kind.ALERT)
        if failure is not None:
            raise failure
        return sum(len(each.observed) for each in news.values())

    def gather(self, items: Iterable[Item]) -> dict[Whose, PatientNews]:
        """What the items say of patients. Raises Busy and Unavailable."""
        return NewsGatherer(self._records, self._bodies, self._meter).gather(items)

    def _patient(self, whose: Whose, news: PatientNews) -> list[Item] | None:
        """Fold one patient's news in; the alerts that changed."""
        return committed(
            self._records,
            *whose[:2],
            lambda again: self.planned(whose, news, again=again),
            lambda: self.forget(whose),
        )

    def forget(self, whose: Whose) -> None:
        """What is on record of a patient may be another one than is remembered."""
        self._states.forget(whose[0], whose[2])

    def planned(self, whose: Whose, news: PatientNews, *, again: bool) -> Planned | None:
        """What one patient's news come to, if anything. Raises Outdated, Busy and Unavailable.

        `again`: an earlier attempt may have written something.
        """
        if news.context_changed:
            # Judged by the context on record: another process may have followed an earlier change.
            self.forget(whose)
        known = self._states.load(*whose)
        if not known.etag and not news.observed:
            return None  # nothing was scored yet, so nothing has to be scored again
        fresh = not known.etag or news.context_changed
        context = self._context(*whose) if fresh else decode_context(known.state["context"])
        contents = self._states.segments(*whose, _needed(known.state, news, context))
        if contents is None:
            raise Outdated
        before = opened(known.state, contents)
        after, changes = advance(before, news.observed, context)
        if after == before:
            return Planned((), lambda _: self._count(changes))
        try:
            return self._plan(whose, known, sealed(after, known.state, contents), changes, news, again=again)
        except (BatchRefused, Unavailable) as refused:
            raise Outdated from refused

    def _count(self, changes: Changes) -> None:
        for name, number in (
            ("late", changes.late),
            ("ahead", changes.ahead),
            ("unchanged", changes.unchanged),
        ):
            if number:
                self._meter.count("galen_readings_not_scored_total", number, reason=name)

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

    def _plan(
        self, whose: Whose, known: Known, pieces: Sealed, changes: Changes, news: PatientNews, *, again: bool
    ) -> Planned:
        """Scores and alerts with the state in one batch.

        Where they are too many for one, they are written now but for the last ones, which go with the state.
        """
        # What an earlier attempt wrote, and what is changed, is on record already.
        fresh = not again and all(change.kind == CREATED for change in changes.scores)
        writes = self._score_writes(*whose, changes.scores, fresh=fresh)
        raised = not again and all(change.kind == CREATED for change in changes.alerts)
        alerts = self._alert_writes(*whose, changes.alerts, pieces.head, news, fresh=raised)
        writes += alerts
        head, state = self._states.writes(*whose, known, pieces, again=again)
        while len(writes) + len(state) > MAX_BATCH_WRITES:
            self._records.commit(*whose[:2], writes[:BATCH])
            writes = writes[BATCH:]

        def settled(etags: Sequence[str]) -> list[Item]:
            self._states.remember(whose[0], whose[2], Known(head, etags[0]))
            self._count(changes)
            self._meter.count("galen_scores_total", len(changes.scores))
            for change in changes.alerts:
                severity = change.alert.severity.value
                self._meter.count("galen_alerts_total", change=change.kind, severity=severity)
            recorded = parse_instant(news.recorded_at)
            if recorded and any(change.kind == CREATED for change in changes.alerts):
                self._meter.observe("galen_alert_seconds", (self._clock.now() - recorded).total_seconds())
            return [write.item for write in alerts]

        return Planned([*state, *writes], settled)

    def _score_writes(
        self, tenant: str, home: str, patient: str, changes: Sequence[ScoreChange], *, fresh: bool
    ) -> list[Write]:
        items = [
            self._assessment(tenant, home, patient, change)
            for change in changes
            if change.score.total is not None
        ]
        there = {} if fresh else self._records.read_many(tenant, home, [item["id"] for item in items])
        return [write for item in items for write in versioned(item, there.get(item["id"]))]

    def _assessment(self, tenant: str, home: str, patient: str, change: ScoreChange) -> Item:
        id_ = alert_id(tenant, patient, home, change.score.key)
        resource = risk_assessment(
            change.score, id=id_, patient=patient, superseded=change.kind == SUPERSEDED
        )
        return assessment_item(tenant, home, resource, self._clock.now())

    def _alert_writes(
        self,
        tenant: str,
        home: str,
        patient: str,
        changes: Sequence[AlertChange],
        after: VitalsState,
        news: PatientNews,
        *,
        fresh: bool,
    ) -> list[Create | Replace]:
        if not changes:
            return []
        now = self._clock.now()
        recorded = parse_instant(news.recorded_at) or now
        newest = _newest(after) or recorded
        items = [
            alert_item(
                tenant, home, patient, change.alert, now, newest=newest, recorded=recorded, kind=change.kind
            )
            for change in changes
        ]
        there = {} if fresh else self._records.read_many(tenant, home, [item["id"] for item in items])
        return [
            Replace(still_acknowledged(item, there[item["id"]], now), there[item["id"]]["_etag"])
            if item["id"] in there
            else Create(item)
            for item in items
        ]


def _needed(state: VitalsState, news: PatientNews, context: PatientContext) -> list[str]:
    anywhere = news.anywhere or encode_context(context) != state["context"]
    instants = [to_us(each.at) for each in news.observed if each.at and each.has_place]
    return names_from(state, first_needed(state, instants, anywhere=anywhere))


def _newest(state: VitalsState) -> datetime | None:
    newest = newest_reading(state["slots"])
    return None if newest is None else from_us(newest)
