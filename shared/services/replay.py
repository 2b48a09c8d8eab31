"""Replay dead letters: read the raw line again and send it through the same handler; twice changes nothing.

What is set aside while a letter's lines are handled decides about the letter: where nothing of its own is, it is closed;
else it stays open and names what is left, for the reasons of now.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.fhir.outcome import Issue
from shared.domain.ingest.chain import unpack
from shared.domain.records import Item
from shared.errors import Disposal, NotFound, consequence_of
from shared.ports.lake import Lake
from shared.ports.records import Records
from shared.services.dead_letters import OPEN, DeadLetter, DeadLetters, Letters, RawPointer
from shared.services.ingest import Ingest
from shared.services.isolate import FAILED, items_of
from shared.services.landing import Landed
from shared.services.summed_letters import summed
from shared.telemetry import note

Redo = Callable[[Sequence[Item]], int]
"""A reaction to items that raises where it fails."""
_log: Final = logging.getLogger("galen.replay")


@dataclass(frozen=True, slots=True)
class Replayed:
    """`recovered`: nothing of the line is set aside any more. Else it stays open, for the reason it gives."""

    letter: DeadLetter
    recovered: bool
    reason: str = ""


class Replay:
    """Replays one dead letter at a time."""

    def __init__(
        self,
        lake: Lake,
        records: Records,
        ingest: Ingest,
        dead_letters: DeadLetters,
        reactions: Mapping[str, Redo],
    ) -> None:
        self._lake = lake
        self._records = records
        self._reactions = reactions
        self._ingest = ingest
        self._dead_letters = dead_letters

    def run(self, letter: DeadLetter) -> Replayed:
        """Handle its line again. Raises Busy and Unavailable."""
        if letter.status != OPEN:
            return Replayed(letter, True, "it was replayed before")
        if letter.stage in self._reactions:
            return self._react(letter)
        if letter.raw.line == 0 and not letter.parts:
            return Replayed(letter, False, "the file as a whole was refused: mend it and drop it again")
        heard = _Heard(letter, self._dead_letters)
        self._ingest.with_letters(heard).handle(list(self._landed(letter).values()))
        if heard.places:
            left = sorted(heard.places) if letter.parts else ()
            issues = summed(left, heard.issues) if left else tuple(heard.issues)
            self._dead_letters.keep(
                letter, heard.stage, issues, error="" if left else heard.error, parts=left
            )
            return Replayed(letter, False, heard.issues[0].text)
        self._dead_letters.close(letter)
        return Replayed(letter, True)

    def _react(self, letter: DeadLetter) -> Replayed:
        try:
            self._reactions[letter.stage](list(items_of(self._records, letter)))
        except Exception as failure:
            if consequence_of(failure).disposal is Disposal.RETRY:
                raise
            note(_log, logging.ERROR, "reaction failed", stage=letter.stage, error=type(failure).__name__)
            self._dead_letters.keep(letter, letter.stage, (FAILED,))
            return Replayed(letter, False, FAILED.text)
        self._dead_letters.close(letter)
        return Replayed(letter, True)

    def _landed(self, letter: DeadLetter) -> dict[int, Landed]:
        """The lines that a letter stands for, by number."""
        lines = unpack(self._lake.read(letter.raw.path))
        numbers = sorted({line for line, _ in letter.places})
        if numbers[-1] > len(lines):
            raise NotFound("The raw file has no such line.")
        return {number: Landed(lines[number - 1], letter.raw.path, number) for number in numbers}


class _Heard:
    """What is set aside while the lines of a letter are handled: its own is kept here, what is not has another letter."""

    def __init__(self, letter: DeadLetter, others: Letters) -> None:
        self._others = others
        self._entries: dict[int, set[int]] = defaultdict(set)
        for line, entry in letter.places:
            self._entries[line].add(entry)
        self.places: set[tuple[int, int]] = set()
        self.issues: list[Issue] = []
        self.stage = letter.stage
        self.error = ""

    def put(
        self,
        tenant: str,
        door: str,
        stage: str,
        raw: RawPointer,
        issues: tuple[Issue, ...],
        *,
        error: str = "",
        trace: str = "",
    ) -> bool:
        """As the port says. A whole line takes its entries along, and an entry the letter of its whole line."""
        entries = self._entries[raw.line]
        own = entries if raw.entry < 0 else entries & {raw.entry, -1}
        if not own:
            return self._others.put(tenant, door, stage, raw, issues, error=error, trace=trace)
        self.places.update((raw.line, entry) for entry in own)
        self.issues += [issue for issue in issues if issue not in self.issues]
        self.stage, self.error = stage, error
        return True
