"""Every name of a hub, container, table and lake path, once, for the app, the infrastructure and the emulators."""

from __future__ import annotations

from enum import StrEnum

# Event Hubs
HUB_CLINICAL_EVENTS = "clinical-events"
HUB_VITAL_SIGNS = "vital-signs"
HUB_SAFETY_REPORTS = "safety-reports"
"""Adverse event reports, as openFDA has them."""
HUBS = (HUB_CLINICAL_EVENTS, HUB_VITAL_SIGNS, HUB_SAFETY_REPORTS)
HUB_PARTITIONS = 4
CONSUMER_GROUP = "galen"

# Cosmos DB
DATABASE = "galen"
RECORDS_CONTAINER = "records"
RECORDS_PARTITION_KEY = ("/tenant", "/home")
LEASES_CONTAINER = "leases"
LEASES_PARTITION_KEY = ("/id",)

METRICS_NAMESPACE = "galen"
"""Where CloudWatch has the app's own metrics."""

# DynamoDB
RECORDS_TABLE_KEY = ("pk", "sk")
RECORDS_TABLE_DATE = "o"
RECORDS_TABLE_BY_DATE = "by-date"
"""The index of the table in which a partition's entries are in order of that attribute."""
TOLD = "told"
"""The kind of the items that number the changes of alerts."""
CONNECTIONS_TABLE = "connections"
"""Who listens to live updates, on AWS."""

RECORDS_INDEXING_POLICY = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [
        *(
            {"path": path}
            for path in ("/body/?", "/z/?", "/blob/?", "/hash/?", "/trace/?", "/request/?", "/client/?")
        ),
        {"path": "/pending/*"},
        {"path": '/"_etag"/?'},
    ],
    "compositeIndexes": [
        [{"path": path, "order": order}, {"path": "/id", "order": "ascending"}]
        for path in ("/ix/date", "/ix/d/date/hi", "/lastUpdated", "/sv", "/at", "/seq")
        for order in ("ascending", "descending")
    ],
}
"""Bodies stay outside; one composite index for each sort key beside the id that breaks ties."""

# Data lake file systems (containers). `landing` takes dropped files, `galen` holds the zones.
LANDING_FILE_SYSTEM = "landing"
LAKE_FILE_SYSTEM = "galen"
CHECKPOINTS_CONTAINER = "checkpoints"
CAPTURE_CONTAINER = "capture"
"""What the streams' own service writes of each event: a second copy, read when raw has a hole."""
AUDIT_CONTAINER = "audit"
"""Audit events: written once, unchangeable for seven years."""
MODELS_CONTAINER = "models"
"""Published models and their cards."""

REPORTS_DATABASE = "safety"
SQL_URL = "GALEN_SQL_URL"
SQL_USER = "GALEN_SQL_USER"
SQL_PASSWORD = "GALEN_SQL_PASSWORD"  # noqa: S105 - the name of a setting, not a secret
"""Where the Spark jobs write adverse event reports, and as whom."""
LIVE_HUB = "alerts"
"""Where dashboards listen for live updates."""
CONNECTIONS_KEY = ("tenant", "id")
TICKETS_SHOWN = "ticket/"
"""Before the tenant, whose name has no slash, in that table: where tickets stand that were shown."""
INFERENCE_APP = "inference"
MLFLOW_STORE = "MLFLOW_TRACKING_URI"
"""MLflow's own variable: where runs and registered versions are kept."""
TABLES_PIPELINE = "tables"
"""The schedule that runs the Spark jobs."""

REACTIONS_FUNCTION = "react"
"""The function that follows the change feed."""
LANDING_FUNCTION = "landing"
"""The function that Event Grid tells of dropped files."""


class Zone(StrEnum):
    """The folders at the top of the lake, in the order data goes through them."""

    RAW = "raw"
    BRONZE = "bronze"
    PROCESSED = "processed"
    CURATED = "curated"
    ML_FEATURES = "ml-features"
    QUARANTINE = "quarantine"
    AUDIT = "audit"


class RawZone(StrEnum):
    """Folders below `raw/`, chosen by the door alone: nothing is decoded to choose a path."""

    PATIENT_RECORDS = "patient-records"
    VITAL_SIGNS = "vital-signs"
    SAFETY_REPORTS = "safety-reports"
    COMMITS = "commits"


