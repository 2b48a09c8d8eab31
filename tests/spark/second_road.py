"""Gold by a second road: plain Python from the bundles themselves, sharing no module with the first.

Ids are the sender's here and minted there, so rows are compared without them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from statistics import fmean, median
from typing import Any

Resource = dict[str, Any]
Rows = list[tuple[Any, ...]]
DAY_S = 86_400.0
BOUNDS = ((75, "75+"), (65, "65-74"), (45, "45-64"), (25, "25-44"), (15, "15-24"), (0, "0-14"))


def at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def ref(reference: Resource | None) -> str | None:
    return reference["reference"].rpartition(":")[2].rpartition("/")[2] if reference else None


def coding(concept: Resource | None) -> Resource:
    return (concept or {}).get("coding", [{}])[0]


def days(start: datetime, end: datetime) -> float:
    return (end - start) / timedelta(days=1)


def month(day: date) -> date:
    return day.replace(day=1)


def group_of(born: date | None, on: date | None) -> str:
    if born is None or on is None:
        return "unknown"
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return next((label for lower, label in BOUNDS if years >= lower), "unknown")


def score_interval(k: int, n: int) -> tuple[float | None, float | None, float | None]:
    if not n:
        return None, None, None
    z, p = 1.959963984540054, k / n
    root = z * sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = ((p + z**2 / (2 * n) + sign * root) / (1 + z**2 / n) for sign in (-1, 1))
    return p, max(0.0, low), min(1.0, high)


class Sample:
    """The resources of bundles, by type and id, each once."""

    def __init__(self, bundles: Iterable[Resource]) -> None:
        self.by_type: dict[str, dict[str, Resource]] = defaultdict(dict)
        for bundle in bundles:
            for entry in bundle["entry"]:
                resource = entry["resource"]
                self.by_type[resource["resourceType"]][resource["id"]] = resource
        self._by_patient: dict[str, dict[str, list[Resource]]] = {}
        self.patients = self.by_type["Patient"]
        self.encounters = self.by_type["Encounter"]
        self.conditions = self.by_type["Condition"]
        ends = [
            at(each["period"].get(side)) for each in self.encounters.values() for side in ("start", "end")
        ]
        self.as_of = max(each.date() for each in ends if each)
        self.visits: dict[str, list[Resource]] = defaultdict(list)
        for each in sorted(self.encounters.values(), key=lambda one: (at(one["period"]["start"]), one["id"])):
            self.visits[str(ref(each["subject"]))].append(each)

    def all(self, type_: str) -> list[Resource]:
        return list(self.by_type[type_].values())

    def of(self, patient: str, type_: str) -> list[Resource]:
        if type_ not in self._by_patient:
            groups = self._by_patient[type_] = defaultdict(list)
            for each in self.all(type_):
                groups[str(ref(each["subject"]))].append(each)
        return self._by_patient[type_][patient]

    def died(self, patient: str) -> datetime | None:
        return at(self.patients[patient].get("deceasedDateTime"))

    def born(self, patient: str) -> date:
        return date.fromisoformat(self.patients[patient]["birthDate"])


def start(encounter: Resource) -> datetime:
    found = at(encounter["period"]["start"])
    assert found is not None
    return found


def encounters_per_condition(sample: Sample) -> Rows:
    found: dict[tuple[Any, ...], set[tuple[str, str]]] = defaultdict(set)
    for each in sample.all("Condition"):
        encounter, patient = ref(each["encounter"]), ref(each["subject"])
        on = start(sample.encounters[str(encounter)]).date()
        code = coding(each["code"])["code"]
        found[code, group_of(sample.born(str(patient)), on)].add((str(encounter), str(patient)))
    return [
        (*key, len({encounter for encounter, _ in pairs}), len({patient for _, patient in pairs}))
        for key, pairs in found.items()
    ]


def _drug(concept: Resource) -> tuple[str, str]:
    return coding(concept)["code"], coding(concept)["display"]


def journeys(sample: Sample) -> list[dict[str, Any]]:
    records: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for each in sample.all("Condition"):
        records[str(ref(each["subject"])), coding(each["code"])["code"]].append(each)
    orders: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for each in sample.all("MedicationRequest"):
        for reason in each.get("reasonReference", [])[:1]:
            condition = sample.conditions[str(ref(reason))]
            orders[str(ref(each["subject"])), coding(condition["code"])["code"]].append(each)
    found = []
    for (patient, code), group in records.items():
        diagnosed = min(at(each["recordedDate"]) for each in group)  # type: ignore[type-var]
        assert diagnosed is not None
        dawn = diagnosed.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = [at(each.get("abatementDateTime")) for each in group]
        about = {str(ref(each["encounter"])) for each in group}
        visits = sample.visits[patient]
        first = [
            start(each)
            for each in visits
            if each["id"] in about or coding(each.get("reasonCode", [{}])[0]).get("code") == code
        ]
        later = sorted(
            (at(each["authoredOn"]), *_drug(each["medicationCodeableConcept"]))
            for each in orders[patient, code]
            if at(each["authoredOn"]) >= dawn  # type: ignore[operator]
        )
        treated = later[0][0] if later else None
        since = [start(each) for each in visits if start(each) >= dawn]
        resolved = None if None in ends else max(end for end in ends if end)
        found.append(
            {
                "patient": patient,
                "code": code,
                "display": min(coding(each["code"])["display"] for each in group),
                "records": len(group),
                "diagnosed": diagnosed,
                "first": min(first, default=None),
                "treated": treated,
                "medication": later[0][2] if later else None,
                "before": sum(treated is None or each < treated for each in since),
                "after": sum(treated is not None and each >= treated for each in since),
                "resolved": resolved,
                "to_medication": max(0.0, days(diagnosed, treated)) if treated else None,
                "to_resolution": max(0.0, days(diagnosed, resolved))
                if resolved and resolved.date() >= diagnosed.date()
                else None,
                "died": sample.died(patient),
            }
        )
    return found


def journey_averages(found: list[dict[str, Any]]) -> Rows:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in found:
        groups[each["code"]].append(each)

    def mean(values: Iterable[float | None]) -> float | None:
        known = [each for each in values if each is not None]
        return fmean(known) if known else None

    rows = []
    for code, group in groups.items():
        usual = Counter(each["medication"] for each in group if each["medication"])
        times = [each["to_resolution"] for each in group if each["to_resolution"] is not None]
        resolved = sum(each["resolved"] is not None for each in group)
        treated = sum(each["treated"] is not None for each in group)
        rows.append(
            (
                *(code, len(group), treated, resolved),
                mean(each["to_medication"] for each in group),
                mean(float(each["before"]) for each in group),
                mean(float(each["after"]) if each["treated"] else None for each in group),
                mean(times),
                median(times) if times else None,
                *score_interval(treated, len(group)),
                min(usual, key=lambda name: (-usual[name], name)) if usual else None,
            )
        )
    return rows


def surveillance_counts(sample: Sample) -> Rows:
    found: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for each in sample.all("Condition"):
        patient = str(ref(each["subject"]))
        address = sample.patients[patient]["address"][0]
        recorded = at(each["recordedDate"])
        assert recorded is not None
        for place in (f"{address['city']}, {address['state']}", "all"):
            found[coding(each["code"])["code"], place, recorded.date()].add(patient)
    return [(*key, len(patients)) for key, patients in found.items()]


def operations(sample: Sample) -> Rows:
    cells: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, 0, 0, [], 0.0])
    for each in sample.all("Encounter"):
        began, ended = start(each), at(each["period"]["end"])
        assert ended is not None
        ended_there = min(ended, began + timedelta(days=366))
        place = (ref(each["serviceProvider"]), each["class"]["code"])
        on = began.date()
        while on <= ended_there.date():
            cell = cells[(*place, on)]
            dawn = datetime(on.year, on.month, on.day, tzinfo=UTC)
            night = dawn + timedelta(days=1)
            cell[0] += began.date() == on
            cell[2] += began < night <= ended_there
            cell[4] += max(0.0, days(max(began, dawn), min(ended_there, night)))
            if ended.date() == on:
                cell[1] += 1
                cell[3].append(days(began, ended))
            on += timedelta(days=1)
    peak: dict[tuple[Any, ...], float] = defaultdict(float)
    for (place, class_, _), cell in cells.items():
        peak[place, class_] = max(peak[place, class_], cell[4])
    return [
        (
            *(class_, on, admitted, left, census, fmean(stays) if stays else None, occupied),
            occupied / peak[place, class_] if peak[place, class_] else None,
        )
        for (place, class_, on), (admitted, left, census, stays, occupied) in cells.items()
    ]


def costs(sample: Sample) -> Rows:
    found: dict[str, list[float]] = defaultdict(list)
    for each in sample.all("Claim"):
        named = [ref(one) for item in each["item"] for one in item.get("encounter", [])]
        if named and each["status"] not in ("cancelled", "draft", "entered-in-error"):
            found[str(named[0])].append(float(each["total"]["value"]))
    return [
        (encounter["class"]["code"], start(encounter).date(), len(totals), sum(totals))
        for id_, totals in found.items()
        for encounter in [sample.encounters[id_]]
    ]
