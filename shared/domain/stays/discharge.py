"""A finished hospital Encounter as the readmission model reads it: the columns of UCI data set 296, from FHIR resources.

Columns and their codes: Strack B et al. BioMed Research International 2014:781670, table 1,
https://doi.org/10.1155/2014/781670 (and the data set's IDS_mapping.csv). The population is theirs: inpatients of 1 to 14
days with diabetes. What FHIR does not say, or says in codes that the table does not know, is the value that the data
set has for "not known", and is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from shared.domain.features.patient.measures import BY_CODE
from shared.domain.features.readmission import CATEGORIES, COUNTS, DIAGNOSES, DRUGS, RARE_DRUGS, Encounter
from shared.domain.fhir.dates import Range, earlier, range_of
from shared.domain.scores.model import PatientContext, birth_date_of
from shared.domain.vitals.observation import instant_of

Resource = Mapping[str, Any]
ICD_9: Final = "http://hl7.org/fhir/sid/icd-9-cm"
INPATIENT: Final = frozenset({"IMP", "ACUTE", "NONAC"})
_UNKNOWN: Final = "?"
_DIABETES: Final = ("250", "E08", "E09", "E10", "E11", "E13", "73211009", "44054006", "46635009")
_SEX: Final = {"male": "Male", "female": "Female"}
_PRIORITY: Final = {"EM": "1", "UR": "2", "EL": "3"}
_SOURCE: Final = {"gp": "1", "outp": "2", "hosp-trans": "4", "nursing": "5", "emd": "7"}
_DISPOSITION: Final = {
    "home": "1", "snf": "3", "other-hcf": "5", "long": "23", "aadvice": "7", "exp": "11", "hosp": "14",
    "rehab": "22", "psy": "28",
}  # fmt: skip
_VISITS: Final = {
    "number_outpatient": frozenset({"AMB", "HH", "VR"}), "number_emergency": frozenset({"EMER"}),
    "number_inpatient": INPATIENT,
}  # fmt: skip
_NOT_MAPPED: Final = {"admission_type_id": "6", "discharge_disposition_id": "18", "admission_source_id": "17"}
A1C: Final = "4548-4"
_A_YEAR: Final = timedelta(days=365)
_LONGEST_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Chart:
    """What is on record of a patient: who it is, the resources of each type, and the version of each reference.

    `not_counted`: how many resources were left out, by reason (`chart_rules`), and `not_counted_of` what they were of.
    """

    patient: Resource
    encounters: Sequence[Resource]
    conditions: Sequence[Resource] = ()
    observations: Sequence[Resource] = ()
    medications: Sequence[Resource] = ()
    procedures: Sequence[Resource] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    not_counted: tuple[tuple[str, int], ...] = ()
    not_counted_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def is_discharge(encounter: Resource) -> bool:
    """Whether an Encounter is a hospital stay that is over; a part of one is none."""
    if encounter.get("status") != "finished" or "partOf" in encounter or _times(encounter) is None:
        return False
    return (encounter.get("class") or {}).get("code") in INPATIENT


def has_diabetes(chart: Chart) -> bool:
    """Whether the model is meant for the patient: a Condition that is diabetes."""
    return any(code.startswith(_DIABETES) for each in chart.conditions for _, code in codes_of(each))


def discharges(chart: Chart) -> list[Resource]:
    """The patient's hospital stays that are over, in order of their end."""
    found = [each for each in chart.encounters if is_discharge(each)]
    return sorted(found, key=lambda each: (period_of(each)[1], str(each.get("id"))))


