"""Which rows of which tables a row is made of, as data: how the columns of one select the rows of the other.

Of a measure these are the rows that the measure reads for the key: of a share the numerator's. A test holds the rules
against the declared inputs of every gold table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """The rows of `table` (aliased `i`) behind a row.

    `where`: DuckDB's expression over `i` → the column of the row that it equals; `unknown` equals null too.
    `among`: a column of `i` → table and column of the rows that an earlier rule found.
    `also`: a further condition; `$name` is a column of the row. `newest`: an order of which only the first row counts.
    """

    table: str
    where: Mapping[str, str] = field(default_factory=dict)
    among: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    also: str = ""
    newest: str = ""


def _same(table: str, *columns: str) -> Rule:
    return Rule(table, {f'"{column}"': column for column in columns})


_CODED: Final = {"i.code_system": "condition_system", "i.code": "condition_code"}
_PATIENTS: Final = Rule("silver_patients", among={"id": ("silver_conditions", "patient_id")})
_OF_PATIENT: Final = {"i.patient_id": "patient_id"}
_PERSON: Final = Rule("silver_patients", {"i.id": "patient_id"})
_STRATUM: Final = """$dimension NOT IN ('gender', 'race', 'ethnicity') OR EXISTS (
    SELECT 1 FROM silver_patients p WHERE p.tenant = i.tenant AND p.id = i.patient_id AND $stratum = coalesce(
        CASE $dimension WHEN 'gender' THEN p.gender WHEN 'race' THEN p.race ELSE p.ethnicity END, 'unknown'))"""
_AGED: Final = """EXISTS (
    SELECT 1 FROM silver_encounters e LEFT JOIN silver_patients p ON p.tenant = e.tenant AND p.id = e.patient_id
    WHERE e.tenant = i.tenant AND e.id = i.encounter_id AND age_group(age_at(p.birth_on, e.started_at)) = $age_group)"""
_PLACED: Final = """$place = 'all' OR EXISTS (
    SELECT 1 FROM silver_patients p WHERE p.tenant = i.tenant AND p.id = i.patient_id
    AND coalesce(nullif(concat_ws(', ', p.city, p.state), ''), 'unknown') = $place)"""
_LINES: Final = "gold_adverse_event_lines"
_NEWEST_REPORT: Final = (
    "report_version DESC, received DESC NULLS LAST, landed_at DESC NULLS LAST, raw_path DESC, sequence DESC"
)

GOLD: Final[Mapping[str, tuple[Rule, ...]]] = {
    "gold_encounters_per_condition_and_age": (
        Rule("silver_conditions", _CODED, also=_AGED),
        Rule("silver_encounters", among={"id": ("silver_conditions", "encounter_id")}),
        _PATIENTS,
    ),
    "gold_patient_journeys": (
        Rule("silver_conditions", _OF_PATIENT | _CODED),
        Rule("silver_encounters", _OF_PATIENT),
        Rule(
            "silver_medication_requests",
            _OF_PATIENT,
            among={"reason_condition_id": ("silver_conditions", "id")},
        ),
        _PERSON,
    ),
    "gold_journey_by_condition": (_same("gold_patient_journeys", "condition_system", "condition_code"),),
    "gold_treatment_outcomes": (
        Rule(
            "gold_patient_journeys",
            {
                "i.condition_system": "condition_system",
                "i.condition_code": "condition_code",
                "coalesce(i.first_medication, 'none')": "treatment",
            },
        ),
        Rule(
            "gold_quality_rows",
            among={"patient_id": ("gold_patient_journeys", "patient_id")},
            also="i.measure = 'readmission'",
        ),
    ),
    "gold_surveillance_counts": (
        Rule(
            "silver_conditions",
            _CODED | {"CAST(coalesce(i.recorded_at, i.onset_at) AS DATE)": "on"},
            also=_PLACED,
        ),
        _PATIENTS,
    ),
    "gold_surveillance_flags": (
        Rule(
            "gold_surveillance_counts",
            {f"i.{name}": name for name in ("condition_system", "condition_code", "place")},
            also="""i."on" BETWEEN $on - INTERVAL 30 DAY AND $on""",
        ),
    ),
    "gold_quality_rows": (
        Rule(
            "silver_encounters",
            _OF_PATIENT,
            also="$measure = 'readmission' OR ($measure = 'stay' AND i.id = $subject_id)",
        ),
        Rule("silver_conditions", _OF_PATIENT, also="$measure = 'latency' AND i.id = $subject_id"),
        Rule(
            "silver_medication_requests", _OF_PATIENT, also="$measure = 'adherence' AND i.code = $subject_id"
        ),
        _PERSON,
    ),
    "gold_quality_measures": (
        _same("gold_quality_rows", "measure", "organization_id", "month", "condition_code"),
        Rule("silver_organizations", {"i.id": "organization_id"}),
    ),
    "gold_operations_daily": (
        Rule(
            "silver_encounters",
            {"i.organization_id": "organization_id", "i.class_code": "class_code"},
            also="""CAST(i.started_at AS DATE) <= $on AND (i.ended_at IS NULL OR CAST(i.ended_at AS DATE) >= $on)""",
        ),
    ),
    "gold_practitioner_activity": (
        Rule(
            "silver_encounters",
            {
                "i.practitioner_id": "practitioner_id",
                "CAST(date_trunc('month', i.started_at) AS DATE)": "month",
            },
        ),
    ),
    "gold_procedure_use": (
        Rule(
            "silver_procedures",
            {
                "i.code_system": "procedure_system",
                "i.code": "procedure_code",
                "CAST(date_trunc('month', i.performed_at) AS DATE)": "month",
            },
            also="""$organization_id = coalesce((SELECT e.organization_id FROM silver_encounters e
                WHERE e.tenant = i.tenant AND e.id = i.encounter_id), 'unknown')""",
        ),
        Rule("silver_encounters", among={"id": ("silver_procedures", "encounter_id")}),
    ),
    "gold_encounter_costs": (
        Rule("silver_claims", {"i.encounter_id": "encounter_id", "i.currency": "currency"}),
        Rule("silver_encounters", {"i.id": "encounter_id"}),
    ),
    "gold_cost_by_class": (
        Rule(
            "gold_encounter_costs",
            {"i.class_code": "class_code", 'year(i."on")': "year", "i.currency": "currency"},
        ),
    ),
    "gold_cohort_members": (
        _PERSON,
        *(
            Rule(f"silver_{name}", _OF_PATIENT)
            for name in ("conditions", "observations", "medication_requests")
        ),
    ),
    "gold_prevalence": (Rule("silver_conditions", _CODED, also=_STRATUM), _PATIENTS),
    "gold_top_conditions": (
        Rule(
            "gold_prevalence",
            {
                "i.condition_system": "condition_system",
                "i.condition_code": "condition_code",
                "i.stratum": "age_group",
            },
            also="i.dimension = 'age_group'",
        ),
    ),
    "gold_group_means": (
        Rule("silver_observations", {"i.code": "measured_code"}, also=_STRATUM),
        Rule("silver_patients", among={"id": ("silver_observations", "patient_id")}),
    ),
    _LINES: (Rule("bronze_safety_reports", {"i.report_id": "report_id"}, newest=_NEWEST_REPORT),),
    "gold_patient_adverse_event_report": (
        Rule(
            _LINES,
            {
                "i.report_id": "safetyreportid",
                'i."reaction.reactionmeddrapt"': "reaction.reactionmeddrapt",
                "i.drug_name": "drug_name",
                "i.drug_characterization": "drug_characterization",
                "i.drug_indication": "drug_indication",
            },
        ),
    ),
    "gold_reactions_by_drug": (_same(_LINES, "drug_key", "reaction_key"),),
    "gold_ages_per_reaction": (
        Rule(_LINES, {"i.reaction_key": "reaction_key", "age_group(i.patientonsetage)": "age_group"}),
    ),
    "gold_overdose_trend": (
        Rule(_LINES, {"CAST(date_trunc('month', i.transmissiondate_converted) AS DATE)": "month"}),
    ),
    "gold_safety_signals": (_same(_LINES, "drug_key", "reaction_key"),),
}
CONTEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "gold_prevalence": ("silver_encounters",),
    "gold_group_means": ("silver_encounters",),
    "gold_quality_measures": ("silver_encounters",),
    "gold_treatment_outcomes": ("silver_encounters",),
    "gold_quality_rows": ("silver_procedures",),
}
"""Inputs that no single row of the table is made of: the last day on record, and what makes an admission planned."""

SILVER: Final[Mapping[str, tuple[Rule, ...]]] = {
    "silver_patient_360": (
        _PERSON,
        *(
            Rule(f"silver_{name}", _OF_PATIENT)
            for name in (
                *("encounters", "conditions", "medication_requests", "allergies", "procedures"),
                *("immunizations", "care_plans", "claims", "observations"),
            )
        ),
    ),
    "silver_clinical_events": (_same("bronze_resources", "type", "id", "source_version"),),
    "silver_versions": (_same("bronze_resources", "type", "id", "source_version", "content_hash"),),
    "silver_unresolved_references": (_same("bronze_resources", "type", "id"),),
}
RAW: Final = ("bronze_resources", "bronze_safety_reports", "quarantine_set_aside")
"""Tables whose rows name their raw line."""
