"""Replay dead letters: read the raw line again and send it through the same handler; twice changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shared.domain.ingest.chain import unpack
from shared.domain.records import Item
from shared.errors import NotFound
from shared.ports.lake import Lake
from shared.ports.records import Records
from shared.services.dead_letters import OPEN, DeadLetter, DeadLetters
from shared.services.ingest import Ingest
from shared.services.isolate import items_of
from shared.services.landing import Landed


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
        reactions: Mapping[str, Callable[[Iterable[Item]], int]],
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
            # What fails again stays set aside under the same name; the letter is closed only after the reaction.
            self._reactions[letter.stage](items_of(self._records, letter))
            self._dead_letters.close(letter)
            return Replayed(letter, True)
        if letter.raw.line == 0 and not letter.parts:
            return Replayed(letter, False, "the file as a whole was refused: mend it and drop it again")
        landed = self._landed(letter)
        for line, entry in letter.places:
            outstanding = self._ingest.still_set_aside(landed[line], entry)
            if outstanding:
                return Replayed(letter, False, outstanding)
        self._ingest.handle(list(landed.values()))
        self._dead_letters.close(letter)
        return Replayed(letter, True)

    def _landed(self, letter: DeadLetter) -> dict[int, Landed]:
        """The lines that a letter stands for, by number."""
        lines = unpack(self._lake.read(letter.raw.path))
        numbers = sorted({line for line, _ in letter.places})
        if numbers[-1] > len(lines):
            raise NotFound("The raw file has no such line.")
        return {number: Landed(lines[number - 1], letter.raw.path, number) for number in numbers}
