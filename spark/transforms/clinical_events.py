"""Rows of any silver table as clinical events: when, what, with which status and value.

Which column of a table means what is data below; a reader follows a patient through one table instead of twelve.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.schemas.derived import CLINICAL_EVENTS
from spark.schemas.struct import struct_of

_CODED: Final = {"code_system": "code_system", "code": "code", "code_display": "code_display"}
_TYPED: Final = {"code_system": "type_system", "code": "type_code", "code_display": "type_display"}
_STATUS: Final = {"status": "status"}
_DURING: Final = {"encounter_id": "encounter_id"}

SOURCES: Final[dict[str, dict[str, str]]] = {
    "encounters": {
        **_TYPED,
        **_STATUS,
        "encounter_id": "id",
        "at": "started_at",
        "until": "ended_at",
        "organization_id": "organization_id",
        "practitioner_id": "practitioner_id",
    },
    "conditions": {
        **_CODED,
        **_DURING,
        "status": "clinical_status",
        "at": "onset_at, recorded_at",
        "until": "abatement_at",
    },
    "observations": {
        **_CODED,
        **_DURING,
        **_STATUS,
        "at": "effective_at, issued_at",
        "value": "value_canonical",
        "unit": "unit_canonical",
    },
    "medication_requests": {
        **_CODED,
        **_DURING,
        **_STATUS,
        "at": "authored_at",
        "practitioner_id": "requester_id",
    },
    "procedures": {
        **_CODED,
        **_DURING,
        **_STATUS,
        "at": "performed_at",
        "until": "ended_at",
        "practitioner_id": "practitioner_id",
    },
    "immunizations": {**_CODED, **_DURING, **_STATUS, "at": "occurred_at"},
    "allergies": {**_CODED, **_DURING, "status": "clinical_status", "at": "onset_at, recorded_at"},
    "diagnostic_reports": {
        **_CODED,
        **_DURING,
        **_STATUS,
        "at": "effective_at, issued_at",
        "practitioner_id": "practitioner_id",
    },
    "care_plans": {**_CODED, **_DURING, **_STATUS, "at": "started_at", "until": "ended_at"},
    "claims": {
        **_DURING,
        **_STATUS,
        "code": "type_code",
        "at": "started_at, created_at",
        "until": "ended_at",
        "value": "total",
        "unit": "currency",
        "organization_id": "organization_id",
        "practitioner_id": "practitioner_id",
    },
    "documents": {
        **_TYPED,
        **_DURING,
        **_STATUS,
        "at": "recorded_at",
        "practitioner_id": "practitioner_id",
    },
}
"""By silver table: the event's column, and the table's column or the first of several that has a value."""
CARRIED: Final = ("tenant", "id", "patient_id", "source_version", "deleted", "batch")


def events_of(rows: DataFrame, table: str, type_: str) -> DataFrame:
    """The events of rows of one silver table; a tombstone has neither patient nor time."""
    meant = SOURCES[table]
    columns = []
    for field in struct_of(CLINICAL_EVENTS):
        if field.name == "type":
            column = F.lit(type_)
        elif field.name in CARRIED:
            column = F.col(field.name)
        elif field.name in meant:
            column = F.coalesce(*(F.col(name) for name in meant[field.name].split(", ")))
        else:
            column = F.lit(None)
        columns.append(column.cast(field.dataType).alias(field.name))
    return rows.select(*columns)
