"""What every job gets: the session, the lake, and how this run is meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import Final

from pyspark.sql import DataFrame, SparkSession

from shared.domain.features.patient.known import Clock
from shared.domain.fhir.admission import ValidationModes
from spark.paths import LakeRoot

AT_A_TIME: Final = 2
"""Tables done at once: most of what a small one takes is Spark's planning, which is one thread's work."""


def _unnoticed(_: str) -> None:
    """Nobody follows the phases."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run. `full` makes the tables anew from the layer below instead of adding what is new.

    `source` is what an import reads: a folder or its URI. `as_of` are the instants that features are of, and `known_by`
    the clock that tells what was known at each; `at_discharges` asks for the ends of each patient's stays instead.
    Up to `few` new rows go to silver without plans of Spark where the lake is a
    folder (`silver_few`). Training takes no more than about `most_rows` rows of features: a driver holds them, 3 kB each
    beside the 0.8 kB in which they come. `on_phase` is told each phase before it begins; a test ends the run there.
    """

    spark: SparkSession
    lake: LakeRoot
    modes: ValidationModes = ValidationModes()  # noqa: RUF009 - frozen
    full: bool = False
    source: str = ""
    as_of: tuple[datetime, ...] = ()
    known_by: Clock = Clock.PLATFORM
    at_discharges: bool = False
    few: int = 20_000
    most_rows: int = 500_000
    on_phase: Callable[[str], None] = _unnoticed

    def read(self, path: str) -> DataFrame:
        """The Delta table at a lake path, as it is now."""
        return self.spark.read.format("delta").load(self.lake.uri(path))

    @property
    def by_files(self) -> bool:
        """Whether a few rows may go without Spark: the lake is a folder, deltalake is there, and nothing is made anew."""
        return bool(self.few) and not self.full and self.lake.is_local and bool(find_spec("deltalake"))
