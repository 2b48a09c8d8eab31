"""What one version of a FHIR R4 resource says of a patient, as written: the form in which service and Spark see it alike.

A fact is texts and one number. Nothing is judged here: whether it counts, and at which instant it was known, is
`known.py`. An Observation gives a fact for its own value and one for each component. Of a code the first coding counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Resource = Mapping[str, Any]
TYPES: Final = ("Encounter", "Condition", "Observation", "MedicationRequest")
"""The resource types that features are made of, beside the Patient."""
PROHIBITED: Final = "prohibited"
"""Stands for the intent of a request that says what is not to be given."""
_REFERENCE: Final = re.compile(r"(?:^|/)Patient/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?$")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a resource says. None is what it does not say; dates are as written.

    `id` is that of the resource, with the number of the component behind a `#`. `known_at` is the version's
    meta.lastUpdated. `category` is the class of an Encounter, the intent of a MedicationRequest.
    """

    type: str
    id: str
    known_at: str
    begun: str | None = None
    ended: str | None = None
    recorded: str | None = None
    status: str | None = None
    category: str | None = None
    system: str | None = None
    code: str | None = None
    words: str | None = None
    value: float | None = None
    unit: str | None = None
    value_code: str | None = None


NAMES: Final = tuple(Fact.__dataclass_fields__)


def fact_of_row(row: Mapping[str, Any]) -> Fact:
    """The fact in a row whose columns are those of `Fact`; a missing number is NaN or None."""
    found = {name: row[name] for name in NAMES}
    value = found["value"]
    return Fact(**found | {"value": None if value is None or math.isnan(value) else float(value)})


def facts_of(resource: Resource, known_at: str) -> list[Fact]:
    """The facts of a resource; none where its type is not one that features are made of."""
    make = _MAKERS.get(str(resource.get("resourceType")))
    return list(make(resource, str(resource.get("id")), known_at)) if make else []


def patient_of(resource: Resource) -> str | None:
    """The id of the Patient that the resource is about."""
    match = _REFERENCE.search(str((resource.get("subject") or {}).get("reference") or ""))
    return match[1] if match else None


def _patient(resource: Resource, id_: str, known_at: str) -> Iterator[Fact]:
    yield Fact(
        "Patient", id_, known_at,
        begun=_text(resource.get("birthDate")), ended=_text(resource.get("deceasedDateTime")),
        status=_text(resource.get("gender")),
    )  # fmt: skip


def _encounter(resource: Resource, id_: str, known_at: str) -> Iterator[Fact]:
    period = resource.get("period") or {}
    yield Fact(
        "Encounter", id_, known_at,
        begun=_text(period.get("start")), ended=_text(period.get("end")), status=_text(resource.get("status")),
        category=_text((resource.get("class") or {}).get("code")),
    )  # fmt: skip


def _condition(resource: Resource, id_: str, known_at: str) -> Iterator[Fact]:
    system, code, words = _coded(resource.get("code"))
    yield Fact(
        "Condition", id_, known_at,
        begun=_first(resource.get("onsetDateTime"), (resource.get("onsetPeriod") or {}).get("start")),
        ended=_first(resource.get("abatementDateTime"), (resource.get("abatementPeriod") or {}).get("end")),
        recorded=_text(resource.get("recordedDate")),
        status=_any_code(resource.get("verificationStatus")),
        system=system, code=code, words=words,
    )  # fmt: skip


def _observation(resource: Resource, id_: str, known_at: str) -> Iterator[Fact]:
    begun = _first(
        resource.get("effectiveInstant"),
        resource.get("effectiveDateTime"),
        (resource.get("effectivePeriod") or {}).get("start"),
    )
    shared = {
        "begun": begun,
        "recorded": _text(resource.get("issued")),
        "status": _text(resource.get("status")),
    }
    parts = (resource, *(resource.get("component") or ()))
    for number, part in enumerate(parts):
        system, code, words = _coded(part.get("code"))
        value, unit = _quantity(part.get("valueQuantity"))
        yield Fact(
            "Observation", f"{id_}#{number}" if number else id_, known_at,
            **shared, system=system, code=code, words=words, value=value, unit=unit,
            value_code=_first_code(part.get("valueCodeableConcept")),
        )  # fmt: skip


def _request(resource: Resource, id_: str, known_at: str) -> Iterator[Fact]:
    system, code, words = _coded(resource.get("medicationCodeableConcept"))
    authored = _text(resource.get("authoredOn"))
    yield Fact(
        "MedicationRequest", id_, known_at,
        begun=authored, recorded=authored, status=_text(resource.get("status")),
        category=PROHIBITED if resource.get("doNotPerform") is True else _text(resource.get("intent")),
        system=system, code=code, words=words,
    )  # fmt: skip


_MAKERS: Final = {
    "Patient": _patient,
    "Encounter": _encounter,
    "Condition": _condition,
    "Observation": _observation,
    "MedicationRequest": _request,
}


def _text(value: object) -> str | None:
    return str(value) if value else None


def _first(*values: object) -> str | None:
    return next((str(value) for value in values if value), None)


def _codings(concept: object) -> list[Any]:
    return list(concept.get("coding") or ()) if isinstance(concept, Mapping) else []


def _first_coding(concept: object) -> Mapping[str, Any]:
    found = _codings(concept)
    return found[0] if found else {}


def _coded(concept: object) -> tuple[str | None, str | None, str | None]:
    """System and code of the first coding, and its display, else the text of the concept."""
    first = _first_coding(concept)
    text = concept.get("text") if isinstance(concept, Mapping) else None
    return _text(first.get("system")), _text(first.get("code")), _first(first.get("display"), text)


def _first_code(concept: object) -> str | None:
    return _text(_first_coding(concept).get("code"))


def _any_code(concept: object) -> str | None:
    return _first(*(each.get("code") for each in _codings(concept)))


def _quantity(quantity: object) -> tuple[float | None, str | None]:
    if not isinstance(quantity, Mapping):
        return None, None
    value = quantity.get("value")
    return None if value is None else float(value), _first(quantity.get("code"), quantity.get("unit"))
