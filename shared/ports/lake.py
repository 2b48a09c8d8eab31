"""The data lake: files that are written once and read many times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file as a listing or a look at it shows it. `modified_at` is sortable UTC text, `etag` changes with the content."""

    path: str
    size_bytes: int
    etag: str
    modified_at: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Lake(Protocol):
    """One file system. Listings and reads are strongly consistent. Raises Busy and Unavailable as the records do."""

    def put_if_absent(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Write a file whole in one call; False (and nothing written) where the path exists.

        After Unavailable the file may exist: the same call again answers False then, so callers compare what is there.
        """
        ...

    def put(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        """Write or overwrite a file whole."""
        ...

    def look(self, path: str) -> LakeFile | None:
        """Size, etag and metadata, or None."""
        ...

    def read(self, path: str) -> bytes:
        """The whole file. Raises NotFound."""
        ...

    def stream(self, path: str, *, etag: str | None = None, offset: int = 0) -> Iterator[bytes]:
        """The file from `offset` in chunks of at most 4 MB. Raises NotFound, or Conflict when the etag has changed."""
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[LakeFile]:
        """Files below a folder in order of path, metadata included, those after `after` only."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file; nothing happens where there is none."""
        ...