HUB_RAW_ZONE = {
    HUB_CLINICAL_EVENTS: RawZone.PATIENT_RECORDS,
    HUB_VITAL_SIGNS: RawZone.VITAL_SIGNS,
    HUB_SAFETY_REPORTS: RawZone.SAFETY_REPORTS,
}
FILES_RAW_ZONE = RawZone.PATIENT_RECORDS
BODIES_FOLDER = "bodies"
"""Bodies too large for an item of the records."""
MODEL_ARTEFACTS = f"{Zone.ML_FEATURES}/model-artifacts"
"""Published models, and which of them is the champion."""
MODEL_CANDIDATES = f"{Zone.ML_FEATURES}/model-candidates"
"""What training on the lake made, by model and run: in service is none of it."""
CHAIN_WALK_FILE = f"{Zone.AUDIT}/chain-walk.json"
"""How far the daily walk along the chains is."""
ORIGIN_HEADER = "x-galen-origin"
"""What CloudFront shows API Gateway's function, whose own address anybody may call."""
HEALTH_FILE = "health"
"""Asked for by health checks: it need not be there."""

# Names of the settings that carry a connection, as Azure Functions bindings read them (`<NAME>__…` for identity-based ones).
EVENT_HUBS_CONNECTION = "GALEN_EVENT_HUBS"
RECORDS_CONNECTION = "GALEN_RECORDS"
LAKE_CONNECTION = "GALEN_LAKE"

# Secrets of Key Vault and Secrets Manager
SECRET_TOKEN_SIGNING_KEY = "token-signing-key"  # noqa: S105 - the name of a secret, not a secret
SECRET_TOKEN_CLIENTS = "token-clients"  # noqa: S105
SECRET_LINK_KEY = "link-signing-key"  # noqa: S105
SECRET_SETTINGS = {
    SECRET_TOKEN_SIGNING_KEY: "GALEN_TOKEN_SIGNING_KEY",
    SECRET_TOKEN_CLIENTS: "GALEN_TOKEN_CLIENTS",
    SECRET_LINK_KEY: "GALEN_LINK_KEY",
}
"""The setting that each secret is."""


def secret_variable(secret: str) -> str:
    """The variable that says where a secret is, on AWS, where a function reads it itself."""
    return f"GALEN_SECRET_{secret.replace('-', '_').upper()}"


BRONZE_LEDGER = f"{Zone.BRONZE}/raw-files"
"""The raw files that the bronze job has taken."""
BRONZE_FILES = f"{Zone.BRONZE}/raw-files-read"
"""What each of them came to."""

LANDED_TO_GOLD = f"{Zone.PROCESSED}/landed-to-gold"
"""How long what was landed took to be visible in gold."""
LANDED_TO_GOLD_P95 = "landed_to_gold_p95_s"
"""Under this name each commit of that table says the 95th percentile of its run."""

UPKEEP_OPERATIONS = (
    *("OPTIMIZE", "VACUUM START", "VACUUM END"),
    *("SET TBLPROPERTIES", "CHANGE COLUMN", "CHANGE COLUMNS"),
)
"""What commits of a Delta table say that leave every row as it was."""

LIVE_PREDICTIONS = f"{Zone.ML_FEATURES}/live-predictions"
"""What models said as the data came, as files of lines."""
MODEL_WATCH = f"{Zone.ML_FEATURES}/model-watch"
"""Drift, calibration and alert burden of a model by week."""
MODEL_OUT_OF_BOUNDS = "model_out_of_bounds"
"""Under this name each commit of that table says by kind how many figures of the newest week are out of bounds."""

QUALITY_RESULTS = f"{Zone.PROCESSED}/quality-results"
"""What came of the expectations of each layer."""
EXPECTATIONS_UNMET = "expectations_unmet"
"""Under this name a commit of that table says by layer how many critical expectations were not met."""

