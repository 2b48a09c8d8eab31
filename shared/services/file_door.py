"""The file door: a dropped file, landed and handled in pieces, so that a gigabyte needs little memory and resumes.

NDJSON up to 1 GB of text (one resource or bundle a line), or one JSON document up to 64 MB; both may be gzipped.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import HOME_LENGTH, is_valid_tenant
from shared.domain.fhir.outcome import Issue
from shared.domain.ingest.chain import file_chain
from shared.domain.ingest.lines import FileLine, FileRefused, document, lines_of
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from shared.domain.records import Door, Item, Kind
from shared.errors import AlreadyExists, Conflict, NotFound, PreconditionFailed
from shared.names import FILES_RAW_ZONE
from shared.ports.clock import Clock
from shared.ports.lake import Lake, LakeFile
from shared.ports.meter import Meter
from shared.ports.records import Query, Records
from shared.services.dead_letters import DeadLetters, RawPointer
from shared.services.ingest import Ingest, Tally
from shared.services.landing import Landing
from shared.services.summed_letters import SummedLetters

PIECE_LINES: Final = 1_000
PIECE_BYTES: Final = 8 << 20
INVOCATION_SECONDS: Final = 240
"""One run works at most this long; the ledger says where the next one goes on."""

REMEMBERED_FILES: Final = 100_000
MOST_SET_ASIDE: Final = 1_000
"""Of one file; what is set aside after so many has one dead letter a raw file, which names each line."""
EMPTY_FOR: Final = timedelta(minutes=10)
"""An empty file may be one that is being uploaded in parts; after so long it is taken as empty."""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far a file has come: `done` when every line is accounted for."""

    done: bool
    tally: Tally