def row_of(chart: Chart, encounter: Resource) -> tuple[Encounter, list[str]]:
    """The columns of one hospital stay, and those that are not known."""
    start, end = period_of(encounter)
    row = dict.fromkeys((*CATEGORIES, *DIAGNOSES), _UNKNOWN) | _NOT_MAPPED
    row |= dict.fromkeys((*DRUGS, *RARE_DRUGS), "No")
    row |= {
        "encounter_id": str(encounter.get("id")),
        "weight": _UNKNOWN,
        "max_glu_serum": "None",
        "change": "No",
    }
    row |= _person(chart.patient, end) | _admission(encounter) | _counts(chart, encounter, start, end)
    row |= _diagnoses(chart, encounter) | _drugs(chart.medications, start, end)
    row["A1Cresult"] = _a1c(chart.observations, start, end)
    unknown = [name for name, value in row.items() if value == _UNKNOWN or _NOT_MAPPED.get(name) == value]
    return row, sorted(unknown)


def period_of(encounter: Resource) -> tuple[datetime, datetime]:
    """Beginning and end of a hospital stay that is over."""
    times = _times(encounter)
    if times is None:
        raise ValueError("the Encounter has no period with a beginning and an end")
    return times


def _times(encounter: Resource) -> tuple[datetime, datetime] | None:
    period = encounter.get("period") or {}
    start, end = instant_of(period.get("start")), instant_of(period.get("end"))
    return None if start is None or end is None or end < start else (start, end)


def _person(patient: Resource, at: datetime) -> dict[str, str]:
    age = PatientContext(birth_date_of(patient.get("birthDate"))).age_at(at)
    decade = None if age is None else min(age, 99) // 10 * 10
    return {
        "gender": _SEX.get(str(patient.get("gender")), "Unknown/Invalid"),
        "age": _UNKNOWN if decade is None else f"[{decade}-{decade + 10})",
    }


def _admission(encounter: Resource) -> dict[str, str]:
    hospital = encounter.get("hospitalization") or {}
    given = {
        "admission_type_id": _first(encounter.get("priority"), _PRIORITY),
        "admission_source_id": _first(hospital.get("admitSource"), _SOURCE),
        "discharge_disposition_id": _first(hospital.get("dischargeDisposition"), _DISPOSITION),
    }
    return {name: value for name, value in given.items() if value is not None}


def _first(concept: Any, known: Mapping[str, str]) -> str | None:
    codings = (concept or {}).get("coding") or ()
    return next((known[each["code"]] for each in codings if each.get("code") in known), None)


def visits_before(chart: Chart, start: datetime) -> dict[str, list[tuple[datetime, Resource]]]:
    """The Encounters that each column of visits counts, with their beginnings: those of the year before a stay."""
    since = earlier(start, _A_YEAR)
    found: dict[str, list[tuple[datetime, Resource]]] = {name: [] for name in _VISITS}
    for each in chart.encounters:
        begun = instant_of((each.get("period") or {}).get("start"))
        if begun is not None and since <= begun < start and "partOf" not in each:
            code = str((each.get("class") or {}).get("code"))
            for name in (name for name, codes in _VISITS.items() if code in codes):
                found[name].append((begun, each))
    return found


def _counts(chart: Chart, encounter: Resource, start: datetime, end: datetime) -> dict[str, str]:
    days = max(1, math.ceil((end - start) / timedelta(days=1)))
    laboratory = [each for each in within(chart.observations, start, end) if is_laboratory(each)]
    drugs = {code for each in within(chart.medications, start, end) for code in codes_of(each)}
    found = {
        "time_in_hospital": min(days, _LONGEST_DAYS),
        "num_lab_procedures": len(laboratory),
        "num_procedures": len(list(within(chart.procedures, start, end))),
        "num_medications": len(drugs),
        "number_diagnoses": len(conditions_of(chart, encounter)),
        **{name: len(visits) for name, visits in visits_before(chart, start).items()},
    }
    return {name: str(found[name]) for name in COUNTS}


