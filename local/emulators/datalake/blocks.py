"""Blobs in pieces: blocks and block lists, append blobs.

https://learn.microsoft.com/rest/api/storageservices/put-block-list
https://learn.microsoft.com/rest/api/storageservices/append-block
"""

from __future__ import annotations

import asyncio
import base64
import binascii

from local.emulators import clock
from local.emulators.datalake import checksums, traits, xml
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.lake import Lake, changed, content_headers, describe, user_metadata
from local.emulators.datalake.metadata import APPEND_BLOB, BLOCK_BLOB
from local.emulators.datalake.request import Request, Response
from local.emulators.datalake.staging import Staged
from local.emulators.datalake.store import Entry

_MOST_BLOCKS = 50_000
_LARGEST_BLOCK_LIST = 8 * 1024 * 1024
_XML = {"Content-Type": "application/xml"}


async def put_block(lake: Lake, request: Request) -> Response:
    name = block_id(request)
    lake.require_container(request)
    lake.leases.check_write(request.place, request.header("x-ms-lease-id"))
    staged = await lake.store.staging.receive(request, always_md5=True)
    sums = await _sums(lake, request, staged)
    lake.store.staging.add_block(request.place, name, staged)
    return Response(201, {**sums, "x-ms-request-server-encrypted": "true"})


def block_id(request: Request) -> str:
    """The block's id; raises where it is not base64 of 1 to 64 bytes."""
    name = request.query.get("blockid", "")
    try:
        if not 0 < len(base64.b64decode(name, validate=True)) <= 64:
            raise StorageError("InvalidBlockId")
    except (binascii.Error, ValueError):
        raise StorageError("InvalidBlockId") from None
    return name


async def _sums(lake: Lake, request: Request, staged: Staged) -> dict[str, str]:
    """The checksums to tell: of both kinds where the sender named one."""
    if not any(request.header(name) for name in ("content-md5", "x-ms-content-crc64")):
        return {checksums.MD5: staged.md5 or ""}
    sums = await asyncio.to_thread(checksums.of_file, staged.path)
    try:
        checksums.require(request.headers, sums, "x-ms-content-")
    except StorageError:
        lake.store.staging.remove(staged)
        raise
    return sums


async def put_block_list(lake: Lake, request: Request) -> Response:
    """Commit blocks, uncommitted ones or those of the blob as it is, as one new content."""
    asked = xml.parse_block_list(await request.body(_LARGEST_BLOCK_LIST))
    if len(asked) > _MOST_BLOCKS:
        raise StorageError("BlockCountExceedsLimit")
    metadata, headers = user_metadata(request), content_headers(request, "x-ms-blob-")
    asked_traits = traits.asked(request, clock.now_ns())
    replaced = lake.check_overwrite(request)
    blocks, pieces = _resolve(lake, request, asked, replaced)
    staged = await assemble(lake, pieces)
    attributes = lake.store.rows.fresh(
        kind=BLOCK_BLOB, headers=headers, metadata=metadata, traits=asked_traits
    )
    entry = lake.commit(request, staged, attributes, blocks)
    lake.store.staging.drop_blocks(request.place)
    lake.events.created(entry, "PutBlockList", request)
    return changed(201, entry)


async def get_block_list(lake: Lake, request: Request) -> Response:
    which = request.query.get("blocklisttype", "committed").lower()
    entry = lake.store.find(request.place)
    waiting = lake.store.staging.blocks(request.place)
    if entry is None and not waiting:
        lake.missing(request)
    committed = lake.store.rows.committed_blocks(entry.stat.st_ino) if entry else []
    document = xml.block_list(
        committed if which in ("committed", "all") else None,
        [(name, size) for name, (_, size) in waiting.items()] if which in ("uncommitted", "all") else None,
    )
    described = {**describe(entry), "x-ms-blob-content-length": str(entry.size)} if entry else {}
    return Response(200, {**described, **_XML}, document)


async def append_block(lake: Lake, request: Request) -> Response:
    lake.existing(request)
    received = await lake.store.staging.receive(request, always_md5=True)
    return await append(lake, request, received, await _sums(lake, request, received))


