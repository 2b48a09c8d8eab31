"""Score sepsis as vital signs and laboratory values of a stay change: RiskAssessments and P1 alerts with the stay's state.

Hangs on the change feed beside the early warning scores and obeys the same contract: idempotent, done or retried, never
lost. A stay is followed from the moment its Encounter is in progress; a patient without one costs a point read a minute.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.alerts.episodes import LAPSED, Episode, from_us, to_us
from shared.domain.fhir import json
from shared.domain.fhir.dates import parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item, Kind, body_of
from shared.domain.scores.risk_assessment import without_counts
from shared.domain.scores.state import decode_episode, encode_episode
from shared.domain.stays.assessment import model_assessment
from shared.domain.stays.model_risk import SEPSIS, ModelRisk
from shared.domain.stays.sepsis_risk import MODEL, Prefix, alarm, evaluate, lacking
from shared.domain.stays.stay import (
    AT,
    HOUR_US,
    ID,
    StayState,
    add,
    held_version,
    is_known,
    last_readings,
    latest_us,
    newest_us,
    stay_of,
    twin,
)
from shared.errors import Unavailable
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.ports.records import Create, Records, Replace
from shared.services.alert_order import AlertOrder
from shared.services.alert_writes import alert_items, alert_writes, count_raised, said
from shared.services.alerts import alert_id
from shared.services.bodies import UNREADABLE, Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.isolate import isolate
from shared.services.patient_news import Whose
from shared.services.score_writes import (
    PARALLEL_PATIENTS,
    Outdated,
    Planned,
    assessment_item,
    committed,
    side_by_side,
    versioned,
)
from shared.services.served_models import Models
from shared.services.stay_reader import StayReader
from shared.services.stay_states import NOTHING, Followed, Known, StayStates
from shared.services.write import ResourceWriter

STAGE: Final = "score-sepsis"
BY_THE_CLOCK: Final = timedelta(minutes=5)
"""How often a process looks for stays with an hour in which nothing was measured."""


@dataclass(slots=True)
class StayNews:
    """What arrived for one patient. `opened`: there may be a stay; `again`: a followed one has to be read anew.

    `hour_began`: nothing arrived, but time has passed.
    """

    items: list[Item] = field(default_factory=list)
    opened: bool = False
    again: bool = False
    hour_began: bool = False
    recorded_at: str = ""


class ScoreSepsis:
    """Keeps the sepsis risk of every open stay."""

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
        self._reader = StayReader(records, writer, bodies)
        self._order = AlertOrder(records)
        self._states = StayStates(records, clock)
        self._pool = ThreadPoolExecutor(PARALLEL_PATIENTS, thread_name_prefix="sepsis")
        self._looked: datetime | None = None

    def react(self, items: Iterable[Item]) -> int:
        """Fold what changed into the stays concerned; how many were scored. Raises Busy, Unavailable."""
        return isolate(STAGE, list(items), self.redo, self._dead_letters)

    def redo(self, items: Sequence[Item]) -> int:
        """As `react`; what fails is raised, not set aside."""
        raised, failure = side_by_side(self._pool, self._order, self._patient, self.gather(items))
        if failure is not None:
            raise failure
        return sum(alerts is not None for alerts in raised)

    def gather(self, items: Iterable[Item]) -> dict[Whose, StayNews]:
        """What the items say of patients in a stay, or who may be in one. Raises Busy and Unavailable."""
        news: dict[Whose, StayNews] = defaultdict(StayNews)
        for item in items:
            kind, type_ = item.get("kind"), item.get("type") or item.get("id", "").partition(".")[0]
            if type_ not in ("Observation", "Encounter"):
                continue
            patient = _patient_in(item)
            if kind == Kind.CURRENT and not item["deleted"] and patient:
                whose = (item["tenant"], item["home"], patient)
                if type_ == "Encounter":
                    news[whose].again = True
                    news[whose].opened |= self._reader.may_be_open_stay(item)
                elif self._reader.may_count(item):
                    news[whose].items.append(item)
                    news[whose].again |= "supersedes" in item or "epoch" in item
                news[whose].recorded_at = max(news[whose].recorded_at, item["lastUpdated"])
            elif kind in (Kind.CURRENT, Kind.MOVED):
                for followed in self._states.patients_at(item["tenant"], item["home"]):
                    news[followed].again = True
        return news

    def by_the_clock(self) -> int:
        """Score the stays in whose present hour nothing was said yet; how many. Every five minutes, however often asked."""
        now = self._clock.now()
        if self._looked is not None and now - self._looked < BY_THE_CLOCK:
            return 0
        self._looked = now
        scored = 0
        for whose in list(self._states.patients_at(None)):
            self._states.forget(whose)
            alerts = self.at_the_hour(whose)
            scored += alerts is not None
            self._order.tell(alerts or ())
        return scored

    def at_the_hour(self, whose: Whose) -> list[Item] | None:
        """Score a stay in whose present hour nothing was said yet: the alerts that changed, None where nothing is scored."""
        return self._patient(whose, StayNews(hour_began=True))

    def _patient(self, whose: Whose, news: StayNews) -> list[Item] | None:
        """Fold one patient's news in: the alerts that changed, None where nothing was scored."""
        return committed(
            self._records, *whose[:2], lambda _: self.planned(whose, news), lambda: self.forget(whose)
        )

    def forget(self, whose: Whose) -> None:
        """What is on record of a stay may be another one than is remembered."""
        self._states.forget(whose)

    def planned(self, whose: Whose, news: StayNews) -> Planned | None:
        """What one patient's news come to; None where nothing changes. Raises Outdated, Busy and Unavailable."""
        if news.again:
            # What another process made of a reading that is gone now is on record, and not remembered.
            self.forget(whose)
        known = self._states.load(whose)
        if known.state is None and not news.opened:
            return None
        state, prefix = self._advanced(whose, known, news)
        if state == known.state:
            return None
        try:
            return self._plan(whose, known, state, prefix, news)
        except Unavailable as lost:
            raise Outdated from lost

    def _advanced(self, whose: Whose, known: Known, news: StayNews) -> tuple[StayState | None, Prefix | None]:
        """The state after the news; the prefix where it still holds. None where there is no open stay any more."""
        if news.hour_began and known.state is not None and is_known(known.state):
            return _at_the_hour(known.state, to_us(self._clock.now())), known.followed.prefix
        read = [self._reader.found(item) for item in news.items]
        if known.state is None or news.again or not is_known(known.state):
            return self._read_anew(whose, known), None
        held = {each.id: held_version(known.state, each.id) for each in read}
        if any(held[each.id] not in (None, each.version) for each in read):
            return self._read_anew(whose, known), None
        state, prefix = twin(known.state), known.followed.prefix
        for found in (each for each in read if held[each.id] is None):
            hour = add(state, found)
            if hour is not None and prefix is not None and hour < prefix.hour:
                prefix = None
        return state, prefix

    def _read_anew(self, whose: Whose, known: Known) -> StayState | None:
        patient, now = ResourceKey("Patient", whose[2].partition("/")[2]), self._clock.now()
        stay = self._reader.stay(*whose[:2], patient, now)
        if stay is None:
            return None
        state = self._reader.state(*whose[:2], patient, stay, now)
        same = known.state is not None and stay_of(known.state).encounter == stay.encounter
        if not same or known.state is None:
            return state
        return {**state, **{name: known.state.get(name) for name in ("episode", "scored", "raised_by")}}

    def _plan(
        self, whose: Whose, known: Known, state: StayState | None, prefix: Prefix | None, news: StayNews
    ) -> Planned:
        """Score and alerts with the state in one batch."""
        before, last = known.state, known.followed.assessment
        at_us = None if state is None else latest_us(state)
        assessment: list[Create | Replace] = []
        ended: list[Episode] = []
        if before is not None and (state is None or state["stay"][0] != before["stay"][0]):
            ended = _ended(before)
        risk, open_ = None, None
        model = self._models.model(MODEL)
        # The alert of an episode stays the one that the model of its beginning raised, whoever is champion by now.
        earlier = (before or {}).get("raised_by") or model.version
        raised_by = earlier
        if state is not None and at_us is not None and not lacking(state, at_us):
            risk, prefix = evaluate(model, state, at_us, prefix)
            recounted = before is not None and state["counts"] != before["counts"]
            assessment = self._assessment(whose, state, risk, last, recounted=recounted)
            open_, closed = alarm(decode_episode(state["episode"]), risk, state, _trigger(state, at_us))
            ended += [closed] if closed else []
            raised_by = earlier if _goes_on(before, open_) else model.version
            state = {
                **state, "episode": encode_episode(open_), "scored": at_us, "raised_by": raised_by if open_ else None,
            }  # fmt: skip
        newest = newest_us(state) if state is not None else None
        newest_at = self._clock.now() if newest is None else from_us(newest)
        # One that begins as the stay before ends, at its last reading, goes on by the same id.
        over = [each for each in ended if open_ is None or each.began_us != open_.began_us]
        episodes = [(each, earlier) for each in over] + ([(open_, raised_by)] if open_ else [])
        alerts, told = self._alerts(whose, episodes, newest_at, news, known.followed)
        writes = [*self._states.writes(whose, known, state), *assessment]

        def settled(etags: Sequence[str]) -> list[Item] | None:
            if state is None:
                self._states.remember(whose, None, "", NOTHING)
            else:
                written = last
                if assessment:
                    self._meter.count("galen_scores_total")
                    written = {**assessment[-1].item, "_etag": etags[len(writes) - 1]}
                self._states.remember(whose, state, etags[0], Followed(prefix, written, told))
            now = self._clock.now()
            count_raised(self._meter, alerts, now - (parse_instant(news.recorded_at) or now))
            return [write.item for write in alerts] if risk is not None or alerts else None

        return Planned([*writes, *alerts], settled)

    def _assessment(
        self, whose: Whose, state: StayState, risk: ModelRisk, last: Item | None, *, recounted: bool
    ) -> list[Create | Replace]:
        """One RiskAssessment for each hour of the stay, a new version of it where a value changes it.

        Where this process wrote the last one, that of a later hour is not on record yet. One more value that does not
        count, for a reason that it names already, is no change.
        """
        tenant, home, patient = whose
        stay = stay_of(state)
        hour = (to_us(risk.at) - stay.begun_us) // HOUR_US
        name = f"{MODEL}|{risk.version}|{stay.encounter}|{hour}"
        id_ = alert_id(tenant, patient, home, name)
        resource = model_assessment(risk, SEPSIS, id=id_, patient=patient, encounter=stay.encounter)
        item = assessment_item(tenant, home, resource, self._clock.now())
        there = last or self._records.read(tenant, home, item["id"])
        there = there if there is not None and there["id"] == item["id"] else None
        same = recounted and there is not None and _said(there) == _said(item)
        return [] if same else versioned(item, there)

    def _alerts(
        self,
        whose: Whose,
        episodes: Sequence[tuple[Episode, str]],
        newest: datetime,
        news: StayNews,
        followed: Followed,
    ) -> tuple[list[Create | Replace], dict[str, dict[str, Any]]]:
        """The writes of what alerts say anew, and what the alert of the open episode says.

        Of each episode the version of the model that raised it.
        """
        now = self._clock.now()
        recorded = parse_instant(news.recorded_at) or now
        items = [
            item
            for episode, version in episodes
            for item in alert_items(
                whose, MODEL, f"{MODEL}-{version}", [episode], now, newest=newest, recorded=recorded
            )
        ]
        anew = [item for item in items if followed.told.get(item["id"]) != said(item)]
        is_open = bool(episodes) and episodes[-1][0].ended_us is None
        told = {items[-1]["id"]: said(items[-1])} if is_open else {}
        return alert_writes(self._records, anew, now), told


