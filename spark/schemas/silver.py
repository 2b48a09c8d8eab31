"""Silver: the current state of each resource, one row per (tenant, id), tombstones included.

An instant column is the first instant the FHIR date covers, in UTC; the text as written stands beside it as `<name>_text`.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

_TEXT: Final = StringType()


def _fields(**columns: DataType) -> list[StructField]:
    return [StructField(name, kind) for name, kind in columns.items()]


KEY: Final = [StructField("tenant", _TEXT, nullable=False), StructField("id", _TEXT, nullable=False)]
VERSION: Final = [
    *_fields(version=_TEXT, source_version=_TEXT),
    StructField("deleted", BooleanType(), nullable=False),
    *_fields(last_updated=TimestampType()),
]

_QUANTITY: Final = {
    "value": DoubleType(),
    "value_text": _TEXT,
    "unit": _TEXT,
    "value_canonical": DoubleType(),
    "unit_canonical": _TEXT,
}
_CODE: Final = {"code_system": _TEXT, "code": _TEXT, "code_display": _TEXT}

PATIENTS: Final = StructType(
    [
        *KEY,
        *_fields(
            gender=_TEXT,
            birth_text=_TEXT,
            birth_on=DateType(),
            deceased=BooleanType(),
            deceased_text=_TEXT,
            deceased_at=TimestampType(),
            marital_status=_TEXT,
            city=_TEXT,
            state=_TEXT,
            postal_code=_TEXT,
            country=_TEXT,
        ),
        *VERSION,
    ]
)

OBSERVATIONS: Final = StructType(
    [
        *KEY,
        *_fields(patient_id=_TEXT, encounter_id=_TEXT, status=_TEXT, category=_TEXT, **_CODE),
        *_fields(effective_text=_TEXT, effective_at=TimestampType(), **_QUANTITY),
        *_fields(value_code=_TEXT, value_string=_TEXT),
        *_fields(components=ArrayType(StructType(_fields(**_CODE, **_QUANTITY, value_code=_TEXT)))),
        *VERSION,
    ]
)

ENCOUNTERS: Final = StructType(
    [
        *KEY,
        *_fields(patient_id=_TEXT, status=_TEXT, class_code=_TEXT, type_system=_TEXT, type_code=_TEXT),
        *_fields(type_display=_TEXT, started_text=_TEXT, started_at=TimestampType()),
        *_fields(ended_text=_TEXT, ended_at=TimestampType(), organization_id=_TEXT),
        *VERSION,
    ]
)

CONDITIONS: Final = StructType(
    [
        *KEY,
        *_fields(patient_id=_TEXT, encounter_id=_TEXT, **_CODE, clinical_status=_TEXT),
        *_fields(verification_status=_TEXT, onset_text=_TEXT, onset_at=TimestampType()),
        *_fields(abatement_text=_TEXT, abatement_at=TimestampType(), recorded_text=_TEXT),
        *_fields(recorded_at=TimestampType()),
        *VERSION,
    ]
)
