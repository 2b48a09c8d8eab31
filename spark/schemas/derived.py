"""Silver tables made of other silver tables: a row a patient, a row a clinical event, and what is kept about versions."""

from __future__ import annotations

from typing import Final

from shared.names import TABLES
from spark.schemas.columns import Classification, Column, Derived

_C: Final = Classification
_TENANT: Final = Column("tenant", "STRING", "Whose data it is", _C.INTERNAL)

PATIENT_360: Final = Derived(
    "patient_360",
    TABLES["silver_patient_360"],
    "One row a living record: the patient, what was counted and what was measured last",
    ("tenant", "patient_id"),
    (
        _TENANT,
        Column("patient_id", "STRING", "The id of the Patient", _C.HIGHLY_CONFIDENTIAL),
        Column("gender", "STRING", "AdministrativeGender"),
        Column("birth_on", "DATE", "The first day that the date of birth covers", _C.HIGHLY_CONFIDENTIAL),
        Column("deceased", "BOOLEAN", "Whether the patient has died; null where nothing is said"),
        Column("deceased_at", "TIMESTAMP", "Death, in UTC"),
        Column("race", "STRING", "US Core race in words"),
        Column("ethnicity", "STRING", "US Core ethnicity in words"),
        Column("city", "STRING", "City of the first address", _C.HIGHLY_CONFIDENTIAL),
        Column("state", "STRING", "State of the first address", _C.HIGHLY_CONFIDENTIAL),
        Column("encounters", "BIGINT", "Encounters that took place"),
        Column("emergency_encounters", "BIGINT", "Those of class EMER"),
        Column("inpatient_encounters", "BIGINT", "Those of class IMP, ACUTE or NONAC"),
        Column("first_encounter_at", "TIMESTAMP", "The start of the first encounter"),
        Column("last_encounter_at", "TIMESTAMP", "The start of the last encounter"),
        Column("conditions", "BIGINT", "Conditions neither refuted nor entered in error"),
        Column(
            "active_conditions",
            "ARRAY<STRUCT<code: STRING, display: STRING, since: DATE>>",
            "Conditions active, in recurrence or relapse, by code",
        ),
        Column(
            "active_medications",
            "ARRAY<STRUCT<code: STRING, display: STRING, since: DATE>>",
            "Medication requests that are active, without proposals and bans, by code",
        ),
        Column(
            "allergies",
            "ARRAY<STRUCT<code: STRING, display: STRING, criticality: STRING>>",
            "Allergies neither refuted nor resolved, by code",
        ),
        Column("procedures", "BIGINT", "Procedures that were done"),
        Column("immunizations", "BIGINT", "Immunizations that were given"),
        Column("active_care_plans", "BIGINT", "Care plans that are active"),
        Column("claims_total", "DOUBLE", "Sum of the totals claimed"),
        Column(
            "latest",
            "ARRAY<STRUCT<code: STRING, display: STRING, value: DOUBLE, unit: STRING, at: TIMESTAMP>>",
            "The newest value of each observed quantity, in canonical units, components included, by code",
        ),
        Column(
            "batch", "BIGINT", "The newest bronze batch that changed anything of the patient", _C.INTERNAL
        ),
    ),
)
CLINICAL_EVENTS: Final = Derived(
    "clinical_events",
    TABLES["silver_clinical_events"],
    "Everything that happened to patients, one row an event, whatever its type; tombstones included",
    ("tenant", "type", "id"),
    (
        _TENANT,
        Column("type", "STRING", "The resource type: Encounter, Condition, Observation, …", _C.INTERNAL),
        Column("id", "STRING", "The id of the resource", _C.HIGHLY_CONFIDENTIAL),
        Column("patient_id", "STRING", "The patient it happened to", _C.HIGHLY_CONFIDENTIAL),
        Column("encounter_id", "STRING", "The encounter during which it happened", _C.HIGHLY_CONFIDENTIAL),
        Column("at", "TIMESTAMP", "When it began"),
        Column("until", "TIMESTAMP", "When it ended"),
        Column("code_system", "STRING", "The code system"),
        Column("code", "STRING", "The code of what it is"),
        Column("code_display", "STRING", "What it is, in words"),
        Column("status", "STRING", "The status of the resource; of a condition the clinical status"),
        Column("value", "DOUBLE", "An observed value in its canonical unit; of a claim the total"),
        Column("unit", "STRING", "The unit of the value"),
        Column("organization_id", "STRING", "The organisation concerned", _C.INTERNAL),
        Column("practitioner_id", "STRING", "The practitioner concerned", _C.CONFIDENTIAL),
        Column("source_version", "STRING", "The version it was made of", _C.INTERNAL),
        Column("deleted", "BOOLEAN", "Whether the resource was deleted"),
        Column("batch", "BIGINT", "The bronze batch that brought the version", _C.INTERNAL),
    ),
)
VERSIONS: Final = Derived(
    "versions",
    TABLES["silver_versions"],
    "The history: every version of every resource, once, late and superseded ones too; bodies are in bronze",
    ("tenant", "type", "id", "source_version", "content_hash"),
    (
        _TENANT,
        Column("type", "STRING", "The resource type", _C.INTERNAL),
        Column("id", "STRING", "The id of the resource", _C.HIGHLY_CONFIDENTIAL),
        Column("version", "STRING", "meta.versionId as the platform shows it", _C.INTERNAL),
        Column("source_version", "STRING", "What decides which version is newer", _C.INTERNAL),
        Column("content_hash", "STRING", "SHA-256 of the content", _C.INTERNAL),
        Column("deleted", "BOOLEAN", "Whether the version is a deletion"),
        Column("last_updated", "TIMESTAMP", "meta.lastUpdated as the platform shows it", _C.INTERNAL),
        Column("source", "STRING", "The logical sending system", _C.INTERNAL),
        Column("raw_path", "STRING", "The raw file that the version came in", _C.INTERNAL),
        Column("sequence", "BIGINT", "The line's number in its stream or file", _C.INTERNAL),
        Column("landed_at", "TIMESTAMP", "When the raw line was landed", _C.INTERNAL),
        Column("batch", "BIGINT", "The first bronze batch that brought the version", _C.INTERNAL),
    ),
)
UNRESOLVED_REFERENCES: Final = Derived(
    "unresolved_references",
    TABLES["silver_unresolved_references"],
    "References of current resources to what is not on record, or was deleted",
    ("tenant", "type", "id", "element", "target_type", "target_id"),
    (
        _TENANT,
        Column("type", "STRING", "The type of the resource that refers", _C.INTERNAL),
        Column("id", "STRING", "Its id", _C.HIGHLY_CONFIDENTIAL),
        Column("element", "STRING", "The silver column that holds the reference", _C.INTERNAL),
        Column("target_type", "STRING", "The type of what is referred to", _C.INTERNAL),
        Column("target_id", "STRING", "The id of what is referred to", _C.HIGHLY_CONFIDENTIAL),
        Column("problem", "STRING", "missing: never seen; deleted: its newest version is a deletion"),
    ),
)
SET_ASIDE: Final = Derived(
    "set_aside",
    TABLES["quarantine_set_aside"],
    "What was set aside on the way from raw to the tables, and why; the rest went on",
    ("layer", "reason", "tenant", "type", "id", "source_version", "content_hash", "raw_path", "sequence"),
    (
        Column("layer", "STRING", "raw, bronze, silver or gold: where it was found", _C.INTERNAL),
        Column("reason", "STRING", "Why, in a few words that can be counted", _C.INTERNAL),
        _TENANT,
        Column("type", "STRING", "The resource type, or the table", _C.INTERNAL),
        Column("id", "STRING", "The id of the resource", _C.HIGHLY_CONFIDENTIAL),
        Column("source_version", "STRING", "The version that was set aside", _C.INTERNAL),
        Column("content_hash", "STRING", "SHA-256 of its content", _C.INTERNAL),
        Column("raw_path", "STRING", "The raw file it came in, or the chain that has a hole", _C.INTERNAL),
        Column("sequence", "BIGINT", "The line's number in its stream or file", _C.INTERNAL),
        Column("batch", "BIGINT", "The bronze batch that met it", _C.INTERNAL),
    ),
)
QUALITY_RESULTS: Final = Derived(
    "quality_results",
    TABLES["silver_quality_results"],
    "What came of each expectation in each run, in counts",
    ("run_at", "layer", "path", "expectation", "columns"),
    (
        Column("run_at", "TIMESTAMP", "When the results of the run were written", _C.INTERNAL),
        Column("layer", "STRING", "The layer that was judged", _C.INTERNAL),
        Column("path", "STRING", "The table that was judged", _C.INTERNAL),
        Column("expectation", "STRING", "The class of Great Expectations", _C.INTERNAL),
        Column("columns", "STRING", "The columns it is about", _C.INTERNAL),
        Column("where", "STRING", "Which rows it is about; empty: all", _C.INTERNAL),
        Column("critical", "BOOLEAN", "Whether its failure stops promotion", _C.INTERNAL),
        Column("success", "BOOLEAN", "Whether it was met", _C.INTERNAL),
        Column("rows", "BIGINT", "The rows it was judged on; 0 where it is about the whole", _C.INTERNAL),
        Column("unexpected", "BIGINT", "The rows that broke it", _C.INTERNAL),
    ),
)
DERIVED: Final = (VERSIONS, CLINICAL_EVENTS, PATIENT_360, UNRESOLVED_REFERENCES, SET_ASIDE, QUALITY_RESULTS)
