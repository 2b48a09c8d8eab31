"""The lines of a dropped file from its chunks, gzipped or not, in bounded memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.fhir.outcome import Issue, error
from shared.domain.ingest.raw_line import GZIP_MAGIC, MAX_DECOMPRESSED_BYTES

MAX_LINE_BYTES: Final = 16 << 20
MAX_TEXT_BYTES: Final = 1 << 30
_STEP: Final = 1 << 20


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
    decompressor = zlib.decompressobj(wbits=31)
    pending = first
    while True:
        try:
            out = decompressor.decompress(pending, _STEP)
        except zlib.error:
            raise FileRefused(
                "structure", "The gzip is damaged: what came before the damage was taken."
            ) from None
        if out:
            yield out
        if decompressor.eof:
            # Several members one after another are one file, as gzip and bgzip write them.
            rest = decompressor.unused_data or next(chunks, b"")
            if not rest:
                return
            decompressor, pending = zlib.decompressobj(wbits=31), rest
            continue
        pending = decompressor.unconsumed_tail or next(chunks, b"")
        if not pending and not out:
            raise FileRefused(
                "incomplete", "The gzip is cut: what came before the cut was taken. Send it again."
            )


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
    digest = hashlib.sha256()
    left = False
    for chunk in text:
        parts = chunk.split(b"\n")
        for index, part in enumerate(parts):
            if index:
                yield _line(number, line, digest.hexdigest() if left else "")
                number, line, left, digest = number + 1, bytearray(), False, hashlib.sha256()
            if left:
                digest.update(part)
            elif len(line) + len(part) > MAX_LINE_BYTES:
                digest.update(line)
                digest.update(part)
                line, left = bytearray(), True
            else:
                line += part
    if line or left:
        yield _line(number, line, digest.hexdigest() if left else "")


def _line(number: int, line: bytearray, left_sha256: str) -> FileLine:
    if left_sha256:
        return FileLine(number, b"", left=True, sha256=left_sha256)
    return FileLine(number, bytes(line.removesuffix(b"\r")))
