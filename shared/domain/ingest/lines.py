"""The lines of a dropped file from its chunks, gzipped or not, in bounded memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from shared.domain.fhir.outcome import Issue, error
from shared.domain.ingest.raw_line import GZIP_MAGIC, MAX_DECOMPRESSED_BYTES

MAX_LINE_BYTES: Final = 16 << 20
MAX_TEXT_BYTES: Final = 1 << 30
MAX_LINES: Final = 5_000_000
MAX_MEMBERS: Final = 100_000
"""Of one gzip file; bgzip makes one of 64 KB, so a gigabyte has some 16,000."""
_STEP: Final = 1 << 20
_SLICE: Final = 1 << 12


class FileRefused(Exception):
    """The file as a whole cannot be read on from here."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.issue: Issue = error(code, text, rule="file")


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line: `number` from 1, its bytes without the line end. `left`: too long, its bytes stay in the dropped file."""

    number: int
    body: bytes
    left: bool = False
    sha256: str = ""


def document(path: str) -> bool:
    """Whether a file is one JSON document rather than NDJSON, by its name."""
    return path.removesuffix(".gz").endswith(".json")


def lines_of(chunks: Iterable[bytes], *, whole: bool, skip: int = 0) -> Iterator[FileLine]:
    """The lines after the first `skip`; blank ones count and are left out. `whole` takes the file as one line.

    Raises FileRefused for an empty file, a cut or damaged gzip, and text beyond the caps; what came before is yielded.
    """
    text = _bounded(_text(iter(chunks)))
    numbered = _document(text) if whole else _split(text)
    seen = False
    for line in numbered:
        held = line.left or bool(line.body.strip())
        seen = seen or held
        if held and line.number > skip:
            yield line
    if not seen:
        raise FileRefused("structure", "The file is empty.")


def _text(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(chunks, b"")
    while len(first) < len(GZIP_MAGIC) and (more := next(chunks, b"")):
        first += more
    if not first.startswith(GZIP_MAGIC):
        if first:
            yield first
        yield from chunks
        return
    yield from _gunzipped(first, chunks)


def _gunzipped(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Several members one after another are one file, as gzip and bgzip write them.

    Input goes in small slices after the end of a member, because what is left of a slice is copied at each end.
    """
    decompressor, members, size, stopped = zlib.decompressobj(wbits=31), 1, _STEP, True
    for chunk in chain((first,), chunks):
        whole, start = memoryview(chunk), 0
        while start < len(chunk):
            given: bytes | memoryview = whole[start : start + size]
            start += len(given)
            while given:
                if decompressor.eof:
                    decompressor, members, size = zlib.decompressobj(wbits=31), members + 1, _SLICE
                    if members > MAX_MEMBERS:
                        raise FileRefused(
                            "too-costly", f"The gzip has more than {MAX_MEMBERS} members: pack it anew."
                        )
                try:
                    out = decompressor.decompress(given, _STEP)
                except zlib.error:
                    raise FileRefused(
                        "structure", "The gzip is damaged: what came before the damage was taken."
                    ) from None
                if out:
                    yield out
                given = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail
            stopped = decompressor.eof
            size = _SLICE if stopped else min(4 * size, _STEP)
    while not decompressor.eof and (out := decompressor.decompress(b"", _STEP)):
        yield out
    if not (stopped or decompressor.eof):
        raise FileRefused("incomplete", "The gzip is cut: what came before the cut was taken. Send it again.")


def _bounded(text: Iterator[bytes]) -> Iterator[bytes]:
    total = 0
    for chunk in text:
        total += len(chunk)
        if total > MAX_TEXT_BYTES:
            raise FileRefused(
                "too-long", "The file holds more than 1 GB of text: split it. The first gigabyte was taken."
            )
        yield chunk


def _document(text: Iterator[bytes]) -> Iterator[FileLine]:
    body = bytearray()
    for chunk in text:
        body += chunk
        if len(body) > MAX_DECOMPRESSED_BYTES:
            raise FileRefused("too-long", "A JSON document may have 64 MB: send NDJSON, or smaller bundles.")
    if body:
        yield FileLine(1, bytes(body))


def _split(text: Iterator[bytes]) -> Iterator[FileLine]:
    number = 1
    line = bytearray()
    left: hashlib._Hash | None = None
    for chunk in text:
        for index, part in enumerate(chunk.split(b"\n")):
            if index:
                yield _line(number, line, left)
                number, line, left = number + 1, bytearray(), None
                if number > MAX_LINES:
                    raise FileRefused("too-costly", f"The file has more than {MAX_LINES} lines: split it.")
            if left is not None:
                left.update(part)
            elif len(line) + len(part) > MAX_LINE_BYTES:
                left = hashlib.sha256(line + part)
                line = bytearray()
            else:
                line += part
    if line or left is not None:
        yield _line(number, line, left)


def _line(number: int, line: bytearray, left: hashlib._Hash | None) -> FileLine:
    if left is not None:
        return FileLine(number, b"", left=True, sha256=left.hexdigest())
    return FileLine(number, bytes(line.removesuffix(b"\r")))
