"""Bronze: every resource of every raw line, once, as it came; the lines of streams; and the ledger of the raw files."""

from __future__ import annotations

from typing import Final

from pyspark.sql.types import (
    BooleanType,
    DateType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

DAY: Final = "day"
"""The partition of bronze tables: the day of landing, in UTC."""

_LINEAGE: Final = [
    StructField("raw_path", StringType(), nullable=False),
    StructField("batch", LongType(), nullable=False),
    StructField("ingested_at", TimestampType(), nullable=False),
    StructField(DAY, DateType(), nullable=False),
]

RESOURCES: Final = StructType(
    [
        StructField("tenant", StringType(), nullable=False),
        StructField("type", StringType(), nullable=False),
        StructField("id", StringType(), nullable=False),
        StructField("home", StringType()),
        StructField("version", StringType()),
        # Sorts as text; by it the newest is decided, never by the order of arrival.
        StructField("source_version", StringType(), nullable=False),
        StructField("content_hash", StringType()),
        StructField("deleted", BooleanType(), nullable=False),
        StructField("last_updated", TimestampType()),
        StructField("body", StringType()),
        StructField("zone", StringType(), nullable=False),
        StructField("source", StringType()),
        StructField("generation", StringType()),
        StructField("partition", StringType()),
        StructField("sequence", LongType()),
        StructField("enqueued_at", TimestampType()),
        StructField("landed_at", TimestampType()),
        *_LINEAGE,
    ]
)

LINES: Final = StructType(
    [
        StructField("tenant", StringType(), nullable=False),
        StructField("stream", StringType()),
        StructField("source", StringType()),
        StructField("generation", StringType()),
        StructField("partition", StringType()),
        StructField("sequence", LongType()),
        StructField("enqueued_at", TimestampType()),
        StructField("landed_at", TimestampType()),
        StructField("key", StringType()),
        StructField("content_type", StringType()),
        StructField("sha256", StringType()),
        # What arrived as text; where it is not valid UTF-8, in base64 beside it.
        StructField("body", StringType()),
        StructField("body_b64", StringType()),
        *_LINEAGE,
    ]
)

LEDGER: Final = StructType(
    [
        StructField("raw_path", StringType(), nullable=False),
        StructField("size_bytes", LongType(), nullable=False),
        StructField("batch", LongType(), nullable=False),
        StructField("table_id", StringType(), nullable=False),
        StructField("planned_at", TimestampType(), nullable=False),
    ]
)

FILES: Final = StructType(
    [
        StructField("raw_path", StringType(), nullable=False),
        StructField("batch", LongType(), nullable=False),
        StructField("lines", LongType()),
        StructField("last_sequence", LongType()),
        StructField("resources", LongType()),
        StructField("problems", LongType()),
    ]
)
"""What each raw file came to; nulls where the file could not be read."""

KIND: Final = "kind"
REASON: Final = "reason"


def _everything() -> StructType:
    """All columns of the rows that one pass over raw files gives, told apart by `kind`; nothing is required here."""
    named = {field.name: field.dataType for table in (RESOURCES, LINES, FILES) for field in table}
    own = [StructField(KIND, StringType()), StructField(REASON, StringType())]
    return StructType([*own, *(StructField(name, kind) for name, kind in named.items())])


PASS: Final = _everything()
