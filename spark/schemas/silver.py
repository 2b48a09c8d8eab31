"""The silver tables of one row a resource: the current state, one row per (tenant, id), tombstones included.

An instant column is the first instant the FHIR date covers, in UTC; the text as written stands beside it as `<name>_text`.
References are ids of the same tenant. Names of people are left out: no measure needs them, and who may know them has
the records.
"""

from __future__ import annotations

from typing import Final

from shared.names import TABLES
from spark.schemas.columns import (
    Classification,
    Column,
    Field,
    Rule,
    Table,
    coding,
    components,
    day,
    flag,
    moment,
    number,
    quantity,
    reference,
    references,
    text,
    texts,
)

_HIGH: Final = Classification.HIGHLY_CONFIDENTIAL
_PUBLIC: Final = Classification.PUBLIC
_PATIENT: Final = reference("patient_id", "Patient", "The patient it is about")
_ENCOUNTER: Final = reference("encounter_id", "Encounter", "The encounter during which it happened")
_STATUS: Final = text("status", "The status of the resource, a FHIR code")
_REASON: Final = reference("reason_condition_id", "Condition", "The condition that is the reason")
_CODE: Final = coding("code", "what it is", short=True)
_ORDER: Final = ("tenant", "patient_id")


def _table(
    name: str, type_: str, what: str, *fields: Field | tuple[Field, ...], order: tuple[str, ...] = _ORDER
) -> Table:
    flat = tuple(one for each in fields for one in (each if isinstance(each, tuple) else (each,)))
    return Table(name, type_, TABLES[f"silver_{name}"], f"{what}: current state, one row each", flat, order)


def _address(classification: Classification) -> tuple[Field, ...]:
    return tuple(
        text(name, f"{words} of the first address", classification)
        for name, words in (
            ("city", "City"),
            ("state", "State"),
            ("postal_code", "Postal code"),
            ("country", "Country"),
        )
    )


