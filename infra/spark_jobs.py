"""The jobs that the clouds' schedules run, in their order, as `python -m spark.jobs` knows them."""

from __future__ import annotations

from typing import Final

JOBS: Final = (("bronze", ""), ("quality-bronze", "bronze"), ("silver", "quality-bronze"), ("gold", "silver"))
"""Each job and the one it waits for."""
RUN_MINUTE: Final = 7
"""Of every hour."""
