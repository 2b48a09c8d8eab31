"""What models and charted risks should have said, replayed from rebuilt records in the order of recording, and compared.

A sepsis score follows from what was known when it was made, so every version is recorded again one after another, the clock
standing at its instant, and each is reacted to by itself, by the model of then. Where the platform scored an hour by the
clock, the replay does. The platform takes what came together as one piece of news: it says less often than the replay. So
what it said is compared with what the replay said from the same versions at the same instant, and must exist where the
replay's last word on a stay, a discharge or a rating says so. An onset forecast is asked again of the facts of its instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from shared.domain.alerts import falls
from shared.domain.fhir import json
from shared.domain.fhir.dates import parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import (
    Door,
    Item,
    Kind,
    Provenance,
    current_id,
    key_of,
    resource_item,
    tombstone_item,
)
from shared.domain.stays.assessment import model_assessment
from shared.domain.stays.encounters import CLASSES
from shared.domain.stays.model_risk import ONSET, SEPSIS, ModelRisk
from shared.domain.stays.sepsis_risk import ALARM_ABOVE
from shared.ports.records import Compare, Query, Records
from shared.services.bodies import Bodies
from shared.services.fact_reader import FactReader
from shared.services.onset_on_request import onset_risk
from shared.services.patient_news import Whose, vital_tokens
from shared.services.rebuild import AlertsOnRecord, Comparison, Difference, differ_where_both
from shared.services.replicate import Incoming, Replicate
from shared.services.said_by_models import Said, Version
from shared.services.score_writes import assessment_item
from shared.services.served_models import Models

TYPES: Final = frozenset({
    "Patient", "Encounter", "Observation", "Condition", "Procedure", "MedicationRequest"
})  # fmt: skip
"""What the models look at."""
_RATED: Final = vital_tokens(falls.CODE)[0]
Reaction = Callable[[Sequence[Item]], object]


class ReplayClock:
    """Stands at the instant of what is recorded again; whoever sleeps moves it."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def stand_at(self, now: datetime) -> None:
        """What happens next happens then."""
        self._now = now


class ModelReplay:
    """Records the versions of homes with a hospital stay or a rating again, into empty records."""

    def __init__(
        self, rebuilt: Records, bodies: Bodies, replay: Records, replicate: Replicate, clock: ReplayClock
    ) -> None:
        self._rebuilt = rebuilt
        self._bodies = bodies
        self._replay = replay
        self._replicate = replicate
        self._clock = clock

    def run(self, reactions: Iterable[Reaction], said: Said, at_the_hour: Callable[[Whose], object]) -> None:
        """Version by version; the reactions are told after each instant.

        `at_the_hour` is told of a patient where an assessment of sepsis was recorded: it says nothing where a reading was
        the reason for it.
        """
        told = tuple(reactions)
        homes = self._homes()
        versions = [item for item in self._versions() if (item["tenant"], item["home"]) in homes]
        versions.sort(key=lambda item: (item["lastUpdated"], item["sv"]))
        events: list[tuple[str, Sequence[Item] | Version]] = [
            (at, list(group)) for at, group in groupby(versions, key=lambda item: str(item["lastUpdated"]))
        ]
        events += [(each.recorded_at, each) for each in said.versions if each.model == SEPSIS.model]
        for at, event in sorted(events, key=lambda each: each[0]):
            if isinstance(event, Version):
                self._clock.stand_at(event.at)
                at_the_hour(event.whose)
            else:
                self._clock.stand_at(parse_instant(at) or self._clock.now())
                self._record(event, told)

    def _record(self, versions: Sequence[Item], told: Sequence[Reaction]) -> None:
        items = [self._again(item) for item in versions]
        self._replicate.apply(Incoming(item, None) for item in items)
        there = (self._replay.read(each["tenant"], each["home"], current_id(key_of(each))) for each in items)
        page = [each for each in there if each is not None]
        for reaction in told:
            reaction(page)

    def _versions(self) -> Iterator[Item]:
        for kind in (Kind.HISTORY, Kind.CURRENT):
            found = self._rebuilt.query(Query(kind, None, None, (Compare("door", "!=", Door.SCORE),)))
            yield from (item for item in found if item["type"] in TYPES)

    def _homes(self) -> set[tuple[str, str]]:
        return {(item["tenant"], item["home"]) for item in self._versions() if self._is_of_a_stay(item)}

    def _is_of_a_stay(self, item: Item) -> bool:
        if item["deleted"] or item["type"] not in ("Encounter", "Observation"):
            return False
        if item["type"] == "Observation":
            return _RATED in item.get("ix", {}).get("t", ())
        class_ = json.decode_object(self._bodies.text(item)).get("class") or {}
        return class_.get("code") in CLASSES

    def _again(self, item: Item) -> Item:
        """The version as the current item it was."""
        tenant, home, key = item["tenant"], item["home"], key_of(item)
        origin = Provenance(Door(item["door"]), item["sv"], item["lastUpdated"])
        if item["deleted"]:
            return tombstone_item(tenant, home, key, origin)
        return resource_item(tenant, home, json.decode_object(self._bodies.text(item)), key, origin)


