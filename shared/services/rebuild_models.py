"""What models and charted risks should have said, replayed from rebuilt records in the order of recording, and compared.

A sepsis score follows from what was known when it was made, so every version is recorded again one after another, the clock
standing at its instant, and each is reacted to by itself. The platform takes what came together as one piece of news: it
says less often than the replay. So what it said is compared with what the replay said from the same versions at the
same instant, and must exist where the replay's last word on a stay, a discharge or a rating says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from shared.domain.alerts import falls
from shared.domain.fhir import json
from shared.domain.fhir.dates import parse_instant
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
from shared.domain.stays.assessment import EXTENSION_MODEL, said_by
from shared.domain.stays.encounters import CLASSES
from shared.domain.stays.model_risk import READMISSION, SEPSIS
from shared.domain.stays.sepsis_risk import ALARM_ABOVE
from shared.ports.records import Compare, Query, Records
from shared.services.bodies import Bodies
from shared.services.patient_news import vital_tokens
from shared.services.rebuild import Comparison, Difference, differ_where_both
from shared.services.replicate import Incoming, Replicate

TYPES: Final = frozenset({
    "Patient", "Encounter", "Observation", "Condition", "Procedure", "MedicationRequest"
})  # fmt: skip
"""What the models look at."""
_RATED: Final = vital_tokens(falls.CODE)[0]
_SCORED: Final = (Compare("door", "=", Door.SCORE), Compare("type", "=", "RiskAssessment"))
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

    def run(self, reactions: Iterable[Reaction]) -> None:
        """Version by version; the reactions are told after each instant."""
        told = tuple(reactions)
        homes = self._homes()
        versions = [item for item in self._versions() if (item["tenant"], item["home"]) in homes]
        versions.sort(key=lambda item: (item["lastUpdated"], item["sv"]))
        for at, group in groupby(versions, key=lambda item: str(item["lastUpdated"])):
            self._clock.stand_at(parse_instant(at) or self._clock.now())
            items = [self._again(item) for item in group]
            self._replicate.apply(Incoming(item, None) for item in items)
            there = (
                self._replay.read(each["tenant"], each["home"], current_id(key_of(each))) for each in items
            )
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


def compare_models(
    live: Records, live_bodies: Bodies, replay: Records, replay_bodies: Bodies, result: Comparison
) -> None:
    """Adds what differs between what the platform said and what the replay says from the same."""
    ours, theirs = Said.of(replay, replay_bodies), Said.of(live, live_bodies)
    for evidence, said in theirs.by_evidence.items():
        if evidence in ours.by_evidence:
            result.replayed += 1
            if said[-1] not in ours.by_evidence[evidence]:
                text = "risk assessment: differs from what follows from raw"
                result.differences.append(Difference(text, evidence[0]))
    for name in sorted(ours.last_words - theirs.names):
        result.differences.append(Difference("risk assessment: follows from raw, not on record", name))
    _compare_alerts(live, replay, ours, result)


class Said:
    """The assessments of models in records, every version."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.by_evidence: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
        self.indexes: dict[tuple[str, datetime], list[float]] = defaultdict(list)
        self._newest: dict[tuple[str, str], tuple[datetime, str, float, str]] = {}

    @classmethod
    def of(cls, records: Records, bodies: Bodies) -> Said:
        """Those of sepsis and readmission; of each version what it says, the oldest first."""
        found = cls()
        items = [
            item
            for kind in (Kind.HISTORY, Kind.CURRENT)
            for item in records.query(Query(kind, None, None, _SCORED))
        ]
        for item in sorted(items, key=lambda each: str(each["sv"])):
            if not item["deleted"]:
                found._add(
                    f"{item['tenant']} RiskAssessment/{item['rid']}", json.decode_object(bodies.text(item))
                )
        return found

    def _add(self, name: str, risk: dict[str, Any]) -> None:
        said = said_by(risk)
        if said is None or said["model"] not in (SEPSIS.model, READMISSION.model):
            return
        self.names.add(name)
        basis = tuple(sorted(each["reference"] for each in risk["basis"]))
        self.by_evidence[name, risk["occurrenceDateTime"], basis].append(_content(risk))
        patient, at, index = risk["subject"]["reference"], said["as_of"], float(said["risk_index"])
        if said["model"] == SEPSIS.model:
            self.indexes[patient, at].append(index)
        stay = (said["model"], risk["encounter"]["reference"])
        if stay not in self._newest or self._newest[stay][0] <= at:
            self._newest[stay] = at, name, index, patient

    @property
    def last_words(self) -> set[str]:
        """The newest assessment of each stay and discharge."""
        return {name for _, name, _, _ in self._newest.values()}

    @property
    def alarmed(self) -> set[str]:
        """The patients whose newest sepsis risk is above the operating point."""
        last = ((model, index, patient) for (model, _), (_, _, index, patient) in self._newest.items())
        return {patient for model, index, patient in last if model == SEPSIS.model and index > ALARM_ABOVE}


def _content(risk: dict[str, Any]) -> str:
    """What it says, without how many values did not count: that depends on what was seen twice."""
    (extension,) = (each for each in risk["extension"] if each["url"] == EXTENSION_MODEL)
    parts = [part for part in extension["extension"] if part["url"] != "notCounted"]
    return json.encode({"method": risk["method"], "prediction": risk["prediction"], "parts": parts})


def _compare_alerts(live: Records, replay: Records, ours: Said, result: Comparison) -> None:
    differ_where_both("alert", _texts(live, falls.MODEL), _texts(replay, falls.MODEL), result)
    their_sepsis, our_sepsis = (_alerts(each, SEPSIS.model) for each in (live, replay))
    active = {alert["patient"] for alert in their_sepsis.values() if alert["status"] == "active"}
    for name, alert in sorted(our_sepsis.items()):
        patient = alert["patient"]
        if alert["status"] == "active" and patient in ours.alarmed and patient not in active:
            result.differences.append(Difference("alert: follows from raw, not on record", name))
    for name, alert in sorted(their_sepsis.items()):
        began = parse_instant(alert["began_at"])
        indexes = ours.indexes.get((alert["patient"], began)) if began else None
        if indexes and max(indexes) <= ALARM_ABOVE:
            result.differences.append(Difference("alert: no value in raw raises it", name))


def _alerts(records: Records, model: str) -> dict[str, dict[str, Any]]:
    found = records.query(Query(Kind.ALERT, None, None, (Compare("alert.model", "=", model),)))
    return {f"{item['tenant']} {item['id']}": item["alert"] for item in found}


def _texts(records: Records, model: str) -> dict[str, str]:
    """The alerts of a model as texts, without who has seen them."""
    people = ("acknowledged_by", "acknowledged_at")
    return {
        name: json.encode({part: value for part, value in alert.items() if part not in people})
        for name, alert in _alerts(records, model).items()
    }