def conditions_of(chart: Chart, encounter: Resource) -> list[Resource]:
    """The Conditions of a stay: those it lists, by rank, then those that name it."""
    by_id = {f"Condition/{each.get('id')}": each for each in chart.conditions}
    listed = sorted(encounter.get("diagnosis") or (), key=lambda each: each.get("rank", math.inf))
    wanted = [str((each.get("condition") or {}).get("reference", "")) for each in listed]
    here = f"Encounter/{encounter.get('id')}"
    wanted += [name for name, each in by_id.items() if (each.get("encounter") or {}).get("reference") == here]
    return [by_id[name] for name in dict.fromkeys(wanted) if name in by_id]


def _diagnoses(chart: Chart, encounter: Resource) -> dict[str, str]:
    codes = [
        next((code for system, code in codes_of(each) if system == ICD_9), _UNKNOWN)
        for each in conditions_of(chart, encounter)
    ]
    return dict(zip(DIAGNOSES, codes, strict=False))


def _drugs(medications: Iterable[Resource], start: datetime, end: datetime) -> dict[str, str]:
    taken = dict.fromkeys(takers_of(within(medications, start, end)), "Steady")
    return {**taken, "diabetesMed": "Yes" if taken else "No"}


def takers_of(medications: Iterable[Resource]) -> dict[str, list[Resource]]:
    """The requests by each drug of the data set that one of them names, in the data set's order."""
    texts = [(_words(each).lower(), each) for each in medications]
    found = {name: [each for text, each in texts if name in text] for name in (*DRUGS, *RARE_DRUGS)}
    return {name: requests for name, requests in found.items() if requests}


def _words(medication: Resource) -> str:
    concept = medication.get("medicationCodeableConcept") or {}
    shown = (str(each.get("display", "")) for each in concept.get("coding") or ())
    return " ".join((str(concept.get("text", "")), *shown))


def last_a1c(
    observations: Iterable[Resource], start: datetime, end: datetime
) -> tuple[float, Resource] | None:
    """The last HbA1c of a stay, in percent."""
    found = [
        (str(each.get("effectiveDateTime")), value, each)
        for each in within(observations, start, end)
        if any(code == A1C for _, code in codes_of(each)) and (value := _percent(each)) is not None
    ]
    return max(found, key=itemgetter(0, 1))[1:] if found else None


def _a1c(observations: Iterable[Resource], start: datetime, end: datetime) -> str:
    found = last_a1c(observations, start, end)
    if found is None:
        return "None"
    return ">8" if found[0] > 8 else ">7" if found[0] > 7 else "Norm"


def _percent(observation: Resource) -> float | None:
    """An HbA1c in percent; None without a value, or in a unit that is not known."""
    quantity = observation.get("valueQuantity") or {}
    if "value" not in quantity:
        return None
    return BY_CODE[A1C].in_unit(float(quantity["value"]), quantity.get("code") or quantity.get("unit"))


def within(resources: Iterable[Resource], start: datetime, end: datetime) -> Iterable[Resource]:
    """Those whose dates touch a stay."""
    lowest, highest = (each.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for each in (start, end))
    for each in resources:
        covered = _covered(each)
        if covered is not None and covered.lo <= highest and covered.hi >= lowest:
            yield each


def _covered(resource: Resource) -> Range | None:
    names = ("effectiveDateTime", "authoredOn", "performedDateTime", "performedPeriod")
    return next((found for name in names if (found := range_of(resource.get(name))) is not None), None)


def begun_of(resource: Resource) -> datetime | None:
    """When what a resource tells of began."""
    covered = _covered(resource)
    return datetime.fromisoformat(covered.lo) if covered else None


def is_laboratory(observation: Resource) -> bool:
    """Whether an Observation is of the laboratory."""
    codings = (coding for each in observation.get("category") or () for coding in each.get("coding") or ())
    return any(each.get("code") == "laboratory" for each in codings)


def codes_of(resource: Resource) -> list[tuple[str, str]]:
    """Systems and codes of what a resource is about."""
    concept = resource.get("code") or resource.get("medicationCodeableConcept") or {}
    return [(str(each.get("system")), str(each.get("code"))) for each in concept.get("coding") or ()]
