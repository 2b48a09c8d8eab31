"""Score what a page of the change feed says of patients: early warning scores and sepsis risk of each in one batch.

A reading concerns both, and a batch of both costs the store and this process little more than one of either. Where they do
not fit one batch, or something of the page cannot be scored, each goes its own way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final

from shared.domain.records import Item, Kind
from shared.errors import Disposal, Unavailable, consequence_of
from shared.ports.meter import Meter
from shared.ports.records import BatchRefused, Records
from shared.services.alert_order import AlertOrder
from shared.services.patient_news import PatientNews, Whose
from shared.services.score import ScoreVitals
from shared.services.score_sepsis import ScoreSepsis, StayNews
from shared.services.score_writes import (
    PARALLEL_PATIENTS,
    Outdated,
    Planned,
    committed,
    side_by_side,
)
from shared.telemetry import note

_log = logging.getLogger("galen.scores")
MOST_TOGETHER: Final = 40
"""Writes of one batch for both: so many of them are far below what a batch holds, and a page brings a patient four."""


@dataclass(frozen=True, slots=True)
class _News:
    """What a page says of one patient, for either score."""

    vitals: PatientNews | None
    stay: StayNews | None


class ScorePatients:
    """Keeps the scores and the sepsis risk of every patient."""

    def __init__(self, records: Records, meter: Meter, vitals: ScoreVitals, sepsis: ScoreSepsis) -> None:
        self._records = records
        self._meter = meter
        self._vitals = vitals
        self._sepsis = sepsis
        self._order = AlertOrder(records)
        self._pool = ThreadPoolExecutor(PARALLEL_PATIENTS, thread_name_prefix="patients")

    def react(self, items: Sequence[Item]) -> int:
        """Fold what changed into the scores of the patients concerned; of how many. Raises Busy and Unavailable."""
        try:
            return self._together(items)
        except Exception as failure:
            note(_log, logging.WARNING, "scores go apart", error=type(failure).__name__)
            if consequence_of(failure).disposal is Disposal.RETRY:
                # The page comes again; early warning scores do not wait for what a stay alone needs.
                self._vitals.react(items)
                raise
        # Each finds the item that cannot be scored, and sets it aside for itself.
        return max(self._vitals.react(items), self._sepsis.react(items))

    def _together(self, items: Sequence[Item]) -> int:
        vitals, stays = self._vitals.gather(items), self._sepsis.gather(items)
        news = {
            whose: _News(vitals.get(whose), stays.get(whose)) for whose in dict.fromkeys(chain(vitals, stays))
        }
        failure = None
        if news:
            with self._meter.span("score", next((each.trace for each in vitals.values() if each.trace), "")):
                _, failure = side_by_side(self._pool, self._order, self._patient, news)
        self._order.tell(item for item in items if item.get("kind") == Kind.ALERT)
        if failure is not None:
            raise failure
        return len(news)

    def _patient(self, whose: Whose, news: _News) -> list[Item] | None:
        return committed(
            self._records,
            *whose[:2],
            lambda again: self._planned(whose, news, again=again),
            lambda: self._forget(whose),
        )

    def _planned(self, whose: Whose, news: _News, *, again: bool) -> Planned | None:
        first = self._vitals.planned(whose, news.vitals, again=again) if news.vitals else None
        second = self._sepsis.planned(whose, news.stay) if news.stay else None
        if first is None or second is None:
            return first or second
        if len(first.writes) + len(second.writes) > MOST_TOGETHER:
            return self._after(whose, first, second)
        count = len(first.writes)

        def settled(etags: Sequence[str]) -> list[Item]:
            return [*(first.settled(etags[:count]) or ()), *(second.settled(etags[count:]) or ())]

        return Planned([*first.writes, *second.writes], settled)

    def _after(self, whose: Whose, first: Planned, second: Planned) -> Planned:
        """The second plan, when the first one has been written by itself."""
        try:
            alerts = first.settled(self._records.commit(*whose[:2], first.writes))
        except (BatchRefused, Unavailable) as refused:
            raise Outdated from refused
        return Planned(second.writes, lambda etags: [*(alerts or ()), *(second.settled(etags) or ())])

    def _forget(self, whose: Whose) -> None:
        self._vitals.forget(whose)
        self._sepsis.forget(whose)
