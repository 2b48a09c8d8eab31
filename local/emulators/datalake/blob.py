"""Blobs as a whole: put, get, properties, metadata, lease, delete.

https://learn.microsoft.com/rest/api/storageservices/operations-on-blobs
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import replace

from local.emulators import clock
from local.emulators.datalake import conditions, immutability, traits
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.lake import (
    Lake,
    changed,
    content_headers,
    describe,
    user_metadata,
)
from local.emulators.datalake.leases import Lease, duration_s, seconds
from local.emulators.datalake.metadata import APPEND_BLOB, BLOCK_BLOB
from local.emulators.datalake.request import FileSlice, Request, Response, http_date
from local.emulators.datalake.store import Entry

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_TOKEN_HEADERS = {
    "rscc": "Cache-Control",
    "rscd": "Content-Disposition",
    "rsce": "Content-Encoding",
    "rscl": "Content-Language",
    "rsct": "Content-Type",
}
_INFERRED_TIER = {traits.TIER: "Hot", "x-ms-access-tier-inferred": "true"}
_LARGEST_RANGE_MD5 = 4 * 1024 * 1024


async def put_blob(lake: Lake, request: Request) -> Response:
    """Put Blob: the whole content and its metadata in one call, visible together or not at all."""
    kind = request.header("x-ms-blob-type")
    if kind is None:
        raise StorageError("MissingRequiredHeader", "x-ms-blob-type is missing.")
    if kind not in (BLOCK_BLOB, APPEND_BLOB):
        raise not_implemented("page blobs")
    lake.require_container(request)
    metadata = user_metadata(request)
    headers = content_headers(request, "x-ms-blob-")
    if "Content-Type" not in headers and "content-type" in request.headers:
        headers["Content-Type"] = request.headers["content-type"]
    asked = traits.asked(request, clock.now_ns())
    staged = await lake.store.staging.receive(request, always_md5=True)
    if kind == BLOCK_BLOB and staged.md5 and headers.setdefault("Content-MD5", staged.md5) != staged.md5:
        lake.store.staging.remove(staged)
        raise StorageError("Md5Mismatch")
    attributes = lake.store.rows.fresh(kind=kind, headers=headers, metadata=metadata, traits=asked)
    entry = lake.commit(request, staged, attributes)
    lake.store.staging.drop_blocks(request.place)
    lake.events.created(entry, "PutBlob", request)
    return changed(201, entry, **{"Content-MD5": staged.md5 or ""})


async def get_blob(lake: Lake, request: Request) -> Response:
    """Get Blob, or part of it; the bytes are those of one version even if it is replaced meanwhile."""
    opened = lake.store.open(request.place)
    if opened is None:
        lake.missing(request)
    entry, descriptor = opened
    try:
        lake.leases.check_read(request.place, request.header("x-ms-lease-id"))
        conditions.check_read(request.headers, entry.attributes)
        traits.require_readable(entry.attributes.traits)
        headers = {**blob_headers(lake, entry), **_told_by_token(request)}
        start, length, partial = _requested_range(request, entry.size)
        headers["Content-Length"] = str(length)
        if partial:
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{entry.size}"
            whole_md5 = headers.pop("Content-MD5", None)
            if whole_md5:
                headers["x-ms-blob-content-md5"] = whole_md5
            if request.header("x-ms-range-get-content-md5") == "true":
                headers["Content-MD5"] = _md5_of_range(descriptor, start, length)
    except BaseException:
        os.close(descriptor)
        raise
    return Response(206 if partial else 200, headers, FileSlice(descriptor, start, length))


async def get_properties(lake: Lake, request: Request) -> Response:
    entry = lake.existing(request)
    lake.leases.check_read(request.place, request.header("x-ms-lease-id"))
    conditions.check_read(request.headers, entry.attributes)
    return Response(200, {**blob_headers(lake, entry), "Content-Length": str(entry.size)})


async def get_metadata(lake: Lake, request: Request) -> Response:
    entry = lake.existing(request)
    conditions.check_read(request.headers, entry.attributes)
    metadata = {f"x-ms-meta-{name}": value for name, value in entry.attributes.metadata.items()}
    return Response(200, {**describe(entry), **metadata})


async def set_metadata(lake: Lake, request: Request) -> Response:
    return changed(200, lake.rewrite(lake.for_change(request), metadata=user_metadata(request)))


async def set_properties(lake: Lake, request: Request) -> Response:
    """Set Blob Properties: the content headers given replace all that were there."""
    return changed(
        200, lake.rewrite(lake.for_change(request), headers=content_headers(request, "x-ms-blob-"))
    )


async def set_tier(lake: Lake, request: Request) -> Response:
    """Set Blob Tier; 202 where the blob only begins to leave the archive. ETag and time of change stay."""
    entry = lake.existing(request)
    lake.leases.check_read(request.place, request.header("x-ms-lease-id"))
    if entry.is_directory or entry.attributes.kind != BLOCK_BLOB:
        raise StorageError("InvalidBlobType")
    known = entry.attributes.traits
    lake.store.write_attributes(entry, replace(entry.attributes, traits=traits.changed_tier(request, known)))
    return Response(202 if traits.is_archived(known) else 200)


async def set_expiry(lake: Lake, request: Request) -> Response:
    entry = lake.for_change(request)
    if entry.is_directory:
        raise StorageError("ResourceTypeMismatch")
    kept = {name: value for name, value in entry.attributes.traits.items() if name != traits.EXPIRY}
    kept |= traits.expiry(request, entry.attributes.created_ns)
    return changed(200, lake.rewrite(entry, traits=kept))


async def set_immutability(lake: Lake, request: Request) -> Response:
    entry = lake.existing(request)
    new = immutability.policy(request.headers)
    immutability.check_new_policy(entry.attributes.traits, new)
    lake.store.write_attributes(entry, replace(entry.attributes, traits={**entry.attributes.traits, **new}))
    return Response(200, new)


async def delete_immutability(lake: Lake, request: Request) -> Response:
    entry = lake.existing(request)
    known = entry.attributes.traits
    if known.get(immutability.MODE) == "locked" and immutability.is_protected(known):
        raise StorageError("BlobImmutableDueToPolicy", "A locked immutability policy cannot be deleted.")
    policy = (immutability.UNTIL, immutability.MODE)
    kept = {name: value for name, value in known.items() if name not in policy}
    lake.store.write_attributes(entry, replace(entry.attributes, traits=kept))
    return Response(200)


async def set_legal_hold(lake: Lake, request: Request) -> Response:
    entry = lake.existing(request)
    held = (request.header(immutability.LEGAL_HOLD) or "").lower()
    if held not in ("true", "false"):
        raise StorageError("InvalidHeaderValue", f"{immutability.LEGAL_HOLD} is true or false.")
    known = {**entry.attributes.traits, immutability.LEGAL_HOLD: held}
    lake.store.write_attributes(entry, replace(entry.attributes, traits=known))
    return Response(200, {immutability.LEGAL_HOLD: held})


async def delete_blob(lake: Lake, request: Request) -> Response:
    """Delete Blob; a directory only where it is empty."""
    entry = lake.for_change(request)
    traits.check_tier_change(request.headers, entry.attributes)
    if entry.is_directory and not lake.store.is_empty(entry):
        raise StorageError("DirectoryIsNotEmpty")
    trashed = lake.store.delete(entry)
    lake.leases.drop(request.place)
    lake.events.deleted(entry, "DeleteDirectory" if entry.is_directory else "DeleteBlob", request)
    await lake.erase(trashed)
    return Response(202, {"x-ms-delete-type-permanent": "true"})


async def lease(lake: Lake, request: Request) -> Response:
    """Lease Blob and Lease Container: the same actions on a path or on none."""
    entry = lake.existing(request) if request.place.path else lake.container(request)
    conditions.check_write(request.headers, entry.attributes, "BlobAlreadyExists")
    action = (request.header("x-ms-lease-action") or "").lower()
    lease_id, proposed = request.header("x-ms-lease-id"), request.header("x-ms-proposed-lease-id")
    place, leases = request.place, lake.leases
    granted: Lease | None = None
    headers: dict[str, str] = {}
    status = 200
    if action == "acquire":
        status = 201
        granted = leases.acquire(place, duration_s(request), proposed)
    elif action == "renew":
        granted = leases.renew(place, lease_id)
    elif action == "change":
        granted = leases.change(place, lease_id, proposed)
    elif action == "release":
        leases.release(place, lease_id)
    elif action == "break":
        status = 202
        headers["x-ms-lease-time"] = str(leases.break_(place, seconds(request, "x-ms-lease-break-period")))
    else:
        raise StorageError("InvalidHeaderValue", "x-ms-lease-action is missing or unknown.")
    if granted is not None:
        headers["x-ms-lease-id"] = granted.id
    return Response(status, {**describe(entry), **headers})


def blob_headers(lake: Lake, entry: Entry) -> dict[str, str]:
    """All that a HEAD or GET tells, in the words of both services."""
    about = entry.attributes
    metadata = {"hdi_isfolder": "true", **about.metadata} if entry.is_directory else about.metadata
    headers = {
        **describe(entry),
        "Content-Type": "application/octet-stream",
        **about.headers,
        "Accept-Ranges": "bytes",
        "x-ms-creation-time": http_date(about.created_ns),
        "x-ms-blob-type": BLOCK_BLOB if entry.is_directory else about.kind,
        "x-ms-resource-type": "directory" if entry.is_directory else "file",
        "x-ms-server-encrypted": "true",
        "x-ms-last-access-time": http_date(entry.accessed_ns),
        **(_INFERRED_TIER if traits.TIER not in about.traits else {}),
        **about.traits,
        **lake.leases.headers(entry.place),
        **{f"x-ms-meta-{name}": value for name, value in metadata.items()},
    }
    if about.metadata:
        headers["x-ms-properties"] = ",".join(
            f"{name}={base64.b64encode(value.encode('latin-1', 'replace')).decode()}"
            for name, value in about.metadata.items()
        )
    scope = lake.scopes.get(entry.place.container)
    if scope:
        headers.setdefault("x-ms-encryption-scope", scope)
    if about.kind == APPEND_BLOB:
        headers["x-ms-blob-committed-block-count"] = str(about.block_count)
    return headers


def _told_by_token(request: Request) -> dict[str, str]:
    """The content headers that a token puts in place of the blob's own."""
    return {name: request.query[field] for field, name in _TOKEN_HEADERS.items() if request.query.get(field)}


def _requested_range(request: Request, size: int) -> tuple[int, int, bool]:
    """(start, length, whether only part was asked for); raises InvalidRange past the end."""
    asked = _RANGE.fullmatch(request.header("x-ms-range") or request.header("range") or "")
    if asked is None:
        return 0, size, False
    start = int(asked[1])
    end = min(int(asked[2]), size - 1) if asked[2] else size - 1
    if start >= size or end < start:
        raise StorageError("InvalidRange", headers={"Content-Range": f"bytes */{size}"})
    return start, end - start + 1, True


def _md5_of_range(descriptor: int, start: int, length: int) -> str:
    if length > _LARGEST_RANGE_MD5:
        raise StorageError("InvalidHeaderValue", "x-ms-range-get-content-md5 takes at most 4 MB.")
    digest = hashlib.md5(os.pread(descriptor, length, start), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")