async def append(lake: Lake, request: Request, received: Staged, sums: dict[str, str]) -> Response:
    """Append to an append blob; the longer content replaces the shorter one in one step."""
    try:
        entry = _appendable(lake, request, received.size)
        old = [(lake.store.locate(request.place), 0, entry.size)] if entry.size else []
        staged = await assemble(lake, [*old, (received.path, 0, received.size)])
        now = lake.store.find(request.place)
        if now is None or now.attributes.etag != entry.attributes.etag:
            # Another append was first: this one is as if it had come later.
            lake.store.staging.remove(staged)
            return await _append_again(lake, request, received, sums)
        return _commit_append(lake, request, entry, staged, sums)
    finally:
        lake.store.staging.remove(received)


async def _append_again(lake: Lake, request: Request, received: Staged, sums: dict[str, str]) -> Response:
    """The same append on what is there now, without giving way to others."""
    entry = _appendable(lake, request, received.size)
    old = [(lake.store.locate(request.place), 0, entry.size)] if entry.size else []
    staged = lake.store.staging.assemble([*old, (received.path, 0, received.size)])
    return _commit_append(lake, request, entry, staged, sums)


async def seal(lake: Lake, request: Request) -> Response:
    """Append Blob Seal: from now on the content stays as it is."""
    entry = _appendable(lake, request, 0, sealed=True)
    sealed = lake.rewrite(entry, traits={**entry.attributes.traits, traits.SEALED: "true"})
    return changed(200, sealed, **{traits.SEALED: "true"})


def _appendable(lake: Lake, request: Request, size: int, *, sealed: bool = False) -> Entry:
    entry = lake.existing(request)
    lake.check_write(request, entry)
    if entry.attributes.kind != APPEND_BLOB:
        raise StorageError("InvalidBlobType")
    if entry.attributes.traits.get(traits.SEALED) == "true" and not sealed:
        raise StorageError("BlobIsSealed")
    position, most = (
        request.header("x-ms-blob-condition-appendpos"),
        request.header("x-ms-blob-condition-maxsize"),
    )
    if position is not None and position != str(entry.size):
        raise StorageError("AppendPositionConditionNotMet")
    if most is not None and most.isdecimal() and entry.size + size > int(most):
        raise StorageError("MaxBlobSizeConditionNotMet")
    return entry


def _commit_append(
    lake: Lake, request: Request, entry: Entry, staged: Staged, sums: dict[str, str]
) -> Response:
    count = entry.attributes.block_count + 1
    attributes = lake.store.rows.touched(entry.attributes, block_count=count)
    committed = lake.store.commit(request.place, staged, attributes, exclusive=False)
    if committed is None:
        raise StorageError("BlobNotFound")
    offsets = {"x-ms-blob-append-offset": str(entry.size), "x-ms-blob-committed-block-count": str(count)}
    return changed(201, committed, **sums, **offsets)


async def assemble(lake: Lake, pieces: list[tuple[str, int, int]]) -> Staged:
    try:
        return await asyncio.to_thread(lake.store.staging.assemble, pieces)
    except FileNotFoundError:
        raise StorageError("InvalidBlockList", "A piece was committed or replaced meanwhile.") from None


def _resolve(
    lake: Lake, request: Request, asked: list[tuple[str, str]], replaced: Entry | None
) -> tuple[list[tuple[str, int]], list[tuple[str, int, int]]]:
    """The (id, size) of the new content's blocks, and where each one's bytes are now."""
    waiting = lake.store.staging.blocks(request.place)
    committed: dict[str, tuple[str, int, int]] = {}
    if replaced is not None:
        offset = 0
        path = lake.store.locate(request.place)
        for name, size in lake.store.rows.committed_blocks(replaced.stat.st_ino):
            committed.setdefault(name, (path, offset, size))
            offset += size
    blocks: list[tuple[str, int]] = []
    pieces: list[tuple[str, int, int]] = []
    for where, name in asked:
        piece = None
        if where in ("Uncommitted", "Latest") and name in waiting:
            path, size = waiting[name]
            piece = (path, 0, size)
        elif where in ("Committed", "Latest"):
            piece = committed.get(name)
        if piece is None:
            raise StorageError("InvalidBlockList")
        blocks.append((name, piece[2]))
        pieces.append(piece)
    return blocks, pieces