_HEALTH = f"{Zone.CURATED}/population-health"
_SAFETY = f"{Zone.CURATED}/drug-safety"
TABLES = {
    "bronze_resources": f"{Zone.BRONZE}/resources",
    "silver_patients": f"{Zone.PROCESSED}/patients",
    "silver_encounters": f"{Zone.PROCESSED}/encounters",
    "silver_conditions": f"{Zone.PROCESSED}/conditions",
    "silver_observations": f"{Zone.PROCESSED}/observations",
    "silver_medication_requests": f"{Zone.PROCESSED}/medication-requests",
    "silver_procedures": f"{Zone.PROCESSED}/procedures",
    "silver_immunizations": f"{Zone.PROCESSED}/immunizations",
    "silver_allergies": f"{Zone.PROCESSED}/allergies",
    "silver_diagnostic_reports": f"{Zone.PROCESSED}/diagnostic-reports",
    "silver_care_plans": f"{Zone.PROCESSED}/care-plans",
    "silver_claims": f"{Zone.PROCESSED}/claims",
    "silver_explanations_of_benefit": f"{Zone.PROCESSED}/explanations-of-benefit",
    "silver_coverage": f"{Zone.PROCESSED}/coverage",
    "silver_documents": f"{Zone.PROCESSED}/documents",
    "silver_organizations": f"{Zone.PROCESSED}/organizations",
    "silver_practitioners": f"{Zone.PROCESSED}/practitioners",
    "silver_versions": f"{Zone.PROCESSED}/versions",
    "silver_unresolved_references": f"{Zone.PROCESSED}/unresolved-references",
    "silver_patient_360": f"{Zone.PROCESSED}/patient-360",
    "silver_clinical_events": f"{Zone.PROCESSED}/clinical-events",
    "silver_quality_results": QUALITY_RESULTS,
    "silver_landed_to_gold": LANDED_TO_GOLD,
    "quarantine_set_aside": f"{Zone.QUARANTINE}/set-aside",
    "bronze_safety_reports": f"{Zone.BRONZE}/adverse-event-reports",
    "gold_encounters_per_condition_and_age": f"{_HEALTH}/encounters-per-condition-and-age-group",
    "gold_patient_journeys": f"{Zone.CURATED}/clinical-outcomes/patient-journeys",
    "gold_journey_by_condition": f"{_HEALTH}/journey-by-condition",
    "gold_treatment_outcomes": f"{Zone.CURATED}/clinical-outcomes/by-condition-and-treatment",
    "gold_surveillance_counts": f"{_HEALTH}/surveillance-counts",
    "gold_surveillance_flags": f"{_HEALTH}/surveillance-flags",
    "gold_quality_rows": f"{Zone.PROCESSED}/quality-metrics/rows",
    "gold_quality_measures": f"{Zone.PROCESSED}/quality-metrics/measures",
    "gold_operations_daily": f"{Zone.CURATED}/operations/daily",
    "gold_practitioner_activity": f"{Zone.CURATED}/operations/practitioner-activity",
    "gold_procedure_use": f"{Zone.CURATED}/operations/procedure-use",
    "gold_encounter_costs": f"{Zone.CURATED}/operations/encounter-costs",
    "gold_cost_by_class": f"{Zone.CURATED}/operations/cost-by-class",
    "gold_cohort_members": f"{Zone.CURATED}/patient-cohorts/members",
    "gold_prevalence": f"{_HEALTH}/prevalence",
    "gold_top_conditions": f"{_HEALTH}/top-conditions",
    "gold_group_means": f"{_HEALTH}/group-means",
    "gold_adverse_event_lines": f"{_SAFETY}/report-lines",
    "gold_patient_adverse_event_report": f"{_SAFETY}/patient-adverse-event-report",
    "gold_reactions_by_drug": f"{_SAFETY}/reactions-by-drug",
    "gold_ages_per_reaction": f"{_SAFETY}/ages-per-reaction",
    "gold_overdose_trend": f"{_SAFETY}/overdose-trend",
    "gold_safety_signals": f"{_SAFETY}/signals",
    "features_patients": f"{Zone.ML_FEATURES}/patient_feature_store",
    "features_at_discharges": f"{Zone.ML_FEATURES}/patient_feature_store_at_discharges",
    "features_predictions": f"{Zone.ML_FEATURES}/predictions",
    "features_model_watch": MODEL_WATCH,
}
"""Where each Delta table is. No table lies below another: its VACUUM would take the other's files away."""
