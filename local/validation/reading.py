"""The texts to validate, from files, folders and archives: one at a time, in bounded memory, bad files named."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from local.delivery.sources import (
    DOCUMENTS,
    MAX_TEXT_BYTES,
    ONE_DOCUMENT,
    READ_FAILURES,
    TOO_LONG,
    Opened,
    begins_a_document,
    files_below,
    is_known,
    lines_within,
    opened,
    read_within,
    reason_of,
)
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.positions import lines_of

ENDINGS: Final = (*DOCUMENTS, ".xml")
"""XML is looked for so that it can be named: what is left out in silence passes for valid."""


class _Bundle(msgspec.Struct):
    """The part of a Bundle that is counted: nothing of an entry is built."""

    entry: list[msgspec.Raw] = []


_TOO_LONG: Final = f"{TOO_LONG[0].upper()}{TOO_LONG[1:]}."


@dataclass(frozen=True, slots=True)
class Text:
    """One JSON text, or why there is none: `problem` is a sentence then.

    `source` is the path as it was given, `path!member` in an archive; `line` where the text begins in it, from 1.
    """

    source: str
    line: int
    body: bytes = b""
    problem: str = ""
    of_lines: bool = False

    def place_of(self, issue: Issue) -> str:
        """Where a person finds what a finding is about: the file and the line in it."""
        if self.of_lines:
            return f"{self.source}:{self.line}"
        line = lines_of(self.body, [issue.expression]).get(issue.expression) if issue.expression else None
        return f"{self.source}:{line}" if line else self.source


@dataclass(frozen=True, slots=True)
class Place:
    """A file on disk, and how the caller would write its path."""

    path: Path
    shown: str

    @property
    def size(self) -> int:
        """Bytes on disk; 0 where it is gone by now."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


def places_of(given: str) -> list[Place]:
    """The file, or the files of the folder whose ending is known, in order of name."""
    path = Path(given)
    if not path.is_dir():
        return [Place(path, given)]
    return [
        Place(file, os.path.join(given, file.relative_to(path)))  # noqa: PTH118 - Path would tidy what was given
        for file in files_below(path, ENDINGS)
    ]


def entries_of(body: bytes) -> int:
    """How many entries a Bundle has; 0 where they are no list."""
    try:
        return len(msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Bundle).entry)
    except msgspec.MsgspecError:
        return 0


def left_out(given: Sequence[str]) -> Counter[str]:
    """The endings of the files in the given folders that are not read."""
    inside = (
        file for path in map(Path, given) if path.is_dir() for file in path.rglob("*") if file.is_file()
    )
    return Counter(file.suffix for file in inside if not is_known(file.name, ENDINGS))


def texts(places: Sequence[Place], on_bytes: Callable[[int], None]) -> Iterator[Text]:
    """Every text of the places; `on_bytes` hears how many bytes were read from disk. Never raises for a bad file."""
    for place in places:
        try:
            found = opened(
                place.path,
                place.shown,
                endings=ENDINGS,
                open_file=lambda path: io.BufferedReader(_Counted(path, on_bytes)),
            )
            for each in found:
                yield from _texts_of(each)
        except READ_FAILURES as failure:
            yield Text(place.shown, 1, problem=_sentence(failure))


def _texts_of(each: Opened) -> Iterator[Text]:
    if each.has_lines:
        yield from _lines(each)
        return
    try:
        body = read_within(each.file, MAX_TEXT_BYTES)
    except READ_FAILURES as failure:
        yield Text(each.source, 1, problem=_sentence(failure))
        return
    yield Text(each.source, 1, problem=_TOO_LONG) if body is None else Text(each.source, 1, body)


def _lines(each: Opened) -> Iterator[Text]:
    number = 1
    try:
        for line in lines_within(each.file, MAX_TEXT_BYTES):
            if line is None:
                yield Text(each.source, number, problem=_TOO_LONG, of_lines=True)
            elif number == 1 and begins_a_document(line):
                yield Text(each.source, 1, problem=f"{ONE_DOCUMENT[0].upper()}{ONE_DOCUMENT[1:]}.")
                return
            elif line.strip():
                yield Text(each.source, number, line.rstrip(), of_lines=True)
            number += 1
    except READ_FAILURES as failure:
        yield Text(each.source, number, problem=_sentence(failure), of_lines=True)


def _sentence(failure: BaseException) -> str:
    return f"The file cannot be read: {reason_of(failure)}."


class _Counted(io.FileIO):
    """A file that says how much of it was read."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._on_bytes = on_bytes

    def readinto(self, buffer: Any) -> int | None:
        """As the file's own."""
        size = super().readinto(buffer)
        self._on_bytes(size or 0)
        return size
