"""Blobs as a whole: put, get, properties, metadata, lease, delete.

https://learn.microsoft.com/rest/api/storageservices/operations-on-blobs
"""

from __future__ import annotations

import base64
import hashlib
import os
import re

from local.emulators.datalake import conditions
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.lake import (
    Lake,
    changed,
    content_headers,
    describe,
    user_metadata,
)
from local.emulators.datalake.leases import Lease
from local.emulators.datalake.metadata import APPEND_BLOB, BLOCK_BLOB
from local.emulators.datalake.request import FileSlice, Request, Response, http_date
from local.emulators.datalake.store import Entry

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
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
    staged = await lake.store.staging.receive(request, always_md5=True)
    if kind == BLOCK_BLOB and staged.md5:
        headers.setdefault("Content-MD5", staged.md5)
    attributes = lake.store.rows.fresh(kind=kind, headers=headers, metadata=metadata)
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
        headers = blob_headers(lake, entry)
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
    entry = _for_change(lake, request)
    attributes = lake.store.rows.touched(entry.attributes, metadata=user_metadata(request))
    lake.store.write_attributes(entry, attributes)
    return changed(200, Entry(entry.place, entry.stat, attributes))


async def set_properties(lake: Lake, request: Request) -> Response:
    """Set Blob Properties: the content headers given replace all that were there."""
    entry = _for_change(lake, request)
    headers = content_headers(request, "x-ms-blob-")
    attributes = lake.store.rows.touched(entry.attributes, headers=headers)
    lake.store.write_attributes(entry, attributes)
    return changed(200, Entry(entry.place, entry.stat, attributes))


async def delete_blob(lake: Lake, request: Request) -> Response:
    """Delete Blob; a directory only where it is empty."""
    entry = _for_change(lake, request)
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
        granted = leases.acquire(place, _lease_duration_s(request), proposed)
    elif action == "renew":
        granted = leases.renew(place, lease_id)
    elif action == "change":
        granted = leases.change(place, lease_id, proposed)
    elif action == "release":
        leases.release(place, lease_id)
    elif action == "break":
        status = 202
        headers["x-ms-lease-time"] = str(leases.break_(place, _seconds(request, "x-ms-lease-break-period")))
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
        "x-ms-access-tier": "Hot",
        "x-ms-access-tier-inferred": "true",
        **lake.leases.headers(entry.place),
        **{f"x-ms-meta-{name}": value for name, value in metadata.items()},
    }
    if about.metadata:
        headers["x-ms-properties"] = ",".join(
            f"{name}={base64.b64encode(value.encode('latin-1', 'replace')).decode()}"
            for name, value in about.metadata.items()
        )
    if about.kind == APPEND_BLOB:
        headers["x-ms-blob-committed-block-count"] = str(about.block_count)
    return headers


def _for_change(lake: Lake, request: Request) -> Entry:
    entry = lake.existing(request)
    conditions.check_write(request.headers, entry.attributes, "ConditionNotMet")
    lake.leases.check_write(request.place, request.header("x-ms-lease-id"))
    return entry


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


def _lease_duration_s(request: Request) -> int:
    duration_s = _seconds(request, "x-ms-lease-duration")
    if duration_s is None:
        raise StorageError("MissingRequiredHeader", "x-ms-lease-duration is missing.")
    return duration_s


def _seconds(request: Request, name: str) -> int | None:
    text = request.header(name)
    if text is None:
        return None
    if not re.fullmatch(r"-1|\d{1,2}", text):
        raise StorageError("InvalidHeaderValue", f"{name} is not a number of seconds.")
    return int(text)
