"""Which resources of a chart count for the readmission model, and why others do not: stated rules, named in the answer.

The reasons are those of the features of a patient (`shared/domain/features/patient/known.py`). HbA1c is the one value whose
size the model looks at; its units and bounds are those of the table of measures.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from shared.domain.features.patient.known import Reason, few
from shared.domain.features.patient.measures import BY_CODE
from shared.domain.fhir import json
from shared.domain.stays.discharge import A1C, Chart, Resource, codes_of
from shared.domain.vitals.observation import instant_of
from shared.domain.vitals.parameters import LOINC

_WITHDRAWN: Final = frozenset({
    "entered-in-error", "cancelled", "planned", "registered", "draft", "not-done", "preparation", "refuted"
})  # fmt: skip
_LOINC_CODE: Final = re.compile(r"[0-9]{1,7}-[0-9]", re.ASCII)
_NOT_ORDERED: Final = frozenset({"proposal", "plan", "option"})
_SAID: Final = (
    "code", "medicationCodeableConcept", "effectiveDateTime", "effectivePeriod", "authoredOn", "performedDateTime",
    "performedPeriod", "valueQuantity", "valueCodeableConcept", "valueString", "component",
)  # fmt: skip
"""What makes two resources of one type the same news."""


def sound(chart: Chart) -> Chart:
    """The chart without what does not count, how many resources that are, by reason, and what they are of."""
    left: dict[str, list[str]] = defaultdict(list)
    return replace(
        chart,
        encounters=_kept(chart.encounters, left),
        conditions=_kept(chart.conditions, left),
        observations=_once(_kept(chart.observations, left), left),
        medications=_once(_kept(chart.medications, left), left),
        procedures=_once(_kept(chart.procedures, left), left),
        not_counted=tuple(sorted((reason, len(names)) for reason, names in left.items())),
        not_counted_of=few(left),
    )


def _kept(resources: Iterable[Resource], left: dict[str, list[str]]) -> list[Resource]:
    kept = []
    for each in resources:
        reason = _reason(each)
        if reason is None:
            kept.append(each)
        else:
            left[str(reason)].append(_what(each))
    return kept


def _what(resource: Resource) -> str:
    """An Observation by its LOINC code, anything else by its type."""
    type_ = str(resource.get("resourceType"))
    codes = (code for system, code in codes_of(resource) if system == LOINC and _LOINC_CODE.fullmatch(code))
    return next(codes, type_) if type_ == "Observation" else type_


def _reason(resource: Resource) -> Reason | None:
    if _is_withdrawn(resource):
        return Reason.WITHDRAWN
    period = resource.get("period") or resource.get("performedPeriod") or {}
    start, end = instant_of(period.get("start")), instant_of(period.get("end"))
    if start is not None and end is not None and end < start:
        return Reason.ENDED_BEFORE
    return _reason_of_a1c(resource)


def _is_withdrawn(resource: Resource) -> bool:
    verified = (resource.get("verificationStatus") or {}).get("coding") or ()
    said = {resource.get("status"), *(each.get("code") for each in verified)}
    ordered = not resource.get("doNotPerform") and resource.get("intent") not in _NOT_ORDERED
    return not said.isdisjoint(_WITHDRAWN) or not ordered


def _reason_of_a1c(resource: Resource) -> Reason | None:
    codings = (resource.get("code") or {}).get("coding") or ()
    quantity = resource.get("valueQuantity") or {}
    if all(each.get("code") != A1C for each in codings) or "value" not in quantity:
        return None
    measure = BY_CODE[A1C]
    value = measure.in_unit(float(quantity["value"]), quantity.get("code") or quantity.get("unit"))
    if value is None:
        return Reason.UNKNOWN_UNIT
    return None if measure.low <= value <= measure.high else Reason.IMPOSSIBLE


def _once(resources: Iterable[Resource], left: dict[str, list[str]]) -> list[Resource]:
    seen: dict[str, Resource] = {}
    for each in resources:
        if seen.setdefault(_news(each), each) is not each:
            left[str(Reason.DUPLICATE)].append(_what(each))
    return list(seen.values())


def _news(resource: Mapping[str, Any]) -> str:
    return json.encode({name: resource[name] for name in _SAID if name in resource})
