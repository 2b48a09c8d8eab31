"""Every gold table, each after those it reads."""

from __future__ import annotations

from typing import Final

from spark.gold.cohorts import COHORTS
from spark.gold.demographics import DEMOGRAPHICS
from spark.gold.encounters_per_condition import ENCOUNTERS_PER_CONDITION
from spark.gold.journeys import JOURNEY_TABLES
from spark.gold.operations import OPERATIONS
from spark.gold.outcomes import OUTCOMES
from spark.gold.quality_measures import QUALITY_MEASURES
from spark.gold.quality_rows import QUALITY_ROWS
from spark.gold.safety import SAFETY
from spark.gold.safety_reports import TABLES_OF_REPORTS
from spark.gold.surveillance import SURVEILLANCE

GOLD: Final = (
    ENCOUNTERS_PER_CONDITION,
    *JOURNEY_TABLES,
    *SURVEILLANCE,
    QUALITY_ROWS,
    QUALITY_MEASURES,
    *OPERATIONS,
    COHORTS,
    OUTCOMES,
    *DEMOGRAPHICS,
    *TABLES_OF_REPORTS,
    *SAFETY,
)
BY_NAME: Final = {table.name: table for table in GOLD}