def ask_onset(said: Said, models: Models, facts: FactReader, ours: Said) -> None:
    """Adds to `ours` what the onset models of then say of the rebuilt facts at each instant at which they said something."""
    for each in said.versions:
        model = models.published(ONSET.model, each.sha256) if each.model == ONSET.model else None
        if model is None:
            continue
        risk = onset_risk(model, facts, each.whose[0], each.patient, each.at, each.at)
        if isinstance(risk, ModelRisk):
            resource = model_assessment(risk, ONSET, id=each.id, patient=str(each.patient))
            item = assessment_item(*each.whose[:2], resource, each.at)
            ours.add(item, json.decode_object(json.encode(resource)))


def compare_models(live: Records, replay: Records, theirs: Said, ours: Said, result: Comparison) -> None:
    """Adds what differs between what the platform said and what the replay says from the same."""
    result.differences += (Difference("risk assessment: unreadable", name) for name in theirs.unreadable)
    result.said += len(theirs.by_evidence)
    for evidence, said in theirs.by_evidence.items():
        if evidence in ours.by_evidence:
            result.replayed += 1
            if said[-1] not in ours.by_evidence[evidence]:
                text = "risk assessment: differs from what follows from raw"
                result.differences.append(Difference(text, evidence[0]))
    missing = (
        last.name
        for stay, last in ours.last_words.items()
        if not _is_said(live, theirs.last_words.get(stay), last)
    )
    for name in sorted(missing):
        result.differences.append(Difference("risk assessment: follows from raw, not on record", name))
    _compare_alerts(live, replay, theirs, ours, result)
    result.compared.append("what models said")


def _is_said(live: Records, newest: Version | None, last: Version) -> bool:
    """Whether a last word of the replay is on record, or another one as late.

    Of sepsis there is one assessment for each version of the model and hour of the stay, and another may have been made by
    another version, or by the clock. Of a discharge there is one: its instant says which end of the stay it is of.
    """
    if last.model != SEPSIS.model:
        return newest is not None and newest.at >= last.at
    tenant, home, _ = last.whose
    there = live.read(tenant, home, current_id(ResourceKey("RiskAssessment", last.id)))
    return there is not None or (newest is not None and newest.id != last.id and newest.at >= last.at)


def _compare_alerts(live: Records, replay: Records, theirs: Said, ours: Said, result: Comparison) -> None:
    their_alerts, our_alerts = AlertsOnRecord(live), AlertsOnRecord(replay)
    unreadable = their_alerts.unreadable
    differ_where_both(
        "alert", their_alerts.texts(falls.MODEL), our_alerts.texts(falls.MODEL, but=unreadable), result
    )
    their_sepsis, our_sepsis = (each.of(SEPSIS.model) for each in (their_alerts, our_alerts))
    active = {_whose(item) for item in their_sepsis.values() if item["alert"]["status"] == "active"}
    unheard = _alarmed(theirs, ours) - active
    for name, item in sorted(our_sepsis.items()):
        if item["alert"]["status"] == "active" and _whose(item) in unheard and name not in unreadable:
            result.differences.append(Difference("alert: follows from raw, not on record", name))
    for name, item in sorted(their_sepsis.items()):
        began = parse_instant(item["alert"]["began_at"])
        assert began is not None  # or it were unreadable
        there, again = (each.indexes.get((_whose(item), began), {}) for each in (theirs, ours))
        if (
            again
            and there.keys() <= again.keys()
            and max(again[each] for each in there or again) <= ALARM_ABOVE
        ):
            result.differences.append(Difference("alert: no value in raw raises it", name))


def _alarmed(theirs: Said, ours: Said) -> set[Whose]:
    """The patients whose newest sepsis risk is above the operating point, unless another model spoke last live."""
    return {
        last.whose
        for stay, last in ours.last_words.items()
        if last.model == SEPSIS.model
        and last.index > ALARM_ABOVE
        and theirs.last_words.get(stay, last).sha256 == last.sha256
    }


def _whose(alert: Item) -> Whose:
    return alert["tenant"], alert["home"], alert["alert"]["patient"]
