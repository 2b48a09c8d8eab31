"""The jobs that the clouds' schedules run, as `spark_job.py` takes them; a test holds them to `spark/jobs/graph.py`."""

from __future__ import annotations

from typing import Final

Jobs = tuple[tuple[str, tuple[str, ...]], ...]
JOBS: Final[Jobs] = (
    ("bronze", ()),
    ("safety-reports", ("bronze",)),
    ("quality-bronze", ("bronze",)),
    ("silver", ("quality-bronze",)),
    ("events", ("silver",)),
    ("references", ("silver",)),
    ("quality-silver", ("events", "references")),
    ("gold", ("quality-silver", "safety-reports")),
    ("freshness", ("gold",)),
    ("quality-gold", ("gold",)),
    ("sql", ("quality-gold",)),
)
"""Each job and those it waits for."""
ENTRY_FILE: Final = "spark_job.py"
"""What is submitted: beside it lie the packages `spark` and `shared`."""
RUN_MINUTE: Final = 7
"""Of every hour."""
BESIDE: Final[tuple[str, ...]] = ("upkeep", "features")
"""Jobs on the same tables that run by themselves, once a day."""
RUN_HOUR: Final = 2
"""Of the day, for those, in UTC."""
