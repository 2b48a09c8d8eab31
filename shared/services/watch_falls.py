"""A P2 while a patient's charted fall risk is high: alerts follow from the totals on record, read anew with each one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from shared.domain.alerts.falls import CODE, MODEL, Rating, fall_episodes, rating_of
from shared.domain.fhir import json
from shared.domain.fhir.dates import parse_instant
from shared.domain.records import Item, Kind
from shared.domain.scores.changes import SUPERSEDED
from shared.domain.scores.published.morse import VERSION
from shared.errors import Busy, Unavailable
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.ports.records import BatchRefused, Compare, Has, Query, Records, Replace
from shared.services.alert_order import AlertOrder
from shared.services.alert_writes import alert_items, alert_writes, count_raised
from shared.services.alerts import changed_at
from shared.services.bodies import Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.isolate import isolate
from shared.services.patient_news import Whose, vital_tokens
from shared.services.score_writes import ATTEMPTS

STAGE: Final = "watch-falls"
MOST_RATINGS: Final = 90
"""The newest ratings of a patient that episodes are made of: a month, three a day."""
_TOKEN: Final = vital_tokens(CODE)[0]


class WatchFalls:
    """Keeps the fall risk alerts of every patient."""

    def __init__(
        self, records: Records, bodies: Bodies, clock: Clock, meter: Meter, dead_letters: DeadLetters
    ) -> None:
        self._records = records
        self._bodies = bodies
        self._clock = clock
        self._meter = meter
        self._dead_letters = dead_letters
        self._order = AlertOrder(records)

    def react(self, items: Iterable[Item]) -> int:
        """Follow the ratings that changed; of how many patients. Raises Busy, Unavailable."""
        return isolate(STAGE, list(items), self.redo, self._dead_letters)

    def redo(self, items: Sequence[Item]) -> int:
        """As `react`; what fails is raised, not set aside."""
        concerned: dict[Whose, str] = {}
        for item in items:
            for whose in self._whose(item):
                concerned[whose] = max(concerned.get(whose, ""), item.get("lastUpdated", ""))
        for whose, recorded in concerned.items():
            alerts = self._patient(whose, recorded)
            with suppress(Busy, Unavailable):  # they come again by the change feed
                self._order.tell(alerts)
        return len(concerned)

    def _whose(self, item: Item) -> list[Whose]:
        """The patients an item concerns: its own, or those with an alert where an Observation is gone."""
        if not str(item.get("type") or item.get("id", "")).startswith("Observation"):
            return []
        if item.get("kind") == Kind.CURRENT and not item["deleted"]:
            if _TOKEN not in item["ix"]["t"]:
                return []
            named = (each for each in item["ix"].get("r", ()) if each.startswith("patient|"))
            return [(item["tenant"], item["home"], each.partition("|")[2]) for each in named]
        if item.get("kind") not in (Kind.CURRENT, Kind.MOVED):
            return []
        found = self._records.query(Query(Kind.ALERT, item["tenant"], item["home"], (_OF_MODEL,)))
        return list(dict.fromkeys((each["tenant"], each["home"], each["alert"]["patient"]) for each in found))

    def _patient(self, whose: Whose, recorded_at: str) -> list[Item]:
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            recorded = parse_instant(recorded_at) or now
            ratings = self._ratings(whose)
            newest = max((each.at for each in ratings), default=recorded)
            items = alert_items(
                whose, MODEL, VERSION, fall_episodes(ratings), now, newest=newest, recorded=recorded
            )
            writes = alert_writes(self._records, items, now)
            writes += self._taken_back(whose, {item["id"] for item in items})
            if not writes:
                return []
            try:
                self._records.commit(*whose[:2], writes)
            except (BatchRefused, Unavailable):
                continue
            count_raised(self._meter, writes, now - recorded)
            return [write.item for write in writes]
        raise Busy

    def _ratings(self, whose: Whose) -> list[Rating]:
        where = (
            Compare("type", "=", "Observation"),
            Compare("deleted", "=", False),
            Has("ix.r", f"patient|{whose[2]}"),
            Has("ix.t", _TOKEN),
        )
        query = Query(Kind.CURRENT, *whose[:2], where, "ix.d.date.hi", True, limit=MOST_RATINGS)
        read = (rating_of(json.decode_object(self._bodies.text(item))) for item in self._records.query(query))
        return [each for each in read if each is not None]

    def _taken_back(self, whose: Whose, standing: set[str]) -> list[Replace]:
        """Alerts that follow from no rating any more, but for those that ended: their ratings may be a month old."""
        now = self._clock.now()
        where = (_OF_MODEL, Compare("alert.patient", "=", whose[2]), Compare("alert.status", "=", "active"))
        return [
            Replace(
                {
                    **{name: value for name, value in item.items() if name != "_etag"},
                    "at": changed_at(now, item),
                    "alert": {**item["alert"], "status": SUPERSEDED},
                },
                item["_etag"],
            )
            for item in self._records.query(Query(Kind.ALERT, *whose[:2], where))
            if item["id"] not in standing
        ]


_OF_MODEL: Final = Compare("alert.model", "=", MODEL)
