"""What moto holds, kept over its end: each change is written down before it is answered, and made again at the next start.

moto keeps everything in memory. A change is taken where moto makes it (an item put, an object stored), so that making it
again takes a tenth of the time of asking for it again, and with the time of its call, so that streams, files and changes
of a table keep their instants. A line is the changes of one call: a process that is killed has answered it or not.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from local.emulators.aws.changes import CHANGES, Change, written

_BYTES: Final = "$bytes"
_READS: Final = ("BatchGet", "Describe", "Get", "List", "Query", "Scan")
_KEPT: Final = (
    "dynamodb:BatchWriteItem",
    "dynamodb:CreateTable",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:TransactWriteItems",
    "dynamodb:UpdateTimeToLive",
    "kinesis:CreateStream",
    "kinesis:PutRecord",
    "kinesis:PutRecords",
    "s3:CreateBucket",
    "s3:DeleteObject",
    "s3:PutObject",
)


class Journal:
    """A file of changes, which moto's calls add to one at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "changes.ndjson"
        self._at: datetime | None = None
        self._made: list[Change] | None = None
        self._file = -1

    def now(self) -> datetime:
        """The time of the call that is being answered, or made again; as moto has it, in UTC without saying so."""
        return self._at or datetime.now(UTC).replace(tzinfo=None)

    def note(self, change: Change) -> None:
        """A change that moto has just made; what is being made again is noted already."""
        if self._made is not None:
            self._made.append(change)

    def make_again(self) -> int:
        """Make every change again and go on behind them; how many calls they were."""
        calls, whole = 0, 0
        if self._path.exists():
            with self._path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # the end of a process that was killed while it wrote: it had not answered
                    self._make(json.loads(line, object_hook=_unpacked))
                    calls, whole = calls + 1, whole + len(line)
        self._at = None
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(self._file, whole)
        os.lseek(self._file, 0, os.SEEK_END)
        return calls

    def _make(self, call: dict[str, Any]) -> None:
        self._at = datetime.fromisoformat(call["at"])
        for kind, *what in call["made"]:
            CHANGES[kind](*what)

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call to moto: what it changed is written down on leaving, before anybody hears of it."""
        self._at, self._made = datetime.now(UTC).replace(tzinfo=None), []
        try:
            yield
        finally:
            if self._made:
                told = {"at": self._at.isoformat(), "made": [written(change) for change in self._made]}
                _write(self._file, json.dumps(told, default=_packed).encode() + b"\n")
            self._at = self._made = None


def keeps(action: str, query: str) -> bool:
    """Whether a call changes nothing, or only what is written down; a query on a change of S3 asks for something else."""
    service, _, operation = action.partition(":")
    if operation.startswith(_READS):
        return True
    return action in _KEPT and (service != "s3" or not query or query.startswith("x-id="))


def _packed(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    raise TypeError(f"a change holds a {type(value).__name__}")


def _unpacked(found: dict[str, Any]) -> Any:
    return base64.b64decode(found[_BYTES]) if found.keys() == {_BYTES} else found


def _write(file: int, line: bytes) -> None:
    while line:
        line = line[os.write(file, line) :]
