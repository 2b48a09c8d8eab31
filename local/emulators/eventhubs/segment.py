"""One file of a partition's log: batches framed by length and CRC-32, and a sparse index over them.

A frame is `length crc32 | kind first_sequence appended_at_ms count | record…`; a record is
`key_length body_length key body`. The checksum covers all that follows: a frame is either whole or not there.
"""

from __future__ import annotations

import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_GUARD = struct.Struct(">II")
_HEAD = struct.Struct(">BQqI")
_RECORD = struct.Struct(">HI")
_NO_KEY = 0xFFFF
_PREFIX_BYTES = _GUARD.size + _HEAD.size
_INDEX_EVERY_BYTES = 64 * 1024
_CHUNK_BYTES = 256 * 1024
MAX_FRAME_BYTES = 64 * 1024 * 1024


class LogCorruptError(Exception):
    """A sealed segment does not hold what was written to it."""


class Record(NamedTuple):
    """One event as the log keeps it; `body` is opaque to the log and `kind` says who can read it."""

    sequence: int
    offset: int
    enqueued_at_ms: int
    key: bytes | None
    body: bytes
    kind: int


class Mark(NamedTuple):
    """Where in the file a frame starts, with its first sequence number and its time."""

    sequence: int
    position: int
    at_ms: int


Entry = tuple[bytes | None, bytes]


def pack_frame(kind: int, first_sequence: int, at_ms: int, entries: Sequence[Entry]) -> bytes:
    """The bytes of one batch; raises ValueError for a key above 65,534 bytes."""
    parts = [_HEAD.pack(kind, first_sequence, at_ms, len(entries))]
    for key, body in entries:
        if key is None:
            parts.append(_RECORD.pack(_NO_KEY, len(body)))
        elif len(key) < _NO_KEY:
            parts.append(_RECORD.pack(len(key), len(body)) + key)
        else:
            raise ValueError("a key has at most 65,534 bytes")
        parts.append(body)
    content = b"".join(parts)
    return _GUARD.pack(len(content), zlib.crc32(content)) + content


def place(kind: int, first_sequence: int, at_ms: int, entries: Sequence[Entry], offset: int) -> list[Record]:
    """The records that `pack_frame` of the same entries makes when the frame lands at `offset`."""
    at = offset + _PREFIX_BYTES
    records = []
    for number, (key, body) in enumerate(entries):
        records.append(Record(first_sequence + number, at, at_ms, key, body, kind))
        at += _RECORD.size + (0 if key is None else len(key)) + len(body)
    return records


def unpack_frame(data: bytes, position: int, offset: int) -> list[Record]:
    """The records of the verified frame at `position`, whose offset in the log is `offset`."""
    kind, sequence, at_ms, count = _HEAD.unpack_from(data, position + _GUARD.size)
    at = position + _PREFIX_BYTES
    shift = offset - position
    records = []
    for number in range(count):
        key_length, body_length = _RECORD.unpack_from(data, at)
        start = at + _RECORD.size
        key = None
        if key_length != _NO_KEY:
            key = data[start : start + key_length]
            start += key_length
        end = start + body_length
        records.append(Record(sequence + number, at + shift, at_ms, key, data[start:end], kind))
        at = end
    return records


def frame_size(data: bytes, position: int) -> int | None:
    """Size of the verified frame at `position`, None if the data ends inside it; raises LogCorruptError."""
    available = len(data) - position
    if available < _GUARD.size:
        return None
    length, checksum = _GUARD.unpack_from(data, position)
    if not _HEAD.size <= length <= MAX_FRAME_BYTES:
        raise LogCorruptError("a frame has an impossible length")
    if available < _GUARD.size + length:
        return None
    start = position + _GUARD.size
    if zlib.crc32(memoryview(data)[start : start + length]) != checksum:
        raise LogCorruptError("a frame does not match its checksum")
    return _GUARD.size + int(length)


