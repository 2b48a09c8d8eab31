"""A file system of Azure Data Lake Storage, by its blob endpoint.

The Data Lake SDK writes in three calls (create, append, flush), so an empty file exists in between; Put Blob writes whole
and can be conditional, which is what landing rests on. https://learn.microsoft.com/rest/api/storageservices/put-blob
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import BlobProperties, ContainerClient

from shared.adapters.azure.errors import translated
from shared.domain.fhir.dates import instant_text
from shared.errors import AlreadyExists, Conflict, NotFound, PreconditionFailed
from shared.ports.lake import LakeFile

_PAGE = 5_000


class DataLake:
    """One file system."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def put_if_absent(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        try:
            with translated():
                self._container.upload_blob(path, data, metadata=dict(metadata or {}), overwrite=False)
        except (AlreadyExists, PreconditionFailed):
            return False
        return True

    def put(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        with translated():
            self._container.upload_blob(path, data, metadata=dict(metadata or {}), overwrite=True)

    def look(self, path: str) -> LakeFile | None:
        try:
            with translated():
                return _file(self._container.get_blob_client(path).get_blob_properties())
        except NotFound:
            return None

    def read(self, path: str) -> bytes:
        with translated():
            return self._container.download_blob(path).readall()

    def stream(self, path: str, *, etag: str | None = None, offset: int = 0) -> Iterator[bytes]:
        condition: dict[str, Any] = (
            {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        )
        try:
            with translated():
                yield from self._container.download_blob(path, offset=offset or None, **condition).chunks()
        except PreconditionFailed:
            raise Conflict("The file has changed.") from None

    def list(self, prefix: str, *, after: str = "") -> Iterator[LakeFile]:
        folder = prefix.rstrip("/") + "/" if prefix else ""
        start: dict[str, Any] = {"start_from": after} if after else {}
        with translated():
            for blob in self._container.list_blobs(
                folder, include=["metadata"], results_per_page=_PAGE, **start
            ):
                file = _file(blob)
                if file.path > after and file.metadata.get("hdi_isfolder") != "true":
                    yield file

    def delete(self, path: str) -> None:
        try:
            with translated():
                self._container.delete_blob(path)
        except NotFound:
            return


def _file(blob: BlobProperties) -> LakeFile:
    etag = (blob.etag or "").strip('"')
    return LakeFile(blob.name, blob.size or 0, f'"{etag}"', instant_text(blob.last_modified), _metadata(blob))


def _metadata(blob: BlobProperties) -> dict[str, str]:
    # An empty value comes back from a listing as None.
    return {name: value or "" for name, value in (blob.metadata or {}).items()}