def _at_the_hour(state: StayState, now_us: int) -> StayState:
    """The state to be scored now, where this hour of the stay has no score yet and there is enough to score."""
    latest, begun = latest_us(state), stay_of(state).begun_us
    passed = latest is not None and (latest - begun) // HOUR_US < (now_us - begun) // HOUR_US
    return {**state, "scored": now_us} if passed and not lacking(state, now_us) else state


def _said(item: Item) -> str | None:
    """None where it was altered until it is no assessment of a model."""
    try:
        return "" if item["deleted"] else json.content_hash(without_counts(json.decode_object(body_of(item))))
    except UNREADABLE:
        return None


def _trigger(state: StayState, at_us: int) -> str:
    newest = max(last_readings(state, at_us).values(), key=lambda entry: (entry[AT], entry[ID]))
    return str(newest[ID])


def _goes_on(before: StayState | None, open_: Episode | None) -> bool:
    """Whether the open episode is the one that was open before."""
    known = decode_episode(before["episode"]) if before else None
    return known is not None and open_ is not None and known.began_us == open_.began_us


def _ended(state: StayState) -> list[Episode]:
    """The alarm of a stay that is over has ended with it."""
    episode = decode_episode(state["episode"])
    at_us = max(newest_us(state) or 0, episode.last_breach_us) if episode else 0
    return [replace(episode, ended_us=at_us, ending=LAPSED)] if episode else []


def _patient_in(item: Item) -> str:
    for entry in item.get("ix", {}).get("r", ()):
        if entry.startswith("patient|"):
            return str(entry[len("patient|") :])
    return ""
