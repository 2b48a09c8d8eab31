"""The file door: a document is dropped as it is, the lines of an NDJSON file together, named by their content."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Final

from local.delivery.parcels import Parcel
from shared.domain.ingest.raw_line import sha256_hex
from shared.ports.lake import Lake
from shared.services.file_door import file_identity

MAX_FILE_LINES: Final = 20_000
MAX_FILE_BYTES: Final = 64_000_000

Dropped = Callable[[str, list[Parcel]], None]
"""Hears of each dropped file: its identity in the raw zone, and its parcels."""


class FileDoor:
    """Drops files in `landing/<tenant>/`; the names hold no word of the data."""

    def __init__(self, container: Lake, tenant: str, dropped: Dropped) -> None:
        self._container = container
        self._tenant = tenant
        self._dropped = dropped
        self._lines: list[Parcel] = []
        self._bytes = 0

    def send(self, parcel: Parcel) -> None:
        """Drop a document, or keep a line until its file is full or `flush` is called."""
        if not parcel.group:
            self._drop([parcel], parcel.body, "json")
            return
        if self._lines and self._lines[0].group != parcel.group:
            self.flush()
        self._lines.append(parcel)
        self._bytes += len(parcel.body)
        if len(self._lines) >= MAX_FILE_LINES or self._bytes >= MAX_FILE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Drop the lines that wait."""
        if self._lines:
            lines, self._lines, self._bytes = self._lines, [], 0
            text = b"".join(line.body + b"\n" for line in lines)
            self._drop(lines, gzip.compress(text, compresslevel=1, mtime=0), "ndjson.gz")

    def _drop(self, parcels: list[Parcel], data: bytes, ending: str) -> None:
        path = f"{self._tenant}/{sha256_hex(data)[:32]}.{ending}"
        self._container.put(path, data)
        file = self._container.look(path)
        if file is not None:
            self._dropped(file_identity(file), parcels)