PATIENTS: Final = _table(
    "patients",
    "Patient",
    "Patients",
    Field(
        Rule.GENDER,
        ("gender",),
        (Column("gender", "STRING", "AdministrativeGender: male, female, other, unknown"),),
    ),
    text("birth_sex", "US Core birth sex: M, F, UNK"),
    day("birth", "Date of birth", _HIGH),
    Field(
        Rule.FLAG,
        ("deceased_flag",),
        (Column("deceased", "BOOLEAN", "True by flag or date of death; null where nothing is said"),),
    ),
    moment("deceased", "Death", past=True),
    text("race_code", "US Core race, OMB category"),
    text("race", "US Core race in words"),
    text("ethnicity_code", "US Core ethnicity, OMB category"),
    text("ethnicity", "US Core ethnicity in words"),
    text("marital_status", "Marital status, a v3 code"),
    text("language", "The first language of communication, BCP 47"),
    _address(_HIGH),
    reference("organization_id", "Organization", "The managing organisation"),
    order=("tenant", "id"),
)
ENCOUNTERS: Final = _table(
    "encounters",
    "Encounter",
    "Encounters",
    _PATIENT,
    _STATUS,
    text("class_code", "The class, a v3 ActCode: AMB, EMER, IMP, …"),
    coding("type", "the type"),
    moment("started", "The start"),
    moment("ended", "The end"),
    reference("organization_id", "Organization", "The organisation that provides the service"),
    reference("practitioner_id", "Practitioner", "The first participant who is a practitioner"),
    coding("reason", "the reason"),
    _REASON,
    coding("discharge", "where the patient was discharged to"),
    text("admit_source_code", "From where the patient was admitted"),
    reference("part_of_id", "Encounter", "The encounter it is a part of"),
    order=("tenant", "patient_id", "started_at"),
)
CONDITIONS: Final = _table(
    "conditions",
    "Condition",
    "Conditions",
    _PATIENT,
    _ENCOUNTER,
    text("category", "The first category: problem-list-item, encounter-diagnosis, …"),
    _CODE,
    text("clinical_status", "active, recurrence, relapse, inactive, remission, resolved"),
    text(
        "verification_status", "unconfirmed, provisional, differential, confirmed, refuted, entered-in-error"
    ),
    moment("onset", "The onset", "onset_date_time", "onset_start", past=True),
    moment("abatement", "The abatement", "abatement_date_time", "abatement_end"),
    moment("recorded", "When it was recorded", past=True),
    order=("tenant", "patient_id", "code"),
)
OBSERVATIONS: Final = _table(
    "observations",
    "Observation",
    "Observations",
    _PATIENT,
    _ENCOUNTER,
    _STATUS,
    text("category", "The first category: vital-signs, laboratory, …"),
    _CODE,
    moment(
        "effective",
        "When it was observed",
        "effective_instant",
        "effective_date_time",
        "effective_start",
        past=True,
    ),
    moment("issued", "When it was made available", past=True),
    quantity(),
    coding("value", "a coded value"),
    text("value_string", "A value that is a text"),
    components(),
    order=("tenant", "patient_id", "code", "effective_at"),
)
MEDICATION_REQUESTS: Final = _table(
    "medication_requests",
    "MedicationRequest",
    "Medication requests",
    _PATIENT,
    _ENCOUNTER,
    _STATUS,
    text("intent", "proposal, plan, order, …"),
    flag("do_not_perform", "Whether it forbids the medication instead of requesting it"),
    _CODE,
    reference("medication_id", "Medication", "The medication where it is a resource"),
    moment("authored", "When it was requested", past=True),
    reference("requester_id", "Practitioner", "Who requested it"),
    _REASON,
    flag("as_needed", "Whether it is taken as needed"),
    number("frequency", "How often in one period"),
    number("period", "The length of a period"),
    text("period_unit", "UCUM code of the period's unit: h, d, wk, …"),
    number("dose_value", "The dose taken at once"),
    text("dose_unit", "The unit of the dose"),
    number("supply_value", "Expected duration of one dispensed supply"),
    text("supply_unit", "UCUM code of the supply's unit"),
    number("refills", "Number of repeats allowed"),
    moment("bounds_start", "From when the dosage holds"),
    moment("bounds_end", "Until when the dosage holds"),
    order=("tenant", "patient_id", "code"),
)
PROCEDURES: Final = _table(
    "procedures",
    "Procedure",
    "Procedures",
    _PATIENT,
    _ENCOUNTER,
    _STATUS,
    _CODE,
    moment("performed", "When it was done", "performed_date_time", "performed_start", past=True),
    moment("ended", "When it ended"),
    reference("practitioner_id", "Practitioner", "Who did it"),
    _REASON,
    order=("tenant", "patient_id", "code"),
)
IMMUNIZATIONS: Final = _table(
    "immunizations",
    "Immunization",
    "Immunizations",
    _PATIENT,
    _ENCOUNTER,
    _STATUS,
    _CODE,
    moment("occurred", "When it was given", past=True),
    flag("primary_source", "Whether it was recorded by who gave it"),
    number("dose_number", "Which dose of a series, where a number"),
    order=("tenant", "patient_id", "code"),
)
ALLERGIES: Final = _table(
    "allergies",
    "AllergyIntolerance",
    "Allergies and intolerances",
    _PATIENT,
    _ENCOUNTER,
    _CODE,
    text("kind", "allergy or intolerance"),
    text("category", "The first category: food, medication, environment, biologic"),
    text("criticality", "low, high, unable-to-assess"),
    text("clinical_status", "active, inactive, resolved"),
    text("verification_status", "unconfirmed, confirmed, refuted, entered-in-error"),
    moment("onset", "The onset"),
    moment("recorded", "When it was recorded", past=True),
)
DIAGNOSTIC_REPORTS: Final = _table(
    "diagnostic_reports",
    "DiagnosticReport",
    "Diagnostic reports",
    _PATIENT,
    _ENCOUNTER,
    _STATUS,
    text("category", "The first category: LAB, RAD, …"),
    _CODE,
    moment("effective", "What time it is about", "effective_date_time", "effective_start"),
    moment("issued", "When it was issued", past=True),
    reference("practitioner_id", "Practitioner", "Who is responsible for it"),
    references("observation_ids", "Observation", "The observations it reports"),
)
CARE_PLANS: Final = _table(
    "care_plans",
    "CarePlan",
    "Care plans",
    _PATIENT,
    _ENCOUNTER,
    _STATUS,
    text("intent", "proposal, plan, order, option"),
    _CODE,
    moment("started", "The start"),
    moment("ended", "The end"),
    references("condition_ids", "Condition", "The conditions it addresses"),
    texts("activity_codes", "The codes of its activities"),
)
CLAIMS: Final = _table(
    "claims",
    "Claim",
    "Claims",
    _PATIENT,
    _STATUS,
    text("use", "claim, preauthorization, predetermination"),
    text("type_code", "professional, institutional, pharmacy, …"),
    moment("created", "When it was made", past=True),
    moment("started", "The start of the billable period"),
    moment("ended", "The end of the billable period"),
    reference("organization_id", "Organization", "The provider that is an organisation"),
    reference("practitioner_id", "Practitioner", "The provider that is a practitioner"),
    reference("encounter_id", "Encounter", "The encounter of the first item that names one"),
    references("encounter_ids", "Encounter", "All encounters of its items"),
    references("condition_ids", "Condition", "The conditions that are its diagnoses"),
    references("procedure_ids", "Procedure", "The procedures it is for"),
    reference("prescription_id", "MedicationRequest", "The prescription it is for"),
    text("payer", "Who insures, in words"),
    number("total", "The total claimed"),
    text("currency", "ISO 4217 code of the total"),
)
EXPLANATIONS: Final = _table(
    "explanations_of_benefit",
    "ExplanationOfBenefit",
    "Explanations of benefit",
    _PATIENT,
    _STATUS,
    text("type_code", "professional, institutional, pharmacy, …"),
    text("outcome", "queued, complete, error, partial"),
    reference("claim_id", "Claim", "The claim it answers"),
    reference("encounter_id", "Encounter", "The encounter of the first item that names one"),
    moment("created", "When it was made", past=True),
    text("payer", "Who insures, in words"),
    number("total", "The first total"),
    number("paid", "The payment"),
    text("currency", "ISO 4217 code of the total"),
)
COVERAGE: Final = _table(
    "coverage",
    "Coverage",
    "Coverage",
    _PATIENT,
    _STATUS,
    coding("type", "the kind of coverage"),
    reference("organization_id", "Organization", "The payer that is an organisation"),
    text("payer", "The first payer in words"),
    moment("started", "The start"),
    moment("ended", "The end"),
)
DOCUMENTS: Final = _table(
    "documents",
    "DocumentReference",
    "References to documents",
    _PATIENT,
    _ENCOUNTER,
    _STATUS,
    coding("type", "the kind of document"),
    text("category", "The first category"),
    moment("recorded", "When the reference was made"),
    reference("practitioner_id", "Practitioner", "The first author who is a practitioner"),
    text("content_type", "The media type of the first attachment"),
    number("size_bytes", "The size of the first attachment"),
    text("title", "The title of the first attachment", _HIGH),
)
ORGANIZATIONS: Final = _table(
    "organizations",
    "Organization",
    "Organisations",
    flag("active", "Whether it is in use"),
    text("name", "Its name", _PUBLIC),
    coding("type", "the kind of organisation"),
    _address(_PUBLIC),
    order=("tenant", "id"),
)
PRACTITIONERS: Final = _table(
    "practitioners",
    "Practitioner",
    "Practitioners",
    flag("active", "Whether the record is in use"),
    text("npi", "The US national provider identifier"),
    Field(
        Rule.GENDER,
        ("gender",),
        (Column("gender", "STRING", "AdministrativeGender: male, female, other, unknown"),),
    ),
    coding("qualification", "the first qualification"),
    _address(Classification.CONFIDENTIAL),
    order=("tenant", "id"),
)

SILVER: Final = (
    PATIENTS,
    ENCOUNTERS,
    CONDITIONS,
    OBSERVATIONS,
    MEDICATION_REQUESTS,
    PROCEDURES,
    IMMUNIZATIONS,
    ALLERGIES,
    DIAGNOSTIC_REPORTS,
    CARE_PLANS,
    CLAIMS,
    EXPLANATIONS,
    COVERAGE,
    DOCUMENTS,
    ORGANIZATIONS,
    PRACTITIONERS,
)
BY_NAME: Final = {table.name: table for table in SILVER}
BY_TYPE: Final = {table.type: table for table in SILVER}
