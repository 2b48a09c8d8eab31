"""What is taken from another blob of the account: copies, and blocks and appends from a URL.

https://learn.microsoft.com/rest/api/storageservices/copy-blob
https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url
https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
https://learn.microsoft.com/rest/api/storageservices/append-block-from-url
"""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from local.emulators.datalake import access, blocks, checksums, conditions, immutability, traits
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.lake import Lake, changed, content_headers, user_metadata
from local.emulators.datalake.metadata import BLOCK_BLOB, Attributes
from local.emulators.datalake.names import Place, parse_place
from local.emulators.datalake.request import Request, Response, http_date
from local.emulators.datalake.staging import Staged
from local.emulators.datalake.store import Entry

_CLOUD = r"https?://{account}\.(?:blob|dfs)\.core\.windows\.net(?=/)"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class _Source(NamedTuple):
    """A blob to take from and the part of it."""

    entry: Entry
    offset: int
    length: int


async def copy_blob(lake: Lake, request: Request) -> Response:
    """Copy Blob, Copy Blob From URL and Put Blob From URL; done before the answer, so always `success`."""
    is_put = "x-ms-blob-type" in request.headers
    is_sync = request.header("x-ms-requires-sync") == "true"
    source = _source(lake, request, own=not is_put and not is_sync, of_copy=not is_put)
    lake.check_overwrite(request)
    staged, sums = await _taken(lake, request, source)
    known = source.entry.attributes
    headers = dict(known.headers) if request.header("x-ms-copy-source-blob-properties") != "false" else {}
    if is_put:
        headers = {**headers, **content_headers(request, "x-ms-blob-"), "Content-MD5": sums["Content-MD5"]}
    attributes = lake.store.rows.fresh(
        kind=BLOCK_BLOB if is_put else known.kind,
        headers=headers,
        metadata=user_metadata(request) or known.metadata,
        block_count=0 if is_put else known.block_count,
        traits=_traits(request, known),
    )
    told: dict[str, str] = {}
    if not is_put:
        told = {"x-ms-copy-id": str(uuid.uuid4()), "x-ms-copy-status": "success"}
        attributes.traits.update(told)
        attributes.traits["x-ms-copy-source"] = request.headers["x-ms-copy-source"].partition("?")[0]
        attributes.traits["x-ms-copy-progress"] = f"{source.length}/{source.length}"
        attributes.traits["x-ms-copy-completion-time"] = http_date(attributes.modified_ns)
    entry = lake.commit(request, staged, attributes)
    lake.events.created(entry, "PutBlob" if is_put else "CopyBlob", request)
    return changed(201 if is_put else 202, entry, **told, **(sums if is_put or is_sync else {}))


async def abort(_lake: Lake, _request: Request) -> Response:
    """Abort Copy Blob: every copy is complete before its answer."""
    raise StorageError("NoPendingCopyOperation")


async def put_block(lake: Lake, request: Request) -> Response:
    """Put Block From URL."""
    block_id = blocks.block_id(request)
    source = _source(lake, request)
    lake.require_container(request)
    lake.leases.check_write(request.place, request.header("x-ms-lease-id"))
    staged, sums = await _taken(lake, request, source)
    lake.store.staging.add_block(request.place, block_id, staged)
    return Response(201, {**sums, "x-ms-request-server-encrypted": "true"})


async def append_block(lake: Lake, request: Request) -> Response:
    """Append Block From URL."""
    source = _source(lake, request)
    lake.existing(request)
    staged, sums = await _taken(lake, request, source)
    return await blocks.append(lake, request, staged, sums)


def _source(lake: Lake, request: Request, *, own: bool = False, of_copy: bool = False) -> _Source:
    """The source that the request names, after every check that can refuse it."""
    path, _, query = _path_in_account(lake, request.headers["x-ms-copy-source"]).partition("?")
    place = parse_place(path)
    asked = {unquote(name): unquote(value) for name, _, value in (p.partition("=") for p in query.split("&"))}
    access.check_source(lake, asked, request, place, own=own)
    entry = _existing(lake, place)
    try:
        conditions.check_source(request.headers, entry.attributes)
    except StorageError as error:
        if of_copy:
            raise
        told = {
            "x-ms-copy-source-status-code": str(error.status),
            "x-ms-copy-source-error-code": "ConditionNotMet",
        }
        raise StorageError("CannotVerifyCopySource", error.message, headers=told) from None
    offset, length = 0, entry.size
    part = _RANGE.fullmatch(request.header("x-ms-source-range") or "")
    if part is not None:
        offset = int(part[1])
        end = min(int(part[2]), entry.size - 1) if part[2] else entry.size - 1
        length = end - offset + 1
        if offset >= entry.size or length <= 0:
            raise StorageError("InvalidRange")
    if not of_copy:
        traits.require_readable(entry.attributes.traits)
    return _Source(entry, offset, length)


def _path_in_account(lake: Lake, url: str) -> str:
    """The path of a URL of this account, by its address here or by the name that the account has in the cloud."""
    cloud = re.match(_CLOUD.format(account=re.escape(lake.key.account)), url)
    if cloud is not None:
        return url[cloud.end() :]
    here, there = urlsplit(lake.url), urlsplit(url)
    if (there.hostname, there.port) != (here.hostname, here.port) or not there.path.startswith(
        here.path + "/"
    ):
        raise StorageError("CannotVerifyCopySource")
    return there.path[len(here.path) :] + (f"?{there.query}" if there.query else "")


def _existing(lake: Lake, place: Place) -> Entry:
    entry = lake.store.find(place)
    if entry is None or entry.is_directory:
        told = {"x-ms-copy-source-status-code": "404", "x-ms-copy-source-error-code": "BlobNotFound"}
        raise StorageError("CannotVerifyCopySource", "The source of the copy does not exist.", headers=told)
    return entry


async def _taken(lake: Lake, request: Request, source: _Source) -> tuple[Staged, dict[str, str]]:
    """A temporary file of the source's part, and the checksums to tell; raises where the one expected differs."""
    place = lake.store.locate(source.entry.place)
    staged = await blocks.assemble(lake, [(place, source.offset, source.length)])
    sums = await asyncio.to_thread(checksums.of_file, staged.path)
    try:
        checksums.require(request.headers, sums, "x-ms-source-content-")
    except StorageError:
        lake.store.staging.remove(staged)
        raise
    return staged, sums


def _traits(request: Request, source: Attributes) -> dict[str, str]:
    """The traits of a copy: those asked for; seal and archive pass over from the source."""
    made = traits.asked(request, source.created_ns) | immutability.asked(request.headers)
    if (request.header("x-ms-seal-blob") or source.traits.get(traits.SEALED)) == "true":
        made[traits.SEALED] = "true"
    if traits.is_archived(source.traits):
        tier = made.get(traits.TIER)
        if tier is None:
            raise StorageError("BlobArchived")
        made |= traits.with_tier(source.traits, tier, request.header(traits.REHYDRATE_PRIORITY))
    return made
