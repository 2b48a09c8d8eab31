"""What the change feed says of patients: readings to be folded, readings taken back, a context that may have changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.fhir.identity import is_minted
from shared.domain.fhir.search_index import COMPONENT_CODE
from shared.domain.records import Item, Kind
from shared.domain.scores.advance import WINDOW
from shared.domain.vitals import ObservedVitals, removed, vitals_of
from shared.domain.vitals.parameters import LOINC, PARAMETER_CODES
from shared.ports.meter import Meter
from shared.ports.records import Compare, Query, Records
from shared.services.bodies import Bodies

MONITORED_FOR: Final = WINDOW
"""A reading older than this when it was recorded is history: it is kept on record, but scores do not follow from it."""
Whose = tuple[str, str, str]
"""Tenant, home and `Patient/<id>`."""


def vital_tokens(code: str) -> tuple[str, str]:
    """How the index shows a LOINC code: as that of an Observation, and of a component."""
    return f"code|{LOINC}|{code}", f"{COMPONENT_CODE}||{code}"


_VITAL_TOKENS: Final = frozenset(
    token for codes in PARAMETER_CODES.values() for code in codes for token in vital_tokens(code)
)


@dataclass(slots=True)
class PatientNews:
    """What arrived for one patient. `anywhere`: a reading may already be counted at another time than it has now."""

    observed: list[ObservedVitals] = field(default_factory=list)
    recorded_at: str = ""
    trace: str = ""
    context_changed: bool = False
    anywhere: bool = False


def may_hold_vitals(item: Item) -> bool:
    """Whether a current Observation has a code that a vital sign is read from, itself or in a component."""
    return not _VITAL_TOKENS.isdisjoint(item["ix"]["t"])


class NewsGatherer:
    """Sorts the items of one invocation by patient; made anew for each, because it remembers what it looked up."""

    def __init__(self, records: Records, bodies: Bodies, meter: Meter) -> None:
        self._records = records
        self._bodies = bodies
        self._meter = meter
        self._followed: dict[tuple[str, str], list[str]] = {}
        self.news: dict[Whose, PatientNews] = defaultdict(PatientNews)

    def gather(self, items: Iterable[Item]) -> dict[Whose, PatientNews]:
        """The news of all items. Raises Busy and Unavailable."""
        for item in items:
            kind, type_ = item.get("kind"), item.get("type") or item.get("id", "").partition(".")[0]
            if type_ not in ("Observation", "Condition", "Patient"):
                continue
            left = kind == Kind.MOVED or (kind == Kind.POINTER and _left_its_address(item))
            if left or (kind == Kind.CURRENT and item["deleted"]):
                self._gone(item, type_)
            elif kind == Kind.CURRENT and type_ == "Observation":
                self._observation(item)
            elif kind == Kind.CURRENT:
                patient = f"Patient/{item['rid']}" if type_ == "Patient" else _patient_in(item)
                if patient:
                    self.news[item["tenant"], item["home"], patient].context_changed = True
        return self.news

    def _observation(self, item: Item) -> None:
        patient = _patient_in(item)
        found = self._vitals(item) if patient and may_hold_vitals(item) else None
        if found is None:
            if "supersedes" in item or "epoch" in item:
                self._gone(item, "Observation")
            return
        news = self.news[item["tenant"], item["home"], patient]
        news.observed.append(found)
        news.anywhere |= "supersedes" in item or "epoch" in item
        news.trace = news.trace or item.get("trace", "")
        news.recorded_at = max(news.recorded_at, item["lastUpdated"])

    def _vitals(self, item: Item) -> ObservedVitals | None:
        """None where it has nothing to say to a score: no vital sign, no instant, or history when it was recorded."""
        recorded = parse_instant(item["lastUpdated"])
        assert recorded is not None
        oldest = recorded - MONITORED_FOR
        # Its last possible instant stands in the index: a chart of years ago is told without a look at the body.
        dates = item["ix"].get("d")
        if dates is None:
            return None
        late = dates["date"]["hi"] < instant_text(oldest)
        found = None if late else _read(self._bodies, item)
        if late or (found and found.at is not None and found.at < oldest):
            self._meter.count("galen_readings_not_scored_total", reason="late")
            return None
        return found if found and (found.has_place or found.problem) else None

    def _gone(self, item: Item, type_: str) -> None:
        """What is deleted, has left this home, or is no vital sign any more counts no longer where it was counted.

        None of these names the patient: whoever is followed at this home may be meant.
        """
        if "sv" not in item:  # a move that was given up
            return
        followed = self._followed_at(item)
        if not followed or (type_ == "Observation" and not self._was_vital(item)):
            return
        for patient in followed:
            news = self.news[item["tenant"], item["home"], patient]
            if type_ == "Observation":
                id_ = item["id"].partition(".")[2]
                news.observed.append(removed(id=id_, version=item["version"], order=item["sv"]))
                news.anywhere = True
            else:
                news.context_changed = True

    def _followed_at(self, item: Item) -> list[str]:
        """The patients at an item's home of whom readings were counted, or are about to be."""
        where = item["tenant"], item["home"]
        if where not in self._followed:
            states = self._records.query(Query(Kind.STATE, *where))
            self._followed[where] = [state["patient"] for state in states]
        coming = [whose[2] for whose, news in self.news.items() if whose[:2] == where and news.observed]
        return list(dict.fromkeys(self._followed[where] + coming))

    def _was_vital(self, item: Item) -> bool:
        """Whether an earlier version, which this home keeps, may have been counted, or named as not counted."""
        id_ = item["id"].partition(".")[2]
        where = (
            Compare("type", "=", "Observation"),
            Compare("rid", "=", id_),
            Compare("deleted", "=", False),
        )
        past = self._records.query(Query(Kind.HISTORY, item["tenant"], item["home"], where))
        return any(_read(self._bodies, each).has_place for each in past)


def _left_its_address(item: Item) -> bool:
    """An id that was not minted here has as address a hash, where no patient lives: nothing ever left it."""
    return is_minted(item["id"].partition(".")[2])


def _read(bodies: Bodies, item: Item) -> ObservedVitals:
    resource = json.decode_object(bodies.text(item))
    return vitals_of(resource, id=item["rid"], version=item["version"], order=item["sv"])


def _patient_in(item: Item) -> str:
    for entry in item.get("ix", {}).get("r", ()):
        if entry.startswith("patient|"):
            return str(entry[len("patient|") :])
    return ""
