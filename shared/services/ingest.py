"""The pipeline of the stream and file doors after landing: expand, validate, record; what fails becomes a dead letter.

The outcome of each line is done or dead; only a busy or unreachable store raises, and then the same lines are handled
again, which changes nothing that was done.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.fhir.admission import ValidationModes
from shared.domain.fhir.outcome import error
from shared.domain.ingest.expand import Expansion, SetAside, expand
from shared.domain.ingest.raw_line import RawLine
from shared.domain.records import Door
from shared.domain.versioning import Decision
from shared.errors import Disposal, TooLarge, consequence_of
from shared.ports.meter import Meter
from shared.ports.validator import Validator
from shared.services.dead_letters import Letters, RawPointer
from shared.services.landing import Landed
from shared.services.replicate import Incoming, Replicate, replica_item
from shared.telemetry import note

_log = logging.getLogger("galen.ingest")


@dataclass(slots=True)
class Tally:
    """What some lines came to. `resources` counts what the lines held, `rejected` dead letters written by this run.

    `tolerated` are the rules that recorded resources break, where the mode is `warn`; `reports` are adverse event reports,
    which the lake alone keeps.
    """

    lines: int = 0
    resources: int = 0
    rejected: int = 0
    unresolved: int = 0
    decisions: Counter[Decision] = field(default_factory=Counter)
    tolerated: Counter[str] = field(default_factory=Counter)
    reports: int = 0

    def add(self, other: Tally) -> None:
        """Sum two tallies into this one."""
        self.lines += other.lines
        self.resources += other.resources
        self.rejected += other.rejected
        self.unresolved += other.unresolved
        self.decisions.update(other.decisions)
        self.tolerated.update(other.tolerated)
        self.reports += other.reports


class Ingest:
    """Handles landed lines."""

    def __init__(
        self,
        replicate: Replicate,
        dead_letters: Letters,
        validator: Validator,
        meter: Meter,
        modes: ValidationModes = ValidationModes(),  # noqa: B008 - frozen
    ) -> None:
        self._replicate = replicate
        self._dead_letters = dead_letters
        self._validator = validator
        self._meter = meter
        self._modes = modes

    def handle(self, landed: Sequence[Landed]) -> Tally:
        """Record every good resource of the lines and set the others aside. Raises Busy and Unavailable."""
        tally = Tally(lines=len(landed))
        incoming: list[Incoming] = []
        for each in landed:
            incoming += self._prepare(each, tally)
        try:
            tally.decisions += self._replicate.apply(incoming, lambda tag: self._conflict(tag, tally))
        except Exception as failure:
            if consequence_of(failure).disposal is Disposal.RETRY:
                raise
            # Something of the batch cannot be written: one by one, so that only that one is set aside.
            for one in incoming:
                self._write_alone(one, tally)
        self._count(tally, landed)
        return tally

    def with_letters(self, letters: Letters) -> Ingest:
        """The same, setting aside elsewhere."""
        return Ingest(self._replicate, letters, self._validator, self._meter, self._modes)

    def _expand(self, line: RawLine) -> Expansion:
        return expand(line, self._validator.validate, self._modes.of(line.door, line.tenant))

    def _made(self, landed: Landed) -> tuple[Expansion, list[Incoming]]:
        """What a line comes to, and the items of it; one that no store takes is set aside by itself."""
        line = landed.line
        door = Door.FILE if line.door == Door.FILE else Door.STREAM
        expansion, made = self._expand(line), []
        for replica in expansion.replicas:
            try:
                item = replica_item(line.tenant, replica, door, line.traceparent)
            except TooLarge as refused:
                expansion.set_aside.append(SetAside(replica.entry, "record", refused.issues))
            else:
                made.append(Incoming(item, (landed, replica.entry)))
        return expansion, made

    def _prepare(self, landed: Landed, tally: Tally) -> list[Incoming]:
        try:
            expansion, made = self._made(landed)
        except Exception as failure:  # noqa: BLE001 - the entry point of each line
            expansion, made = self._failed(failure), []
        tally.resources += len(made) + len(expansion.set_aside)
        tally.unresolved += expansion.unresolved
        tally.tolerated.update(expansion.tolerated)
        tally.reports += expansion.reports
        for aside in expansion.set_aside:
            self._set_aside(landed, aside, tally)
        return made

    @staticmethod
    def _failed(failure: Exception) -> Expansion:
        # A defect of ours on this line: it must not stop the others. The class is logged, never the text.
        note(_log, logging.ERROR, "line failed", error=type(failure).__name__)
        issue = error("exception", "An internal error met this line; it can be replayed once that is mended.")
        return Expansion(set_aside=[SetAside(-1, "expand", (issue,))])

    def _write_alone(self, one: Incoming, tally: Tally) -> None:
        try:
            tally.decisions += self._replicate.apply([one], lambda tag: self._conflict(tag, tally))
        except Exception as failure:
            if consequence_of(failure).disposal is Disposal.RETRY:
                raise
            note(_log, logging.ERROR, "record failed", error=type(failure).__name__)
            issue = error("exception", "The store refused this resource.")
            self._put_aside(one.tag, "record", issue.code, (issue,), tally)

    def _conflict(self, tag: object, tally: Tally) -> None:
        text = "Another content is on record under the same source version: neither wins by chance."
        self._put_aside(tag, "record", "version-conflict", (error("conflict", text),), tally)

    def _put_aside(self, tag: object, stage: str, kind: str, issues: tuple, tally: Tally) -> None:  # type: ignore[type-arg]
        assert isinstance(tag, tuple)
        landed, entry = tag
        self._set_aside(landed, SetAside(entry, stage, issues), tally, kind)

    def _set_aside(self, landed: Landed, aside: SetAside, tally: Tally, kind: str = "") -> None:
        line = landed.line
        pointer = RawPointer(landed.path, landed.number, aside.entry)
        created = self._dead_letters.put(
            line.tenant, line.door, aside.stage, pointer, aside.issues, error=kind, trace=line.traceparent
        )
        tally.rejected += created

    def _count(self, tally: Tally, landed: Sequence[Landed]) -> None:
        door = landed[0].line.door if landed else ""
        self._meter.count("galen_lines_total", tally.lines, door=door)
        for decision, number in tally.decisions.items():
            self._meter.count("galen_versions_total", number, door=door, decision=decision.value)
        for rule, number in tally.tolerated.items():
            self._meter.count("galen_tolerated_issues_total", number, door=door, rule=rule)
        if tally.reports:
            self._meter.count("galen_safety_reports_total", tally.reports, door=door)
        if tally.unresolved:
            self._meter.count("galen_unresolved_references_total", tally.unresolved, door=door)
