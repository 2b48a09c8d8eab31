"""A view from its file, and the lines of NDJSON that it runs over: one at a time, wrong ones counted and named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from local.delivery.sources import MAX_TEXT_BYTES, lines_within
from local.exits import USAGE, CommandStopped
from local.validation.reading import Text, places_of, texts
from shared.domain.fhir.json import decode, decode_object
from shared.domain.fhir.views import View, ViewError
from shared.errors import InputError

STANDARD_INPUT: Final = "-"
_SHOWN: Final = 100


@dataclass(slots=True)
class BadLines:
    """Counts lines that hold no resource; the first ones are named on `said` as they come."""

    said: TextIO = field(default_factory=lambda: sys.stderr)
    count: int = 0

    def add(self, place: str, sentence: str) -> None:
        """One line that is left out, and why."""
        self.count += 1
        if self.count <= _SHOWN:
            print(f"galen: {place}: {sentence}", file=self.said)
        elif self.count == _SHOWN + 1:
            print("galen: more lines hold no resource; they are counted", file=self.said)


def definition_in(path: Path) -> Any:
    """The decoded JSON of a view's file. Raises CommandStopped where there is none."""
    try:
        return decode(path.read_bytes())
    except OSError as failure:
        raise CommandStopped(f"{path} cannot be read: {failure.strerror}", USAGE) from failure
    except InputError as failure:
        raise CommandStopped(f"{path}: {failure.text}", USAGE) from failure


def view_in(path: Path) -> View:
    """The view that a file defines, checked. Raises CommandStopped with the place of the mistake."""
    try:
        return View(definition_in(path))
    except ViewError as failure:
        raise CommandStopped(f"{path}: the view is invalid: {failure.text}", USAGE) from failure


def resources(paths: list[str], bad: BadLines) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every resource of the files, with its file and line; a line that holds none goes to `bad`."""
    for text in _lines(paths):
        place = f"{text.source}:{text.line}"
        if text.problem:
            bad.add(place, text.problem)
            continue
        try:
            resource = decode_object(text.body)
        except InputError as failure:
            bad.add(place, failure.text)
            continue
        if isinstance(resource.get("resourceType"), str):
            yield place, resource
        else:
            bad.add(place, "The line holds a JSON object without a resourceType.")


def _lines(paths: list[str]) -> Iterator[Text]:
    for path in paths:
        if path == STANDARD_INPUT:
            yield from _standard_input()
        else:
            yield from texts(places_of(path), lambda _: None)


def _standard_input() -> Iterator[Text]:
    for number, line in enumerate(lines_within(sys.stdin.buffer, MAX_TEXT_BYTES), 1):
        if line is None:
            yield Text("standard input", number, problem=f"Longer than {MAX_TEXT_BYTES:,} bytes.")
        elif line.strip():
            yield Text("standard input", number, line)
