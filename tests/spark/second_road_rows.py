"""The second road's quality rows and safety signals: plain Python, sharing no module with the first."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from math import exp, log, sqrt
from typing import Any

from tests.spark.second_road import (
    BOUNDS,
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

HOSPITAL = {"IMP", "ACUTE", "NONAC"}


def quality_rows(sample: Sample) -> Rows:
    return [*_stays(sample), *_readmissions(sample), *_adherence(sample), *_latencies(sample)]


def _reason(sample: Sample, encounter: Resource) -> str:
    given = coding(encounter.get("reasonCode", [{}])[0]).get("code")
    recorded = [
        coding(each["code"])["code"]
        for each in sample.all("Condition")
        if ref(each["encounter"]) == encounter["id"]
    ]
    return str(given or min(recorded, default="none"))


def _hospital(visits: list[Resource]) -> list[Resource]:
    return [each for each in visits if each["class"]["code"] in HOSPITAL]


def _end(encounter: Resource) -> datetime:
    found = at(encounter["period"]["end"])
    assert found is not None
    return found


def _stays(sample: Sample) -> Rows:
    return [
        (
            "stay",
            _reason(sample, each),
            month(_end(each).date()),
            days(start(each), _end(each)),
            True,
            False,
            None,
        )
        for visits in sample.visits.values()
        for each in _hospital(visits)
    ]


PLANNED = {
    *("8715000", "305408004", "183495009", "56876005", "394656005", "52052004", "367336001", "703423002"),
    *("108290001", "33195004", "77465005", "70536003", "18027006", "32413006", "88039007", "23719005"),
    *("236974004", "66348005", "11466000"),
}


def episodes(sample: Sample) -> list[dict[str, Any]]:
    """Every stay in hospital, transfers joined, with what came of it within 30 days."""
    procedures: dict[str, set[str]] = defaultdict(set)
    for each in sample.all("Procedure"):
        procedures[str(ref(each["encounter"]))].add(coding(each["code"])["code"])
    found = []
    for patient, visits in sample.visits.items():
        emergencies = [_end(each).date() for each in visits if each["class"]["code"] == "EMER"]
        joined: list[tuple[Resource, Resource]] = []
        for each in _hospital(visits):
            if each["class"]["code"] == "NONAC":
                continue
            if joined:
                first, last = joined[-1]
                gap = (start(each).date() - _end(last).date()).days
                if start(each) <= _end(last) or (
                    gap <= 1 and each["serviceProvider"] != last["serviceProvider"]
                ):
                    joined[-1] = (first, each if _end(each) >= _end(last) else last)
                    continue
            joined.append((each, each))
        died = sample.died(patient)
        for number, (first, last) in enumerate(joined):
            out = _end(last).date()
            code = coding(last.get("hospitalization", {}).get("dischargeDisposition")).get("code")
            excluded = None
            if code in ("20", "exp") or (died and died.date() <= out):
                excluded = "died during the stay"
            elif code in ("07", "aadvice"):
                excluded = "left against advice"
            following = joined[number + 1][0] if number + 1 < len(joined) else None
            gap_days = (start(following).date() - out).days if following else None
            soon = gap_days is not None and gap_days <= 30
            unplanned = bool(following) and not _planned(following or {}, procedures, emergencies)
            found.append(
                {
                    "patient": patient,
                    "first": first,
                    "out": out,
                    "gap": float(gap_days or 0) if soon else None,
                    "excluded": excluded,
                    "readmitted": bool(soon and unplanned and excluded is None),
                }
            )
    return found


def _readmissions(sample: Sample) -> Rows:
    return [
        (
            *("readmission", _reason(sample, each["first"]), month(each["out"]), each["gap"]),
            *(each["excluded"] is None, each["readmitted"], each["excluded"]),
        )
        for each in episodes(sample)
    ]


def _planned(encounter: Resource, procedures: dict[str, set[str]], emergencies: list[date]) -> bool:
    codes = {
        coding(encounter["type"][0]).get("code"),
        coding(encounter.get("reasonCode", [{}])[0]).get("code"),
    }
    admitted = start(encounter).date()
    through_emergency = any(admitted - timedelta(days=1) <= each <= admitted for each in emergencies)
    return bool((codes | procedures[encounter["id"]]) & PLANNED) and not through_emergency


def _adherence(sample: Sample) -> Rows:
    fills: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for each in sample.all("MedicationRequest"):
        first = (each.get("dosageInstruction") or [{}])[0]
        if each["status"] not in ("draft", "cancelled", "entered-in-error", "unknown") and not first.get(
            "asNeededBoolean"
        ):
            fills[str(ref(each["subject"])), coding(each["medicationCodeableConcept"])["code"]].append(each)
    rows: Rows = []
    for (patient, _), orders in fills.items():
        orders.sort(key=lambda each: at(each["authoredOn"]))  # type: ignore[arg-type,return-value]
        dates = [datetime.fromisoformat(each["authoredOn"]).astimezone(UTC).date() for each in orders]
        last = dates[0] + timedelta(days=364)
        died = sample.died(patient)
        last = min(last, died.date()) if died else last
        covered: set[date] = set()
        supply_ends = dates[0]
        for on in dates:
            begins = max(on, supply_ends)
            supply_ends = begins + timedelta(days=30)
            covered |= {begins + timedelta(days=number) for number in range(30)}
        excluded = None
        if last <= dates[0]:
            excluded = "died on the day of the first fill"
        elif len({on for on in dates if on <= last}) < 2:
            excluded = "only one fill"
        within = sum(dates[0] <= on <= last for on in covered)
        share = None if excluded else within / ((last - dates[0]).days + 1)
        reason = orders[0].get("reasonReference")
        code = coding(sample.conditions[str(ref(reason[0]))]["code"])["code"] if reason else "none"
        rows.append(
            (
                "adherence",
                code,
                month(dates[0]),
                share,
                excluded is None,
                share is not None and share >= 0.8,
                excluded,
            )
        )
    return rows


def _latencies(sample: Sample) -> Rows:
    first: dict[tuple[str, str], Resource] = {}
    for each in sample.all("Condition"):
        key = (str(ref(each["subject"])), coding(each["code"])["code"])
        if key not in first or each["recordedDate"] < first[key]["recordedDate"]:
            first[key] = each
    rows: Rows = []
    for (_, code), each in first.items():
        recorded = at(each["recordedDate"])
        assert recorded is not None
        hours = days(start(sample.encounters[str(ref(each["encounter"]))]), recorded) * 24
        why = "recorded before the encounter began" if hours < 0 else None
        rows.append(
            (
                *("latency", code, month(recorded.date()), None if why else hours),
                *(why is None, why is None and hours <= 24, why),
            )
        )
    return rows


def _key(name: str) -> str:
    words = " ".join(name.upper().split())
    head, _, tail = words.rstrip("/").rpartition("/")
    words = head.strip() if head and len(tail) >= 6 and tail.isdigit() and words.endswith("/") else words
    return words.removesuffix(".").strip()


def _named(reports: list[Resource], *roles: str) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """Which reports name each drug in one of these roles, and which each reaction."""
    drugs, reactions = defaultdict(set), defaultdict(set)
    for number, report in enumerate(reports):
        for drug in report["patient"]["drug"]:
            if drug["drugcharacterization"] in roles:
                drugs[_key(drug["medicinalproduct"])].add(number)
        for reaction in report["patient"]["reaction"]:
            reactions[_key(reaction["reactionmeddrapt"])].add(number)
    return drugs, reactions


def reactions_by_drug(reports: list[Resource]) -> Rows:
    drugs, reactions = _named(reports, "1", "2", "3")
    suspects, _ = _named(reports, "1", "3")
    return [
        (drug, term, len(with_drug & with_term), len(suspects[drug] & with_term))
        for drug, with_drug in drugs.items()
        for term, with_term in reactions.items()
        if with_drug & with_term
    ]


YEARS = {"800": 10.0, "801": 1.0, "802": 1 / 12, "803": 7 / 365.25, "804": 1 / 365.25, "805": 1 / 8766}


def ages_per_reaction(reports: list[Resource]) -> Rows:
    _, reactions = _named(reports)
    ages: list[int | None] = []
    for report in reports:
        value, unit = (report["patient"].get(name) for name in ("patientonsetage", "patientonsetageunit"))
        ages.append(int(float(value) * YEARS[unit] + 1e-9) if value else None)
    groups: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    for term, with_term in reactions.items():
        for number in with_term:
            years = ages[number]
            label = next((name for lower, name in BOUNDS if years is not None and years >= lower), "unknown")
            groups[term, label].append(years)
    return [
        (*key, len(each), None if None in each else sum(each) / len(each))  # type: ignore[arg-type]
        for key, each in groups.items()
    ]


def overdoses(reports: list[Resource]) -> Rows:
    months: dict[date, list[bool]] = defaultdict(list)
    for report in reports:
        terms = " ".join(each["reactionmeddrapt"].lower() for each in report["patient"]["reaction"])
        sent = datetime.strptime(report["transmissiondate"], "%Y%m%d").replace(tzinfo=UTC).date()
        months[month(sent)].append("overdose" in terms)
    return [(on, len(each), sum(each), *score_interval(sum(each), len(each))) for on, each in months.items()]


def signals(reports: list[Resource]) -> Rows:
    drugs, reactions = _named(reports, "1", "3")
    rows: Rows = []
    for drug_name, with_drug in drugs.items():
        for term, with_term in reactions.items():
            a = len(with_drug & with_term)
            if a:
                b, c = len(with_drug) - a, len(with_term) - a
                rows.append((drug_name, term, *_ratios(a, b, c, len(reports) - a - b - c)))
    return rows


def _ratios(a: int, b: int, c: int, d: int) -> tuple[Any, ...]:
    n = a + b + c + d
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    chi = n * max(0.0, abs(a * d - b * c) - n / 2) ** 2 / margins if margins else 0.0
    p, q, r, s = (each + 0.5 for each in (a, b, c, d)) if 0 in (a, b, c, d) else (a, b, c, d)
    prr, ror = (p / (p + q)) / (r / (r + s)), p * s / (q * r)
    error = 1.959963984540054 * sqrt(1 / p + 1 / q + 1 / r + 1 / s)
    low, high = exp(log(ror) - error), exp(log(ror) + error)
    return a, b, c, d, prr, ror, low, high, chi, bool(a >= 3 and prr >= 2 and chi >= 4 and low > 1)