class Segment:
    """A segment file, named by the sequence number and the log offset it begins with."""

    def __init__(self, path: Path) -> None:
        first, base = path.stem.split("-")
        self.path = path
        self.first_sequence = int(first)
        self.base_offset = int(base)
        self.next_sequence = self.first_sequence
        self.size = path.stat().st_size if path.exists() else 0
        self.last_at_ms = 0
        self._marks: list[Mark] | None = None

    @staticmethod
    def name(first_sequence: int, base_offset: int) -> str:
        return f"{first_sequence:020d}-{base_offset:020d}.log"

    def marks(self) -> list[Mark]:
        """The sparse index, made by one pass over the file when it is first asked for."""
        if self._marks is None:
            self.recover(cut=False)
        assert self._marks is not None
        return self._marks

    def recover(self, *, cut: bool) -> int:
        """Verify the file and index it; `cut` removes a torn tail. Returns the number of bytes removed."""
        self._marks = []
        position = 0
        try:
            for start, data in self._frames(0):
                sequence, at_ms, count = _HEAD.unpack_from(data, _GUARD.size)[1:]
                self.note(Mark(sequence, start, at_ms), count)
                position = start + len(data)
        except LogCorruptError as error:
            if not cut:
                raise LogCorruptError(f"{self.path.name}: {error}, at byte {position} or behind") from error
        torn = self.size - position
        if torn and not cut:
            raise LogCorruptError(f"{self.path.name} ends inside a frame")
        if torn:
            os.truncate(self.path, position)
            self.size = position
        return torn

    def note(self, mark: Mark, count: int) -> None:
        """Take a frame into the index."""
        assert self._marks is not None
        if not self._marks or mark.position - self._marks[-1].position >= _INDEX_EVERY_BYTES:
            self._marks.append(mark)
        self.next_sequence = mark.sequence + count
        self.last_at_ms = mark.at_ms

    def open_index(self) -> None:
        """Begin the index of a new, empty file."""
        self._marks = []

    def floor(self, key: Callable[[Mark], int], wanted: int) -> int:
        """Position of the last indexed frame whose key is at most `wanted`, or the start of the file."""
        marks = self.marks()
        found = bisect_right(marks, wanted, key=key) - 1
        return marks[found].position if found >= 0 else 0

    def first_at_ms(self) -> int | None:
        """Time of the first frame; None for an empty file."""
        if self._marks:
            return self._marks[0].at_ms
        with self.path.open("rb") as file:
            head = file.read(_PREFIX_BYTES)
        return int(_HEAD.unpack_from(head, _GUARD.size)[2]) if len(head) == _PREFIX_BYTES else None

    def read(self, position: int) -> tuple[list[Record], int]:
        """Some records from the frame at `position` on, and the position of the frame behind them."""
        records: list[Record] = []
        with self.path.open("rb", buffering=0) as file:
            data = _pread(file.fileno(), position, min(_CHUNK_BYTES, self.size - position))
            at = 0
            while at < len(data):
                size = frame_size(data, at)
                if size is None:
                    if at:
                        break
                    length = _GUARD.unpack_from(data, 0)[0] + _GUARD.size
                    data = _pread(file.fileno(), position, length)
                    size = frame_size(data, 0)
                    if size is None:
                        raise LogCorruptError(f"{self.path.name} ends inside a frame")
                records += unpack_frame(data, at, self.base_offset + position + at)
                at += size
        return records, position + at

    def _frames(self, position: int) -> Iterator[tuple[int, bytes]]:
        with self.path.open("rb") as file:
            file.seek(position)
            while True:
                guard = file.read(_GUARD.size)
                if len(guard) < _GUARD.size:
                    return
                length = min(_GUARD.unpack(guard)[0], MAX_FRAME_BYTES + 1)
                data = guard + file.read(length)
                if frame_size(data, 0) is None:
                    return
                yield position, data
                position += len(data)


def _pread(descriptor: int, position: int, size: int) -> bytes:
    parts = []
    while size > 0:
        part = os.pread(descriptor, size, position)
        if not part:
            break
        parts.append(part)
        position += len(part)
        size -= len(part)
    return b"".join(parts)
