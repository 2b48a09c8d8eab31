"""A lake in memory: the reference that the Data Lake adapter is compared with."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

from shared.domain.fhir.dates import instant_text
from shared.errors import Conflict, NotFound
from shared.ports.clock import Clock
from shared.ports.lake import LakeFile

_CHUNK = 4 << 20


class MemoryLake:
    """Files in a dictionary under one lock; etags count writes. Without a clock modification times count them too."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._files: dict[str, tuple[LakeFile, bytes]] = {}
        self._writes = 0
        self._lock = threading.Lock()

    def put_if_absent(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        with self._lock:
            if path in self._files:
                return False
            self._write(path, data, metadata)
            return True

    def put(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        with self._lock:
            self._write(path, data, metadata)

    def _write(self, path: str, data: bytes, metadata: Mapping[str, str] | None) -> None:
        self._writes += 1
        moment = (
            instant_text(self._clock.now()) if self._clock else f"2020-01-01T00:00:00.{self._writes:06d}Z"
        )
        self._files[path] = (
            LakeFile(path, len(data), f'"{self._writes}"', moment, dict(metadata or {})),
            bytes(data),
        )

    def look(self, path: str) -> LakeFile | None:
        found = self._files.get(path)
        return found[0] if found else None

    def read(self, path: str) -> bytes:
        found = self._files.get(path)
        if found is None:
            raise NotFound("No such file in the lake.")
        return found[1]

    def stream(self, path: str, *, etag: str | None = None, offset: int = 0) -> Iterator[bytes]:
        data, found = self.read(path), self.look(path)
        if etag is not None and found is not None and found.etag != etag:
            raise Conflict("The file has changed.")
        for start in range(offset, len(data), _CHUNK):
            yield data[start : start + _CHUNK]

    def list(self, prefix: str, *, after: str = "") -> Iterator[LakeFile]:
        folder = prefix.rstrip("/") + "/" if prefix else ""
        with self._lock:
            paths = sorted(path for path in self._files if path.startswith(folder) and path > after)
        for path in paths:
            if found := self.look(path):
                yield found

    def delete(self, path: str) -> None:
        with self._lock:
            self._files.pop(path, None)
