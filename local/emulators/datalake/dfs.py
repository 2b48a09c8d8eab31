"""Paths of the hierarchical namespace: create, append, flush, rename, list, delete.

https://learn.microsoft.com/rest/api/storageservices/data-lake-storage-gen2
"""

from __future__ import annotations

import asyncio
import json
import os

from local.emulators import clock
from local.emulators.datalake import conditions, immutability, leases, listing, traits
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.lake import Lake, changed, content_headers, user_metadata
from local.emulators.datalake.metadata import BLOCK_BLOB, DIRECTORY
from local.emulators.datalake.names import Place, is_path, parse_place
from local.emulators.datalake.request import Request, Response, http_date
from local.emulators.datalake.staging import IN_MEMORY_BYTES, receive_into, require_md5, write_all
from local.emulators.datalake.store import Entry

_FILETIME_OF_1970 = 116_444_736_000_000_000
_OWNER = "$superuser"
_LEASE_ACTIONS = ("", "acquire", "acquire-release", "auto-renew", "release")


async def create(lake: Lake, request: Request) -> Response:
    """Path Create: an empty file, visible as such until its first flush, or a directory."""
    if request.query["resource"] == "directory":
        return _create_directory(lake, request)
    if request.query["resource"] != "file":
        raise StorageError("InvalidQueryParameterValue", "resource is neither file nor directory.")
    lake.require_container(request)
    attributes = lake.store.rows.fresh(
        kind=BLOCK_BLOB,
        headers=content_headers(request, "x-ms-"),
        metadata=user_metadata(request),
        traits=traits.asked(request, clock.now_ns()),
    )
    entry = lake.commit(request, lake.store.staging.write(b""), attributes)
    _lease_new(lake, request)
    lake.store.staging.drop_appends(request.place)
    lake.events.created(entry, "CreateFile", request)
    return changed(201, entry)


def _create_directory(lake: Lake, request: Request) -> Response:
    lake.require_container(request)
    existing = lake.store.find(request.place)
    lake.check_write(request, existing)
    attributes = lake.store.rows.fresh(kind=DIRECTORY, metadata=user_metadata(request))
    entry = lake.store.create_directory(request.place, attributes)
    if entry is not None:
        _lease_new(lake, request)
        lake.events.directory("DirectoryCreated", entry, "CreateDirectory", request)
        return changed(201, entry)
    if existing is None or not existing.is_directory:
        raise StorageError("PathConflict" if existing else "PathAlreadyExists")
    lake.store.write_attributes(existing, attributes)
    return changed(201, Entry(existing.place, existing.stat, attributes))


def _lease_new(lake: Lake, request: Request) -> None:
    """Leases what was just made where the request proposes an id."""
    proposed = request.header("x-ms-proposed-lease-id")
    if proposed is not None:
        lake.leases.acquire(request.place, leases.duration_s(request), proposed)


async def append(lake: Lake, request: Request) -> Response:
    """Path Update, append: bytes at a position, unseen until flushed; survives a restart."""
    position = request.number("position")
    if position is None:
        raise StorageError("MissingRequiredQueryParameter", "position is missing.")
    entry = _file(lake, request)
    immutability.require_unprotected(entry.attributes.traits)
    _act_on_lease(lake, request)
    path = lake.store.staging.append_file(request.place, entry.stat.st_ino)
    expected = request.header("content-md5")
    descriptor = os.open(path, os.O_WRONLY)
    try:
        length = request.content_length
        if length is not None and length <= IN_MEMORY_BYTES and expected is None:
            data = await request.body(IN_MEMORY_BYTES)
            write_all(descriptor, data, position)
            size, md5 = len(data), None
        else:
            size, md5 = await receive_into(descriptor, position, request, wants_md5=expected is not None)
        require_md5(expected, md5)
        lake.store.staging.flush(descriptor)
    finally:
        os.close(descriptor)
    lake.store.staging.add_append(request.place, position, size, entry.stat.st_ino, path)
    if request.flag("flush"):
        flushed = await _flush(lake, request, position + size)
        _release_after(lake, request)
        return changed(202, flushed)
    return Response(202, {"x-ms-request-server-encrypted": "true"})


