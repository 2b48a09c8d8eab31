"""Bronze: every resource of every raw line, once, as it came; and the ledger of the raw files taken."""

from __future__ import annotations

from typing import Final

from pyspark.sql.types import BooleanType, LongType, StringType, StructField, StructType, TimestampType

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
        StructField("raw_path", StringType(), nullable=False),
        StructField("batch", LongType(), nullable=False),
        StructField("ingested_at", TimestampType(), nullable=False),
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
