"""The second road's outcomes, cohorts, use of practitioners and procedures, costs by class, and surveillance flags."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from tests.spark.second_road import (
    Resource,
    Rows,
    Sample,
    at,
    coding,
    days,
    month,
    ref,
    score_interval,
    start,
)
from tests.spark.second_road_rows import episodes

DEFINITIONS = Path(__file__).parents[2] / "spark" / "gold" / "cohort_definitions"


def outcomes(sample: Sample, journeys: list[dict[str, Any]]) -> Rows:
    stays: dict[str, list[tuple[date, bool]]] = defaultdict(list)
    for each in episodes(sample):
        if each["excluded"] is None and each["out"] + timedelta(days=30) <= sample.as_of:
            stays[each["patient"]].append((each["out"], each["readmitted"]))
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for each in journeys:
        groups[each["code"], each["medication"] or "none"].append(each)
    rows: Rows = []
    for key, group in groups.items():
        resolved = sum(each["resolved"] is not None for each in group)
        resolutions = [each["to_resolution"] for each in group if each["to_resolution"] is not None]
        deaths = [
            days(each["diagnosed"], each["died"])
            for each in group
            if each["died"] and each["died"].date() >= each["diagnosed"].date()
        ]
        after = [
            [again for out, again in stays[each["patient"]] if out >= each["diagnosed"].date()]
            for each in group
        ]
        treated_in = [each for each in after if each]
        again = sum(any(each) for each in treated_in)
        rows.append(
            (
                *(*key, len(group), resolved, len(deaths), len(treated_in), again),
                *_mean_and_median(resolutions),
                *_mean_and_median(deaths),
                *score_interval(resolved, len(group)),
                *score_interval(len(deaths), len(group)),
                *score_interval(again, len(treated_in)),
            )
        )
    return rows


def _mean_and_median(values: list[float]) -> tuple[float | None, float | None]:
    return (fmean(values), median(values)) if values else (None, None)


def _met(sample: Sample, criterion: Resource, patient: str) -> tuple[date | None, date | None]:
    """From when on a criterion is met, and when its condition was over."""
    ((kind, wanted),) = criterion.items()
    if kind == "observation":
        found = [
            at(each["effectiveDateTime"])
            for each in sample.of(patient, "Observation")
            if coding(each["code"])["code"] in wanted["codes"]
            and each["valueQuantity"]["code"] == wanted["unit"]
            and float(each["valueQuantity"]["value"]) >= wanted["at_least"]
        ]
        return (min(each.date() for each in found if each), None) if found else (None, None)
    assert kind == "condition"
    records = [each for each in sample.of(patient, "Condition") if coding(each["code"])["code"] in wanted]
    if not records:
        return None, None
    ends = [at(each.get("abatementDateTime")) for each in records]
    first = min(at(each["recordedDate"]).date() for each in records)  # type: ignore[union-attr]
    return first, None if None in ends else max(each.date() for each in ends if each)


def cohorts(sample: Sample) -> Rows:
    rows: Rows = []
    for path in DEFINITIONS.glob("*.json"):
        definition = json.loads(path.read_text("utf-8"))
        for patient, resource in sample.patients.items():
            met = [_met(sample, criterion, patient) for criterion in definition["all_of"]]
            first = [on for on, _ in met if on]
            if len(first) < len(met) or resource["gender"] != definition.get("gender", resource["gender"]):
                continue
            entered, born = max(first), sample.born(patient)
            years = entered.year - born.year - ((entered.month, entered.day) < (born.month, born.day))
            over = met[0][1] if definition.get("ends_with_condition") else None
            died = sample.died(patient)
            left = min((each for each in (over, died.date() if died else None) if each), default=None)
            if years >= definition.get("from_age", 0) and (left is None or left >= entered):
                why = None if left is None else "resolved" if left == over else "died"
                rows.append((definition["name"], entered, left, why))
    return rows


def practitioners(sample: Sample) -> Rows:
    found: dict[tuple[str, date], list[Resource]] = defaultdict(list)
    for each in sample.all("Encounter"):
        for one in each.get("participant", [])[:1]:
            found[str(ref(one["individual"])), month(start(each).date())].append(each)
    return [
        (
            *(on, len(visits), len({ref(each["subject"]) for each in visits})),
            sum(days(start(each), at(each["period"]["end"])) * 24 for each in visits),  # type: ignore[arg-type]
        )
        for (_, on), visits in found.items()
    ]


def procedures(sample: Sample) -> Rows:
    found: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for each in sample.all("Procedure"):
        place = ref(sample.encounters[str(ref(each["encounter"]))]["serviceProvider"])
        on = at(each["performedPeriod"]["start"])
        assert on is not None
        code = coding(each["code"])["code"]
        found[place, month(on.date()), code].append(str(ref(each["subject"])))
    return [(on, code, len(who), len(set(who))) for (_, on, code), who in found.items()]


def costs_by_class(sample: Sample) -> Rows:
    found: dict[tuple[str, int], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for each in sample.all("Claim"):
        named = [ref(one) for item in each["item"] for one in item.get("encounter", [])]
        if named and each["status"] not in ("cancelled", "draft", "entered-in-error"):
            encounter = sample.encounters[str(named[0])]
            year = start(encounter).year
            found[encounter["class"]["code"], year][encounter["id"]] += float(each["total"]["value"])
    rows: Rows = []
    for (class_, year), claimed in found.items():
        people = {ref(sample.encounters[each]["subject"]) for each in claimed}
        total = sum(claimed.values())
        rows.append(
            (class_, year, len(claimed), len(people), total, total / len(claimed), total / len(people))
        )
    return rows


def top_conditions(prevalence: Rows) -> Rows:
    """From the rows of `second_road.prevalence`."""
    ages: dict[str, Rows] = defaultdict(list)
    for code, dimension, stratum, people, hidden, cases, *_ in prevalence:
        if dimension == "age_group" and not hidden and cases:
            ages[stratum].append((-cases, code, people))
    return [
        (age, rank, code, -cases, people)
        for age, rows in ages.items()
        for rank, (cases, code, people) in enumerate(sorted(rows)[:5], 1)
    ]


def flags(counts: Rows) -> Rows:
    """From the rows of `second_road.surveillance_counts`: the days of note of two years, by the books of EARS and Page."""
    oldest, newest = (side(on for _, _, on, _ in counts) for side in (min, max))
    series: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    for code, place, on, cases in counts:
        series[code, place][on] = cases
    rows: Rows = []
    for key, cases in series.items():
        since = newest - timedelta(days=730)
        recent = [on for on in cases if on >= since - timedelta(days=30)]
        if not recent:
            continue
        first = max(oldest, max(min(recent), since) - timedelta(days=30))
        values = [cases.get(first + timedelta(days=n), 0) for n in range((newest - first).days + 1)]
        for number, found in enumerate(_aberrations(values)):
            on = first + timedelta(days=number)
            if on >= since and (values[number] or any(found[4:])):
                rows.append((*key, on, values[number], *found))
    return rows


def _score(values: list[int], day: int, length: int, gap: int) -> float | None:
    past = values[day - gap - length : day - gap] if day >= gap + length else []
    return (values[day] - fmean(past)) / max(stdev(past), 0.5) if past else None


def _aberrations(values: list[int]) -> Rows:
    rows: Rows = []
    total = 0.0
    second = [_score(values, day, 7, 2) for day in range(len(values))]
    for day in range(len(values)):
        one, two, long = _score(values, day, 7, 0), second[day], _score(values, day, 28, 2)
        known = [each for each in second[max(0, day - 2) : day + 1] if each is not None]
        three = sum(max(0.0, each - 1) for each in known) if len(known) == 3 else None
        shown = None
        if long is not None:
            shown = total = max(0.0, total + long - 1)
        alarms = (
            *(one is not None and one > 3, two is not None and two > 3, three is not None and three > 2),
            shown is not None and shown > 4,
        )
        rows.append((one, two, three, shown, *alarms))
        total = 0.0 if alarms[3] else total
    return rows