async def flush(lake: Lake, request: Request) -> Response:
    """Path Update, flush: what was appended up to the position becomes the file's content."""
    position = request.number("position")
    if position is None:
        raise StorageError("MissingRequiredQueryParameter", "position is missing.")
    if request.flag("retainUncommittedData"):
        raise not_implemented("flush with retainUncommittedData")
    _act_on_lease(lake, request)
    flushed = await _flush(lake, request, position)
    _release_after(lake, request)
    return changed(200, flushed)


def _act_on_lease(lake: Lake, request: Request) -> None:
    """The lease action that comes with an append or flush, and the check that the caller holds the lease."""
    action = (request.header("x-ms-lease-action") or "").lower()
    if action not in _LEASE_ACTIONS:
        raise StorageError("InvalidHeaderValue", "x-ms-lease-action is unknown.")
    if action.startswith("acquire"):
        proposed = request.header("x-ms-proposed-lease-id") or request.header("x-ms-lease-id")
        held = lake.leases.acquire(request.place, leases.duration_s(request), proposed)
        request.headers["x-ms-lease-id"] = held.id
    elif action == "auto-renew":
        lake.leases.renew(request.place, request.header("x-ms-lease-id"))
    lake.leases.check_write(request.place, request.header("x-ms-lease-id"))


def _release_after(lake: Lake, request: Request) -> None:
    if (request.header("x-ms-lease-action") or "").lower().endswith("release"):
        lake.leases.release(request.place, request.header("x-ms-lease-id"))


async def _flush(lake: Lake, request: Request, end: int) -> Entry:
    entry = _file(lake, request)
    conditions.check_write(request.headers, entry.attributes, "ConditionNotMet")
    lake.leases.check_write(request.place, request.header("x-ms-lease-id"))
    immutability.require_unprotected(entry.attributes.traits)
    inode = entry.stat.st_ino
    path, appends = lake.store.staging.appends(request.place, inode)
    _require_contiguous(entry.size, end, appends)
    headers = {**entry.attributes.headers, **content_headers(request, "x-ms-")}
    headers.pop("Content-MD5", None)
    attributes = lake.store.rows.touched(entry.attributes, headers=headers)
    if path is None or end == entry.size:
        lake.store.write_attributes(entry, attributes)
        flushed = Entry(entry.place, entry.stat, attributes)
    else:
        pieces = [(lake.store.locate(request.place), 0, entry.size)] if entry.size else []
        if pieces or os.stat(path).st_size != end:
            pieces.append((path, entry.size, end - entry.size))
            staged = await asyncio.to_thread(lake.store.staging.assemble, pieces)
        else:
            staged = lake.store.staging.second_name(path, end)
        now = lake.store.find(request.place)
        if now is None or now.attributes.etag != entry.attributes.etag:
            lake.store.staging.remove(staged)
            raise StorageError("InvalidFlushPosition", "The file changed while it was flushed.")
        committed = lake.store.commit(request.place, staged, attributes, exclusive=False)
        if committed is None:
            raise StorageError("PathNotFound")
        flushed = committed
    lake.store.staging.drop_appends(request.place)
    if request.flag("close"):
        lake.events.created(flushed, "FlushWithClose", request)
    return flushed


def _require_contiguous(start: int, end: int, appends: list[tuple[int, int]]) -> None:
    reached = start
    for position, size in appends:
        if position <= reached:
            reached = max(reached, position + size)
    if end < start or end > reached:
        raise StorageError("InvalidFlushPosition")


async def rename(lake: Lake, request: Request) -> Response:
    """Path Create with a rename source: a file or whole directory moves in one step."""
    raw = request.headers["x-ms-rename-source"].partition("?")[0]
    source = lake.store.find(parse_place(raw))
    if source is None or not source.place.path:
        raise StorageError("SourcePathNotFound")
    conditions.check_source(request.headers, source.attributes)
    immutability.require_unprotected(source.attributes.traits)
    lake.require_no_protected(source)
    lake.leases.check_write(source.place, request.header("x-ms-source-lease-id"))
    if source.is_directory and lake.leases.held_below(source.place):
        raise StorageError("LeaseIdMissing", "Something below the directory is leased.")
    lake.require_container(request)
    replaced = lake.store.find(request.place)
    lake.check_write(request, replaced)
    _require_free(lake, request.place, replaced, source)
    exclusive = request.header("if-none-match") == "*"
    moved = lake.store.rename(source, request.place, exclusive=exclusive)
    if moved is None:
        raise StorageError("PathAlreadyExists")
    if "x-ms-properties" in request.headers:
        attributes = lake.store.rows.touched(moved.attributes, metadata=user_metadata(request))
        lake.store.write_attributes(moved, attributes)
        moved = Entry(moved.place, moved.stat, attributes)
    lake.leases.drop(source.place)
    lake.events.renamed(moved, source.place, request)
    return changed(201, moved)


