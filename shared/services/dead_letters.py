"""Dead letters: what could not be processed, as a pointer to its raw bytes. No payload, no identifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Protocol

import msgspec

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.outcome import UNKNOWN_ELEMENT, Issue, operation_outcome
from shared.domain.ingest.raw_line import sha256_hex
from shared.names import Zone
from shared.ports.clock import Clock
from shared.ports.lake import Lake, LakeFile
from shared.ports.meter import Meter

STAGES: Final = ("land", "decode", "validate", "expand", "record")
"""Where a line can fail; reactions have stages of their own."""
OPEN: Final = "open"
REPLAYED: Final = "replayed"


@dataclass(frozen=True, slots=True)
class RawPointer:
    """Where the bytes are: a raw file and a line of it (from 1), or line 0: several lines, or a whole dropped file."""

    path: str
    line: int
    entry: int = -1

    @property
    def id(self) -> str:
        """The dead letter's name: one for each thing that failed, however often it is tried."""
        return sha256_hex(f"{self.path}|{self.line}|{self.entry}".encode())[:32]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One thing set aside. `outcome` is an OperationOutcome without values from the data.

    `parts` are the lines and entries of a raw file that one letter stands for, where there were too many for one each.
    """

    id: str
    tenant: str
    door: str
    stage: str
    error: str
    raw: RawPointer
    at: str
    outcome: dict[str, Any] = field(default_factory=dict)
    trace: str = ""
    attempts: int = 1
    status: str = OPEN
    parts: Sequence[tuple[int, int]] = ()

    @property
    def places(self) -> Sequence[tuple[int, int]]:
        """The lines and entries it stands for."""
        return self.parts or [(self.raw.line, self.raw.entry)]


class Letters(Protocol):
    """Where things are set aside."""

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
        """Set one thing aside; False where it was set aside before. Raises Busy and Unavailable."""
        ...


class DeadLetters:
    """Writes, lists and closes dead letters in the quarantine zone."""

    def __init__(self, lake: Lake, clock: Clock, meter: Meter) -> None:
        self._lake = lake
        self._clock = clock
        self._meter = meter

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
        parts: Sequence[tuple[int, int]] = (),
    ) -> bool:
        """As the port says; one that was replayed before and fails again is open again."""
        letter = DeadLetter(
            id=raw.id,
            tenant=tenant,
            door=door,
            stage=stage,
            error=error or (issues[0].code if issues else "exception"),
            raw=raw,
            at=instant_text(self._clock.now()),
            outcome=_outcome(issues),
            trace=trace,
            parts=parts,
        )
        path = _path(tenant, raw.id)
        if not self._lake.put_if_absent(path, _bytes(letter), metadata=_about(letter)):
            before = self._lake.look(path)
            if before is None or before.metadata.get("status") != REPLAYED:
                return False
            self._write(replace(letter, attempts=_parse(self._lake.read(path)).attempts + 1))
        self._meter.count("galen_dead_letters_total", stage=stage, door=door)
        return True

    def list(
        self, tenant: str | None = None, *, status: str | None = OPEN, known: Container[str] = ()
    ) -> Iterator[DeadLetter]:
        """The dead letters of a tenant or of all, by name, but for those whose id is `known`: they are not read."""
        for file in self._files(tenant, status):
            if _id(file) not in known:
                yield _parse(self._lake.read(file.path))

    def ids(self) -> Iterator[str]:
        """The ids of all, open or not; none is read."""
        return map(_id, self._files(None, None))

    def open_by_stage(self) -> Counter[str]:
        """How many are open; none is read."""
        return Counter(file.metadata["stage"] for file in self._files(None, OPEN))

    def beginning_with(self, beginning: str) -> Iterator[DeadLetter]:
        """Those whose id begins so."""
        for file in self._files(None, None):
            if _id(file).startswith(beginning):
                yield _parse(self._lake.read(file.path))

    def _files(self, tenant: str | None, status: str | None) -> Iterator[LakeFile]:
        """The files of letters: what else lies in the zone has no status."""
        folder = f"{Zone.QUARANTINE}/t={tenant}" if tenant else str(Zone.QUARANTINE)
        for file in self._lake.list(folder):
            said = file.metadata.get("status")
            if said and status in (None, said):
                yield file

    def close(self, letter: DeadLetter) -> None:
        """Mark one as replayed; it stays as evidence."""
        self._write(replace(letter, status=REPLAYED, attempts=letter.attempts + 1))

    def keep(
        self,
        letter: DeadLetter,
        stage: str,
        issues: Sequence[Issue],
        *,
        error: str = "",
        parts: Sequence[tuple[int, int]] = (),
    ) -> None:
        """It failed again: the reasons are those of now, and of several lines it names those that are left."""
        self._write(
            replace(
                letter,
                stage=stage,
                error=error or issues[0].code,
                outcome=_outcome(issues),
                parts=parts,
                attempts=letter.attempts + 1,
            )
        )

    def _write(self, letter: DeadLetter) -> None:
        self._lake.put(_path(letter.tenant, letter.id), _bytes(letter), metadata=_about(letter))


def _about(letter: DeadLetter) -> dict[str, str]:
    return {"stage": letter.stage, "door": letter.door, "status": letter.status}


def _outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    return operation_outcome([_without_names(issue) for issue in issues])


def _without_names(issue: Issue) -> Issue:
    """The name of an element that FHIR does not know is the sender's own text: its parent is named instead."""
    if issue.rule != UNKNOWN_ELEMENT:
        return issue
    return msgspec.structs.replace(issue, expression=issue.expression.rpartition(".")[0])


def _path(tenant: str, letter_id: str) -> str:
    return f"{Zone.QUARANTINE}/t={tenant}/{letter_id}.json"


def _id(file: LakeFile) -> str:
    return file.path.rpartition("/")[2].removesuffix(".json")


def _bytes(letter: DeadLetter) -> bytes:
    return json.encode(asdict(letter)).encode()


def _parse(data: bytes) -> DeadLetter:
    fields = json.decode_object(data)
    parts = [(line, entry) for line, entry in fields.get("parts", ())]
    return DeadLetter(**{**fields, "raw": RawPointer(**fields["raw"]), "parts": parts})
