"""What every operation works on: one account's tree, leases and events, and the checks they share."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
import shutil
from dataclasses import dataclass, field
from typing import NoReturn

from local.emulators.datalake import conditions, immutability
from local.emulators.datalake.auth import SharedKey
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.events import Events
from local.emulators.datalake.leases import Leases
from local.emulators.datalake.metadata import Attributes
from local.emulators.datalake.names import Place
from local.emulators.datalake.request import Request, Response, http_date
from local.emulators.datalake.staging import Staged, discard
from local.emulators.datalake.store import Entry, Store

DEFAULT_SCOPE, DENY_OTHER_SCOPES = "x-ms-default-encryption-scope", "x-ms-deny-encryption-scope-override"
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
    "x-ms-if-tags": "blob tags",
    "x-ms-source-if-tags": "blob tags",
    "x-ms-encryption-key": "customer-provided keys",
    "x-ms-structured-body": "structured message bodies",
    "x-ms-acl": "access control lists",
    "x-ms-permissions": "POSIX permissions",
    "x-ms-umask": "POSIX permissions",
    "x-ms-owner": "owners",
    "x-ms-group": "owning groups",
}


@dataclass(slots=True)
class Lake:
    """One storage account; `url` is its public address without a trailing slash."""

    url: str
    store: Store
    leases: Leases
    events: Events
    key: SharedKey
    scopes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Learns which containers name an encryption scope for what is in them."""
        for entry in self.store.containers():
            self.container_changed(entry)

    def container_changed(self, entry: Entry) -> None:
        """Keeps at hand what a container says of all that is in it."""
        scope = entry.attributes.traits.get(DEFAULT_SCOPE)
        if scope:
            self.scopes[entry.place.container] = scope
        else:
            self.scopes.pop(entry.place.container, None)

    def scope_of(self, request: Request) -> str | None:
        """Returns the encryption scope of what a request writes; raises where its container allows no other."""
        asked, signed = request.header("x-ms-encryption-scope"), request.query.get("ses")
        place = request.place
        if request.method not in ("PUT", "PATCH") or not place.path:
            return None
        if signed and asked not in (None, signed):
            raise StorageError("AuthorizationPermissionMismatch")
        if signed and not asked:
            asked = request.headers["x-ms-encryption-scope"] = signed
        own = self.scopes.get(place.container)
        if asked and own and asked != own:
            container = self.store.find(Place(place.container, ""))
            if container and container.attributes.traits.get(DENY_OTHER_SCOPES, "").lower() == "true":
                raise StorageError("RequestForbiddenByContainerEncryptionPolicy")
        return asked or own

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
        asked = request.headers
        if asked.get("if-none-match") == "*" and not self._is_exclusive(request):
            asked = {name: value for name, value in asked.items() if name != "if-none-match"}
        conditions.check_write(asked, entry.attributes if entry else None, taken)
        if entry is None:
            self.leases.drop(request.place)
        else:
            immutability.require_unprotected(entry.attributes.traits)
        self.leases.check_write(request.place, request.header("x-ms-lease-id"))

    def _is_exclusive(self, request: Request) -> bool:
        """Whether nothing may be there yet. Who names the lease on what is there may replace it: so the service does."""
        if request.header("if-none-match") != "*":
            return False
        held = request.header("x-ms-lease-id")
        return held is None or not self.leases.is_held(request.place, held)

    def for_change(self, request: Request) -> Entry:
        """What is at the request's place and may be changed by it."""
        entry = self.existing(request)
        conditions.check_write(request.headers, entry.attributes, "ConditionNotMet")
        self.leases.check_write(request.place, request.header("x-ms-lease-id"))
        immutability.require_unprotected(entry.attributes.traits)
        return entry

    def rewrite(self, entry: Entry, **fields: object) -> Entry:
        """Keeps a change to what is said of a file: new ETag and time of change."""
        attributes = self.store.rows.touched(entry.attributes, **fields)
        self.store.write_attributes(entry, attributes)
        return Entry(entry.place, entry.stat, attributes)

    def require_no_protected(self, entry: Entry) -> None:
        """Refuse to move or delete a directory or container in which something is immutable."""
        if entry.is_directory and self.store.protects(entry.place):
            raise StorageError("ContainerImmutableDueToPolicy")

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
            exclusive = self._is_exclusive(request)
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