def _require_free(lake: Lake, destination: Place, replaced: Entry | None, source: Entry) -> None:
    parent = lake.store.find(destination.parent)
    if parent is None:
        raise StorageError("RenameDestinationParentPathNotFound")
    if not parent.is_directory:
        raise StorageError("PathConflict")
    below_itself = f"{destination.path}/".startswith(f"{source.place.path}/")
    if below_itself and destination.container == source.place.container and destination != source.place:
        raise StorageError("InvalidRenameSourcePath")
    if replaced is not None and replaced.place != source.place:
        if replaced.is_directory != source.is_directory:
            raise StorageError("PathConflict")
        if replaced.is_directory and not lake.store.is_empty(replaced):
            raise StorageError("PathAlreadyExists", "The destination directory is not empty.")


async def delete(lake: Lake, request: Request) -> Response:
    """Path Delete: with recursive=true a directory goes from sight as a whole, at once."""
    entry = lake.for_change(request)
    lake.require_no_protected(entry)
    if entry.is_directory:
        if not request.flag("recursive") and not lake.store.is_empty(entry):
            raise StorageError("DirectoryNotEmpty")
        if lake.leases.held_below(request.place):
            raise StorageError("LeaseIdMissing", "Something below the directory is leased.")
    trashed = lake.store.delete(entry)
    lake.store.staging.drop_appends(request.place)
    lake.leases.drop(request.place)
    if entry.is_directory:
        lake.events.directory("DirectoryDeleted", entry, "DeleteDirectory", request)
    else:
        lake.events.deleted(entry, "DeleteFile", request)
    await lake.erase(trashed)
    return Response(200)


async def list_paths(lake: Lake, request: Request) -> Response:
    """Path List: files and directories below a directory, by pages."""
    lake.require_container(request)
    directory = request.query.get("directory", "").strip("/")
    if directory:
        if not is_path(directory):
            raise StorageError("InvalidUri", "The directory is not a plain relative path.")
        base = lake.store.find(Place(request.place.container, directory))
        if base is None or not base.is_directory:
            raise StorageError("PathNotFound")
    begin = request.query.get("beginFrom", "")
    shown = listing.page(
        lake.store,
        request.place.container,
        prefix=f"{directory}/" if directory else "",
        recursive=request.flag("recursive"),
        folded=False,
        after=listing.decode_marker(request.query.get("continuation")),
        limit=listing.page_size(request.number("maxResults")),
        start_from=f"{directory}/{begin}" if directory and begin else begin,
    )
    headers = {"Content-Type": "application/json"}
    if shown.marker:
        headers["x-ms-continuation"] = shown.marker
    return Response(200, headers, _document(lake, shown.entries))


def _document(lake: Lake, entries: list[Entry]) -> bytes:
    return json.dumps(
        {"paths": [_listed(entry, lake.scopes.get(entry.place.container)) for entry in entries]}
    ).encode()


def _listed(entry: Entry, scope: str | None) -> dict[str, str]:
    about = entry.attributes
    listed = {
        "name": entry.place.path,
        "contentLength": str(entry.size),
        "creationTime": str(_FILETIME_OF_1970 + about.created_ns // 100),
        "etag": about.etag.strip('"'),
        "group": _OWNER,
        "lastModified": http_date(about.modified_ns),
        "owner": _OWNER,
        "permissions": "rwxr-x---" if entry.is_directory else "rw-r-----",
    }
    if entry.is_directory:
        listed["isDirectory"] = "true"
    if scope or about.traits:
        told = {"EncryptionScope": about.traits.get("x-ms-encryption-scope", scope)}
        told["EncryptionContext"] = about.traits.get("x-ms-encryption-context")
        if traits.EXPIRY in about.traits:
            ends_s = int(immutability.instant_s(about.traits[traits.EXPIRY]))
            told["expiryTime"] = str(_FILETIME_OF_1970 + ends_s * 10_000_000)
        listed |= {name: value for name, value in told.items() if value}
    return listed


def _file(lake: Lake, request: Request) -> Entry:
    entry = lake.existing(request)
    if entry.is_directory:
        raise StorageError("PathConflict")
    return entry
