"""What the platform's models have said, every version of their RiskAssessments, and which model said it when."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.models.artefact import PublishedModel
from shared.domain.records import Door, Item, Kind
from shared.domain.stays.assessment import EXTENSION_MODEL, said_by
from shared.domain.stays.model_risk import SEPSIS
from shared.errors import InputError
from shared.ports.clock import Clock
from shared.ports.records import Compare, Query, Records
from shared.services.bodies import UNREADABLE, Bodies
from shared.services.patient_news import Whose
from shared.services.served_models import Models

_SCORED: Final = (Compare("door", "=", Door.SCORE), Compare("type", "=", "RiskAssessment"))
Evidence = tuple[str, str, str, tuple[str, ...]]
"""RiskAssessment, instant, SHA-256 of the model, and the versions that it rests on."""
Stay = tuple[str, str, str]
"""Tenant, model and Encounter."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an assessment: which, of whom, by which model, its risk index, of which instant, and when recorded."""

    id: str
    whose: Whose
    model: str
    sha256: str
    index: float
    at: datetime
    recorded_at: str

    @property
    def name(self) -> str:
        """Tenant and reference."""
        return f"{self.whose[0]} RiskAssessment/{self.id}"

    @property
    def patient(self) -> ResourceKey:
        """Whom it is about."""
        return ResourceKey("Patient", self.whose[2].removeprefix("Patient/"))


class Said:
    """The assessments of models in records, every version; `unreadable` names those that were altered or are gone."""

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self.unreadable: list[str] = []
        self.by_evidence: dict[Evidence, list[str]] = defaultdict(list)
        self.indexes: dict[tuple[Whose, datetime], dict[str, float]] = defaultdict(dict)
        """The highest sepsis risk of a patient at an instant by the SHA-256 of the model."""
        self.last_words: dict[Stay, Version] = {}
        """The newest assessment of a stay or discharge."""

    @classmethod
    def of(cls, records: Records, bodies: Bodies) -> Said:
        """Those in records; of each version what it says, the oldest first."""
        found = cls()
        items = [
            item
            for kind in (Kind.HISTORY, Kind.CURRENT)
            for item in records.query(Query(kind, None, None, _SCORED))
        ]
        for item in sorted(items, key=lambda each: str(each.get("sv"))):
            if not item.get("deleted"):
                try:
                    found.add(item, json.decode_object(bodies.text(item)))
                except UNREADABLE:
                    name = f"RiskAssessment/{item.get('rid')}/_history/{item.get('version')}"
                    found.unreadable.append(f"{item['tenant']} {name}")
        return found

    def add(self, item: Item, risk: dict[str, Any]) -> None:
        """Takes in one version, or raises one of UNREADABLE; one that no model said is left out."""
        said = said_by(risk)
        if said is None:
            return
        at = said["as_of"]
        if at is None:
            raise InputError("The instant of an assessment cannot be read.")
        whose = item["tenant"], item["home"], risk["subject"]["reference"]
        model, sha256, index = str(said["model"]), str(said["model_sha256"]), float(said["risk_index"])
        version = Version(item["rid"], whose, model, sha256, index, at, item["lastUpdated"])
        basis = tuple(sorted(str(each["reference"]) for each in risk["basis"]))
        evidence = version.name, risk["occurrenceDateTime"], version.sha256, basis
        content = _content(risk)
        stay = (item["tenant"], model, str(risk["encounter"]["reference"])) if "encounter" in risk else None
        self.versions.append(version)
        self.by_evidence[evidence].append(content)
        if model == SEPSIS.model:
            indexes = self.indexes[whose, at]
            indexes[sha256] = max(index, indexes.get(sha256, index))
        if stay and (stay not in self.last_words or self.last_words[stay].at <= at):
            self.last_words[stay] = version


class ModelsOfThen:
    """The models that were in service when a clock stands: those named by what was recorded next. See `Models`."""

    def __init__(self, said: Said, published: Models, clock: Clock) -> None:
        self._published = published
        self._clock = clock
        self._recorded: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for each in said.versions:
            recorded = parse_instant(each.recorded_at)
            if recorded is not None:
                self._recorded[each.model].append((recorded, each.sha256))
        for recorded_of_model in self._recorded.values():
            recorded_of_model.sort()
        self.published = cache(published.published)

    def model(self, name: str) -> PublishedModel:
        """The model of then; the one of now where nothing was recorded later, or where it cannot be had any more."""
        recorded = self._recorded[name]
        place = bisect_left(recorded, (self._clock.now(), ""))
        then = self.published(name, recorded[place][1]) if place < len(recorded) else None
        return then or self._published.model(name)


def _content(risk: dict[str, Any]) -> str:
    """What it says, without how many values did not count: that depends on what was seen twice."""
    (extension,) = (each for each in risk["extension"] if each["url"] == EXTENSION_MODEL)
    parts = [part for part in extension["extension"] if part["url"] != "notCounted"]
    return json.encode({"method": risk["method"], "prediction": risk["prediction"], "parts": parts})
