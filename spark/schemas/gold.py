"""Gold: counts that answer one question each, recomputed whole."""

from __future__ import annotations

from typing import Final

from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType

ENCOUNTERS_PER_CONDITION_AND_AGE: Final = StructType(
    [
        StructField("tenant", StringType(), nullable=False),
        StructField("condition_system", StringType()),
        StructField("condition_code", StringType(), nullable=False),
        StructField("condition_display", StringType()),
        StructField("age_group", StringType(), nullable=False),
        StructField("encounters", LongType(), nullable=False),
        StructField("patients", LongType(), nullable=False),
        StructField("first_on", DateType()),
        StructField("last_on", DateType()),
    ]
)
