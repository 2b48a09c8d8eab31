"""What every operation works on: one account's tree, leases and events, and the checks they share."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
import shutil
from dataclasses import dataclass
from typing import NoReturn

from local.emulators.datalake import conditions
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.events import Events
from local.emulators.datalake.leases import Leases
from local.emulators.datalake.metadata import Attributes
from local.emulators.datalake.names import Place
from local.emulators.datalake.request import Request, Response, http_date
from local.emulators.datalake.staging import Staged, discard
from local.emulators.datalake.store import Entry, Store

_PLAIN = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTENT_HEADERS = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Disposition",
    "Cache-Control",
    "Content-MD5",
)
_LEFT_OUT_HEADERS = {
    "x-ms-tags": "blob tags",
    "x-ms-encryption-key": "customer-provided keys",
    "x-ms-encryption-scope": "encryption scopes",
    "x-ms-immutability-policy-until-date": "immutability policies",
    "x-ms-legal-hold": "legal holds",
    "x-ms-structured-body": "structured message bodies",
    "x-ms-acl": "access control lists",
    "x-ms-permissions": "POSIX permissions",
    "x-ms-umask": "POSIX permissions",
    "x-ms-owner": "owners",
    "x-ms-group": "owning groups",
    "x-ms-expiry-option": "expiry of files",
}


@dataclass(slots=True)
class Lake:
    """One storage account; `url` is its public address without a trailing slash."""

    url: str
    store: Store
    leases: Leases
    events: Events

    def require_container(self, request: Request) -> None:
        """Raise the caller's 404 unless the request's container exists."""
        if not os.path.isdir(self.store.path_of(Place(request.place.container, ""))):
            raise StorageError("FilesystemNotFound" if request.is_dfs else "ContainerNotFound")

    def container(self, request: Request) -> Entry:
        entry = self.store.find(Place(request.place.container, ""))
        if entry is None or not entry.is_directory:
            raise StorageError("FilesystemNotFound" if request.is_dfs else "ContainerNotFound")
        return entry

    def existing(self, request: Request) -> Entry:
        """What is at the request's place; raises the 404 of the caller's service."""
        entry = self.store.find(request.place)
        if entry is None:
            self.missing(request)
        return entry

    def missing(self, request: Request) -> NoReturn:
        """The 404 for a path, or for its container where that is absent too."""
        self.require_container(request)
        raise StorageError("PathNotFound" if request.is_dfs else "BlobNotFound")

    def check_write(self, request: Request, entry: Entry | None) -> None:
        """Conditions, then lease, of a change to what exists (or does not)."""
        taken = "PathAlreadyExists" if request.is_dfs else "BlobAlreadyExists"
        conditions.check_write(request.headers, entry.attributes if entry else None, taken)
        if entry is None:
            self.leases.drop(request.place)
        self.leases.check_write(request.place, request.header("x-ms-lease-id"))

    def check_overwrite(self, request: Request) -> Entry | None:
        """What a whole new file would replace, after every check that can refuse it."""
        entry = self.store.find(request.place)
        self.check_write(request, entry)
        if entry is None:
            self.require_container(request)
        elif entry.is_directory:
            raise StorageError("PathConflict" if request.is_dfs else "ResourceTypeMismatch")
        return entry

    def commit(
        self,
        request: Request,
        staged: Staged,
        attributes: Attributes,
        blocks: list[tuple[str, int]] | None = None,
    ) -> Entry:
        """Give a staged file the request's name; the checks are made here, in one step with the commit."""
        try:
            replaced = self.check_overwrite(request)
            exclusive = request.header("if-none-match") == "*"
            entry = self.store.commit(request.place, staged, attributes, exclusive=exclusive, blocks=blocks)
        except BaseException:
            discard(staged.path)
            raise
        if entry is None:
            raise StorageError("PathAlreadyExists" if request.is_dfs else "BlobAlreadyExists")
        if replaced is not None:
            self.store.staging.drop_appends(request.place)
        return entry

    async def erase(self, trashed: str | None) -> None:
        """Free what a delete moved out of the tree; it has already gone from sight."""
        if trashed is not None:
            await asyncio.to_thread(shutil.rmtree, trashed, ignore_errors=True)

    def url_of(self, place: Place) -> str:
        return f"{self.url}/{place.container}/{place.path}"


def refuse_left_out(request: Request) -> None:
    """501 for headers that ask for what this emulator does not do: silence would be a lie."""
    for name, what in _LEFT_OUT_HEADERS.items():
        if name in request.headers:
            raise not_implemented(what)
    if "snapshot" in request.query or "versionid" in request.query:
        raise not_implemented("snapshots and versions")


def content_headers(request: Request, prefix: str) -> dict[str, str]:
    """The content headers to keep with a file, from `x-ms-blob-…` or `x-ms-…` request headers."""
    found = {name: request.headers.get(f"{prefix}{name.lower()}") for name in _CONTENT_HEADERS}
    return {name: value for name, value in found.items() if value}


def user_metadata(request: Request) -> dict[str, str]:
    """`x-ms-meta-` headers, or the dfs service's `x-ms-properties`; raises InvalidMetadata."""
    metadata = dict(request.metadata)
    for pair in filter(None, request.headers.get("x-ms-properties", "").split(",")):
        name, _, encoded = pair.strip().partition("=")
        try:
            metadata[name] = base64.b64decode(encoded, validate=True).decode("latin-1")
        except binascii.Error:
            raise StorageError("InvalidMetadata") from None
    # Values go back as headers: one decoded from base64 must not smuggle in a line of its own.
    if not all(_METADATA_NAME.fullmatch(name) and _PLAIN.fullmatch(text) for name, text in metadata.items()):
        raise StorageError("InvalidMetadata")
    return metadata


def describe(entry: Entry) -> dict[str, str]:
    """The headers every answer about a changed resource has."""
    return {"ETag": entry.attributes.etag, "Last-Modified": http_date(entry.attributes.modified_ns)}


def changed(status: int, entry: Entry, **headers: str) -> Response:
    return Response(status, {**describe(entry), "x-ms-request-server-encrypted": "true", **headers})
