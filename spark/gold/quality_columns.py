"""The columns of the quality rows, which `spark.gold.quality_rows` defines in words."""

from __future__ import annotations

from typing import Final

from spark.gold.table import PATIENT, TENANT, confidential, declare, internal, sensitive

NONE: Final = "none"
"""The condition of an encounter without one."""
ROWS: Final = declare(
    "quality_rows",
    "The rows behind every quality measure: denominator, numerator, exclusion",
    ("tenant", "measure", "patient_id", "subject_id"),
    *(TENANT, internal("measure", "STRING", "stay, readmission, adherence or latency"), PATIENT),
    sensitive("subject_id", "STRING", "The encounter, condition or medication that the row is about"),
    internal("organization_id", "STRING", "The organisation that answers for it, or `unknown`"),
    internal("month", "DATE", "The first day of the month it belongs to"),
    confidential("condition_code", "STRING", "The code of the condition, or `none`"),
    confidential("condition_display", "STRING", "The condition in words"),
    confidential("value", "DOUBLE", "Days of stay, days to readmission, PDC, hours to record"),
    confidential("in_denominator", "BOOLEAN", "Whether it counts"),
    confidential("in_numerator", "BOOLEAN", "Whether it counts as an event"),
    confidential("excluded", "STRING", "Why it does not count"),
    confidential("assumed", "BIGINT", "Fills whose days of supply were assumed"),
    confidential("known_on", "DATE", "The day from which the outcome is known"),
)
