"""The durable log of one partition: an append-only chain of segment files that knows no wire protocol.

Sequence numbers are contiguous from 0 and survive restarts; offsets are byte positions in the whole log. What
`append` has returned from is in the file system and outlives the death of this process.
"""

from __future__ import annotations

import logging
import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from .segment import Entry, Mark, Record, Segment, pack_frame, place

_LOG = logging.getLogger(__name__)

SEGMENT_BYTES = 16 * 1024 * 1024
RECENT_BYTES = 2 * 1024 * 1024
RETENTION_CHECK_MS = 60_000
SEGMENTS_PER_RETENTION = 24


class Tail(NamedTuple):
    """The last event that was ever appended; sequence and offset are -1 before the first."""

    sequence: int
    offset: int
    at_ms: int


class BeyondEndError(Exception):
    """A position behind the end of the log; the text says where the log ends."""


def sync_folder(folder: Path) -> None:
    """Let the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class PartitionLog:
    """One partition. Not for use by several threads or processes at once.

    `clock_ms` gives milliseconds since the epoch; enqueued times never run backwards even where it does.
    `fsync` makes appends outlive a power cut as well, at the price of speed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock_ms: Callable[[], int],
        retention_ms: int,
        segment_bytes: int = SEGMENT_BYTES,
        fsync: bool = False,
    ) -> None:
        self._folder = folder
        self._clock_ms = clock_ms
        self._retention_ms = retention_ms
        self._segment_bytes = segment_bytes
        self._fsync = fsync
        self._listeners: set[Callable[[], None]] = set()
        self._recent: list[Record] = []
        self._recent_bytes = 0
        self._next_check_ms = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._segments = [Segment(path) for path in sorted(folder.glob("*.log"))]
        for segment, following in zip(self._segments, self._segments[1:], strict=False):
            segment.next_sequence = following.first_sequence
        if self._segments:
            self._recover()
        else:
            self._segments.append(self._new_segment(0, 0))
        self._descriptor = os.open(self._active.path, os.O_WRONLY | os.O_APPEND)
        self.tail = self._find_tail()

    @property
    def _active(self) -> Segment:
        return self._segments[-1]

    @property
    def begin_sequence(self) -> int:
        """Sequence number of the oldest event still kept, or of the next one where none is."""
        return self._segments[0].first_sequence

    @property
    def next_sequence(self) -> int:
        """Sequence number that the next event will get."""
        return self.tail.sequence + 1

    @property
    def is_empty(self) -> bool:
        return self.begin_sequence == self.next_sequence

    def append(self, entries: Sequence[Entry], *, kind: int = 0) -> int:
        """Write `(key, body)` entries as one atomic batch and return the first sequence number.

        Raises OSError when the file system refuses; nothing of the batch is kept then.
        """
        now_ms = max(self._clock_ms(), self.tail.at_ms)
        self.expire(now_ms)
        if self._must_roll(now_ms):
            self._roll()
        active, first = self._active, self.next_sequence
        position = active.size
        data = pack_frame(kind, first, now_ms, entries)
        self._write(data)
        active.note(Mark(first, position, now_ms), len(entries))
        self._remember(first, active.base_offset + position, now_ms, entries, kind)
        for listener in tuple(self._listeners):
            listener()
        return first

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every append until `unlisten`."""
        self._listeners.add(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        self._listeners.discard(listener)

    def after_sequence(self, sequence: int, *, inclusive: bool) -> int:
        """The sequence number to read from; raises BeyondEndError for one that the log has not reached."""
        start = sequence if inclusive else sequence + 1
        if start > self.next_sequence:
            raise BeyondEndError(
                f"The supplied sequence number '{sequence}' is invalid. "
                f"The last sequence number in the system is '{self.tail.sequence}'"
            )
        return max(start, self.begin_sequence)

    def after_offset(self, offset: int, *, inclusive: bool) -> int:
        """The sequence number of the first event at or behind `offset`; raises BeyondEndError."""
        if offset > self.tail.offset and not (inclusive and offset == self._end_offset):
            raise BeyondEndError(
                f"The supplied offset '{offset}' is invalid. "
                f"The last offset in the system is '{self.tail.offset}'"
            )
        wanted = offset if inclusive else offset + 1
        segment = self._segment_by(attrgetter("base_offset"), wanted)
        position = segment.floor(attrgetter("position"), wanted - segment.base_offset)
        return self._scan(segment, position, lambda record: record.offset >= wanted)

    def after_time(self, at_ms: int, *, inclusive: bool) -> int:
        """The sequence number of the first event enqueued at or after `at_ms`."""
        wanted = at_ms if inclusive else at_ms + 1
        older = 0
        for number, segment in enumerate(self._segments):
            first_at_ms = segment.first_at_ms()
            if first_at_ms is not None and first_at_ms < wanted:
                older = number
        segment = self._segments[older]
        position = segment.floor(attrgetter("at_ms"), wanted - 1)
        return self._scan(segment, position, lambda record: record.enqueued_at_ms >= wanted)

    def reader(self, sequence: int) -> Reader:
        """A reader whose first event has at least this sequence number."""
        return Reader(self, sequence)

    def expire(self, now_ms: int | None = None) -> None:
        """Drop the segments whose events are all older than the retention time (looked at once a minute)."""
        now_ms = self._clock_ms() if now_ms is None else now_ms
        if now_ms < self._next_check_ms:
            return
        self._next_check_ms = now_ms + min(RETENTION_CHECK_MS, self._retention_ms)
        limit_ms = now_ms - self._retention_ms
        if self._active.size and self._active.last_at_ms < limit_ms:
            self._roll()
        while len(self._segments) > 1:
            # The next segment's first event bounds the age of this one's last without reading this one.
            bound_ms = self._segments[1].first_at_ms()
            if (self.tail.at_ms if bound_ms is None else bound_ms) >= limit_ms:
                return
            self._segments.pop(0).path.unlink()
            self._forget_before(self.begin_sequence)

    def close(self) -> None:
        os.close(self._descriptor)

    @property
    def _end_offset(self) -> int:
        return self._active.base_offset + self._active.size

    def recent(self, sequence: int, limit: int) -> list[Record] | None:
        """Up to `limit` records from memory; None where they are on disk only."""
        if not self._recent or sequence < self._recent[0].sequence:
            return [] if sequence >= self.next_sequence else None
        start = sequence - self._recent[0].sequence
        return self._recent[start : start + limit]

    def segment_at(self, sequence: int) -> Segment:
        return self._segment_by(attrgetter("first_sequence"), sequence)

    def _segment_by(self, key: Callable[[Segment], int], wanted: int) -> Segment:
        return self._segments[max(bisect_right(self._segments, wanted, key=key) - 1, 0)]

    def _scan(self, segment: Segment, position: int, wanted: Callable[[Record], bool]) -> int:
        while position < segment.size:
            records, position = segment.read(position)
            for record in records:
                if wanted(record):
                    return record.sequence
        return segment.next_sequence

    def _recover(self) -> None:
        torn = self._active.recover(cut=True)
        if torn:
            _LOG.warning("Cut %d bytes of an unfinished append from the end of a log.", torn)

    def _find_tail(self) -> Tail:
        for segment in reversed(self._segments):
            if segment.size == 0:
                continue
            position, last = segment.marks()[-1].position, None
            while position < segment.size:
                records, position = segment.read(position)
                last = records[-1]
            assert last is not None
            return Tail(last.sequence, last.offset, last.enqueued_at_ms)
        # Everything has expired, or nothing was ever sent: the file's name still says how far we had come.
        return Tail(self._active.first_sequence - 1, self._active.base_offset - 1, 0)

    def _must_roll(self, now_ms: int) -> bool:
        if self._active.size == 0:
            return False
        first_at_ms = self._active.first_at_ms()
        assert first_at_ms is not None
        return (
            self._active.size >= self._segment_bytes
            or now_ms - first_at_ms > self._retention_ms // SEGMENTS_PER_RETENTION
        )

    def _roll(self) -> None:
        segment = self._new_segment(self._active.next_sequence, self._end_offset)
        os.close(self._descriptor)
        self._segments.append(segment)
        self._descriptor = os.open(segment.path, os.O_WRONLY | os.O_APPEND)

    def _new_segment(self, first_sequence: int, base_offset: int) -> Segment:
        path = self._folder / Segment.name(first_sequence, base_offset)
        path.touch()
        if self._fsync:
            sync_folder(self._folder)
        segment = Segment(path)
        segment.open_index()
        return segment

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
            if self._fsync:
                os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._active.size)
            raise
        self._active.size += len(data)

    def _remember(self, first: int, offset: int, at_ms: int, entries: Sequence[Entry], kind: int) -> None:
        records = place(kind, first, at_ms, entries, offset)
        self._recent += records
        self._recent_bytes += sum(len(record.body) for record in records)
        self.tail = Tail(records[-1].sequence, records[-1].offset, at_ms)
        if self._recent_bytes > RECENT_BYTES:
            self._forget_half()

    def _forget_half(self) -> None:
        kept, number = 0, len(self._recent)
        while number and kept < RECENT_BYTES // 2:
            number -= 1
            kept += len(self._recent[number].body)
        del self._recent[:number]
        self._recent_bytes = kept

    def _forget_before(self, sequence: int) -> None:
        self._recent = [record for record in self._recent if record.sequence >= sequence]
        self._recent_bytes = sum(len(record.body) for record in self._recent)


class Reader:
    """A place in a log that moves forward; it reads ahead at most one chunk of a segment."""

    def __init__(self, log: PartitionLog, sequence: int) -> None:
        self._log = log
        self._ahead: list[Record] = []
        self._segment: Segment | None = None
        self._position = 0
        self.next_sequence = sequence

    def at_end(self) -> bool:
        """Whether everything appended so far has been read."""
        return self.next_sequence >= self._log.next_sequence

    def read(self, limit: int) -> list[Record]:
        """Up to `limit` following records; none only at the end of the log. Raises LogCorruptError."""
        self.next_sequence = max(self.next_sequence, self._log.begin_sequence)
        records = self._log.recent(self.next_sequence, limit)
        if records is None:
            records = self._from_disk(limit)
        else:
            self._ahead, self._segment = [], None
        if records:
            self.next_sequence = records[-1].sequence + 1
        return records

    def _from_disk(self, limit: int) -> list[Record]:
        wanted = self.next_sequence
        while not self._ahead or self._ahead[-1].sequence < wanted:
            segment = self._log.segment_at(wanted)
            if segment is not self._segment:
                self._segment = segment
                self._position = segment.floor(attrgetter("sequence"), wanted)
            self._ahead, self._position = segment.read(self._position)
        start = max(wanted - self._ahead[0].sequence, 0)
        return self._ahead[start : start + limit]
