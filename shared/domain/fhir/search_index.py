"""What of a resource can be searched: tokens, references, dates and sort keys, kept beside its body.

https://hl7.org/fhir/R4/search.html; the elements are those of the specification's SearchParameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir.dates import EARLIEST, Range, range_of
from shared.domain.fhir.resource_types import PATIENT_ELEMENT

NO_SYSTEM: Final = r"\-"
"""Stands for the absent system in the token that `|code` searches for; no system is written so, by `escaped`."""
COMPONENT_CODE: Final = "component-code"
"""Tokens of an Observation's components: by code alone, so that a panel costs one short entry each."""
_MEDICATION: Final = "medicationCodeableConcept"
CODE_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "AllergyIntolerance": ("code", "reaction.substance"),
    "Basic": ("code",),
    "ChargeItem": ("code",),
    "Condition": ("code",),
    "DetectedIssue": ("code",),
    "DeviceRequest": ("codeCodeableConcept",),
    "DiagnosticReport": ("code",),
    "FamilyMemberHistory": ("condition.code",),
    "Group": ("code",),
    "List": ("code",),
    "Medication": ("code",),
    "MedicationAdministration": (_MEDICATION,),
    "MedicationDispense": (_MEDICATION,),
    "MedicationKnowledge": ("code",),
    "MedicationRequest": (_MEDICATION,),
    "MedicationStatement": (_MEDICATION,),
    "Observation": ("code",),
    "Procedure": ("code",),
    "RequestGroup": ("code",),
    "ServiceRequest": ("code",),
    "Substance": ("code", "ingredient.substanceCodeableConcept"),
    "Task": ("code",),
}
DATE_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "AdverseEvent": ("date",),
    "AllergyIntolerance": ("recordedDate",),
    "Appointment": ("start",),
    "AuditEvent": ("recorded",),
    "CarePlan": ("period",),
    "CareTeam": ("period",),
    "ClinicalImpression": ("date",),
    "Composition": ("date",),
    "Consent": ("dateTime",),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod"),
    "DocumentReference": ("date",),
    "Encounter": ("period",),
    "EpisodeOfCare": ("period",),
    "FamilyMemberHistory": ("date",),
    "Flag": ("period",),
    "Immunization": ("occurrenceDateTime",),
    "ImmunizationEvaluation": ("date",),
    "ImmunizationRecommendation": ("date",),
    "Invoice": ("date",),
    "List": ("date",),
    "MeasureReport": ("date",),
    "MedicationRequest": ("dosageInstruction.timing",),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"),
    "OrganizationAffiliation": ("period",),
    "PractitionerRole": ("period",),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "ResearchStudy": ("period",),
    "ResearchSubject": ("period",),
    "RiskAssessment": ("occurrenceDateTime",),
    "Schedule": ("planningHorizon",),
    "SupplyRequest": ("authoredOn",),
}
IDENTIFIER_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "DocumentManifest": ("masterIdentifier", "identifier"),
    "DocumentReference": ("masterIdentifier", "identifier"),
}


def values_at(node: Any, path: str) -> Iterator[Any]:
    """Every value at a dotted path, through arrays."""
    head, _, rest = path.partition(".")
    child = node.get(head) if isinstance(node, dict) else None
    for item in child if isinstance(child, list) else (child,):
        if item is not None:
            yield from values_at(item, rest) if rest else (item,)


def escaped(part: str) -> str:
    """A system or a code as it stands in a token: `a|b` with `c` is another token than `a` with `b|c`."""
    return part.replace("\\", r"\\").replace("|", r"\|") if "|" in part or "\\" in part else part


def _token(param: str, system: str, code: str) -> Iterator[str]:
    system, code = escaped(system), escaped(code)
    yield f"{param}|{system}|{code}"
    yield f"{param}||{code}"
    yield f"{param}|{system}|" if system else f"{param}|{NO_SYSTEM}|{code}"


def _tokens(resource: dict[str, Any], type_: str) -> Iterator[str]:
    for path in IDENTIFIER_PATHS.get(type_, ("identifier",)):
        for identifier in values_at(resource, path):
            if isinstance(identifier, dict) and identifier.get("value"):
                yield from _token("identifier", str(identifier.get("system", "")), str(identifier["value"]))
    for path in CODE_PATHS.get(type_, ()):
        for coding in values_at(resource, f"{path}.coding"):
            if isinstance(coding, dict) and coding.get("code"):
                yield from _token("code", str(coding.get("system", "")), str(coding["code"]))
    if type_ == "Observation":
        for coding in values_at(resource, "component.code.coding"):
            if isinstance(coding, dict) and coding.get("code"):
                yield f"{COMPONENT_CODE}||{coding['code']}"


def _references(resource: dict[str, Any], type_: str) -> Iterator[str]:
    element = PATIENT_ELEMENT.get(type_)
    for reference in values_at(resource, f"{element}.reference") if element else ():
        if isinstance(reference, str):
            bare = reference.partition("/_history/")[0]
            yield f"subject|{bare}"
            if bare.startswith("Patient/"):
                yield f"patient|{bare}"


def _date(resource: dict[str, Any], type_: str) -> Range | None:
    found = [
        r
        for path in DATE_PATHS.get(type_, ())
        for value in values_at(resource, path)
        if (r := range_of(value))
    ]
    return Range(min(r.lo for r in found), max(r.hi for r in found)) if found else None


def search_index(resource: dict[str, Any]) -> dict[str, Any]:
    """The `ix` of an item: `t` tokens, `r` references, `d` date ranges by parameter, `date` the sort key.

    A resource without a date has the first instant as its sort key: newest first puts it at the end.
    """
    type_ = resource["resourceType"]
    index: dict[str, Any] = {
        "t": sorted(set(_tokens(resource, type_))),
        "r": sorted(set(_references(resource, type_))),
        "date": EARLIEST,
    }
    if when := _date(resource, type_):
        index["d"] = {"date": {"lo": when.lo, "hi": when.hi}}
        index["date"] = when.lo
    return index
