"""The sweeper: what a crash or a lost notification left undone is found on a timer and done."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.records import Item
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.services.commit_sweep import CommitSweep
from shared.services.fhir.intents import Intents
from shared.services.file_door import FileDoor
from shared.services.score_onset import ScoreOnset
from shared.services.score_sepsis import ScoreSepsis
from shared.telemetry import note

TAKE_SECONDS: Final = 30
"""After so long the next sweep goes on; one file may take what is left of the invocation."""
INTENT_AGE: Final = timedelta(seconds=5)
FILE_AGE: Final = timedelta(seconds=20)
_log = logging.getLogger("galen.sweep")


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep found undone, and did; and the stays and patients that it scored by the clock."""

    intents: int
    moves: int
    commits: int
    stays: int = 0
    patients: int = 0


class Sweep:
    """One pass over what may be unfinished."""

    def __init__(
        self,
        intents: Intents,
        files: FileDoor,
        commits: CommitSweep,
        sepsis: ScoreSepsis,
        onset: ScoreOnset,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._intents = intents
        self._files = files
        self._commits = commits
        self._sepsis = sepsis
        self._onset = onset
        self._clock = clock
        self._meter = meter

    def run(self) -> Swept:
        """Complete stored intents and moves half way, land commits that are in no file."""
        return Swept(
            intents=self._each("intents", self._finish_intents),
            moves=self._each("moves", self._intents.writer.finish_moves),
            commits=self._each("commits", self._commits.run),
            stays=self._each("stays", self._sepsis.by_the_clock),
            patients=self._each("patients", self._onset.by_the_clock),
        )

    @staticmethod
    def _each(name: str, work: Callable[..., int], *about: Item | str) -> int:
        try:
            return work(*about)
        except Exception as failure:  # noqa: BLE001 - what comes after must not wait for the next sweep, which tries again
            note(_log, logging.WARNING, "sweep stopped early", part=name, error=type(failure).__name__)
            return 0

    def _finish_intents(self) -> int:
        intents = list(self._intents.unfinished(instant_text(self._clock.now() - INTENT_AGE)))
        return sum(self._each("intent", self._finish, intent) for intent in intents)

    def _finish(self, intent: Item) -> int:
        applied = self._intents.apply(intent)
        if applied:
            self._meter.count("galen_intents_completed_total")
        return int(applied)

    def take_files(self) -> int:
        """Go on with files no run is working on, as long as one invocation may; how many."""
        started, taken = self._clock.now(), 0
        for path in list(self._files.unfinished(instant_text(started - FILE_AGE))):
            taken += self._each("file", self._take, path)
            if (self._clock.now() - started).total_seconds() > TAKE_SECONDS:
                break
        return taken

    def _take(self, path: str) -> int:
        self._files.receive(path)
        return 1