class FileDoor:
    """Takes files of the `landing` file system. The first folder is the tenant, which only that tenant may write."""

    def __init__(
        self,
        dropped: Lake,
        landing: Landing,
        ingest: Ingest,
        records: Records,
        dead_letters: DeadLetters,
        clock: Clock,
        meter: Meter,
        source: str,
    ) -> None:
        self._dropped = dropped
        self._landing = landing
        self._ingest = ingest
        self._records = records
        self._dead_letters = dead_letters
        self._clock = clock
        self._meter = meter
        self._source = source
        self._busy: set[str] = set()
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def receive(self, path: str) -> FileProgress:
        """Land and record a file, or go on where an earlier run stopped. Raises Busy and Unavailable."""
        file = self._dropped.look(path)
        if file is None or not is_valid_tenant(path.partition("/")[0]) or "/" not in path:
            self._meter.count("galen_files_total", result="ignored")
            return FileProgress(True, Tally())
        identity = file_identity(file)
        with self._lock:
            if identity in self._busy:
                return FileProgress(False, Tally())
            self._busy.add(identity)
        try:
            with self._meter.span("receive file"):
                return self._work(file, identity)
        finally:
            with self._lock:
                self._busy.discard(identity)

    def unfinished(self, older_than: str) -> Iterator[str]:
        """Paths of files that no run has finished and none has touched since an instant: the sweeper's work."""
        uploading = instant_text(self._clock.now() - EMPTY_FOR)
        for file in self._dropped.list(""):
            if file.modified_at > (older_than if file.size_bytes else uploading) or "/" not in file.path:
                continue
            identity = file_identity(file)
            if identity in self._finished:
                continue
            ledger = self._ledger(file.path.partition("/")[0], identity)
            if ledger is not None and ledger["done"]:
                self._remember(identity)
            if ledger is None or (not ledger["done"] and ledger["at"] <= older_than):
                yield file.path

    def _remember(self, identity: str) -> None:
        """Spare the next sweeps a read for each file that is long done."""
        self._finished[identity] = None
        if len(self._finished) > REMEMBERED_FILES:
            self._finished.popitem(last=False)

    def _work(self, file: LakeFile, identity: str) -> FileProgress:
        tenant = file.path.partition("/")[0]
        ledger = self._ledger(tenant, identity) or self._open(tenant, identity)
        if ledger["done"]:
            return FileProgress(True, Tally())
        tally = Tally()
        started = self._clock.now()
        try:
            for piece in _pieces(self._lines(file, ledger)):
                found = self._piece(file, identity, piece, summed=_set_aside(ledger) >= MOST_SET_ASIDE)
                tally.add(found)
                ledger = self._advance(ledger, piece[-1], found.rejected, done=False)
                if (self._clock.now() - started).total_seconds() > INVOCATION_SECONDS:
                    return FileProgress(False, tally)
        except FileRefused as refused:
            tally.rejected += self._refuse(file, tenant, refused.issue)
        except (NotFound, Conflict):
            # Deleted or replaced while it was read: the new content has an identity of its own.
            return FileProgress(True, tally)
        self._advance(ledger, None, 0, done=True)
        self._meter.count("galen_files_total", result="done")
        return FileProgress(True, tally)

    def _lines(self, file: LakeFile, ledger: Item) -> Iterator[FileLine]:
        if document(file.path):
            return lines_of(self._dropped.stream(file.path, etag=file.etag), whole=True, skip=ledger["line"])
        return lines_of(self._dropped.stream(file.path, etag=file.etag), whole=False, skip=ledger["line"])

    def _piece(self, file: LakeFile, identity: str, piece: list[FileLine], *, summed: bool) -> Tally:
        tenant = file.path.partition("/")[0]
        lines = [self._raw_line(file, tenant, identity, each) for each in piece]
        landed = self._landing.land(file_chain(FILES_RAW_ZONE, tenant, identity), lines)
        if not summed:
            return self._ingest.handle(landed)
        letters = SummedLetters(self._dead_letters)
        tally = self._ingest.with_letters(letters).handle(landed)
        letters.write()
        return tally

    def _raw_line(self, file: LakeFile, tenant: str, identity: str, each: FileLine) -> RawLine:
        return RawLine(
            tenant=tenant,
            door=Door.FILE,
            zone=FILES_RAW_ZONE,
            source=self._source,
            stream=identity,
            generation=sha256_hex(file.etag.encode())[:16],
            partition="0",
            sequence=each.number,
            enqueued_at=file.modified_at,
            landed_at="",
            sha256=each.sha256 or sha256_hex(each.body),
            body=each.body,
            properties={"left-in-file": "true"} if each.left else {},
        )

    def _refuse(self, file: LakeFile, tenant: str, issue: Issue) -> bool:
        pointer = RawPointer(f"landing/{file_identity(file)}", 0)
        self._meter.count("galen_files_total", result="refused")
        return self._dead_letters.put(tenant, Door.FILE, "land", pointer, (issue,))

    def last_landed_at(self) -> str:
        """When a piece of any file was last landed, or the empty string."""
        newest = Query(Kind.LEDGER, None, order_by="at", descending=True, limit=1)
        return str(next((item["at"] for item in self._records.query(newest)), ""))

    # the ledger: one item a file

    def _ledger(self, tenant: str, identity: str) -> Item | None:
        return self._records.read(tenant, identity[:HOME_LENGTH], f"ledger.{identity}")

    def _open(self, tenant: str, identity: str) -> Item:
        item: dict[str, Any] = {"id": f"ledger.{identity}", "tenant": tenant, "home": identity[:HOME_LENGTH]}
        item |= {
            "kind": Kind.LEDGER.value,
            "line": 0,
            "set_aside": 0,
            "done": False,
            "at": instant_text(self._clock.now()),
        }
        try:
            return {**item, "_etag": self._records.create(item)}
        except AlreadyExists:
            found = self._ledger(tenant, identity)
            assert found is not None
            return found

    def _advance(self, ledger: Item, last: FileLine | None, set_aside: int, *, done: bool) -> Item:
        after = {k: v for k, v in ledger.items() if not k.startswith("_")}
        after |= {
            "set_aside": _set_aside(ledger) + set_aside,
            "line": last.number if last else ledger["line"],
            "done": done,
            "at": instant_text(self._clock.now()),
        }
        try:
            return {**after, "_etag": self._records.replace(after, ledger["_etag"])}
        except PreconditionFailed:
            # Another run is on the same file; all it does is what we do.
            return self._ledger(ledger["tenant"], ledger["id"].removeprefix("ledger.")) or ledger


def _set_aside(ledger: Item) -> int:
    """How much of the file was set aside; a ledger of an earlier release does not say."""
    return int(ledger.get("set_aside", 0))


def file_identity(file: LakeFile) -> str:
    """Names one content of one path."""
    return sha256_hex(f"{file.path}|{file.etag}".encode())[:32]


def _pieces(lines: Iterator[FileLine]) -> Iterator[list[FileLine]]:
    piece: list[FileLine] = []
    size = 0
    try:
        for line in lines:
            piece.append(line)
            size += len(line.body)
            if len(piece) >= PIECE_LINES or size >= PIECE_BYTES:
                yield piece
                piece, size = [], 0
    except FileRefused:
        # The file cannot be read on from here; the whole lines before are taken all the same.
        if piece:
            yield piece
        raise
    if piece:
        yield piece
