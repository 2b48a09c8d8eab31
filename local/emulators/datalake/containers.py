"""Containers (file systems): create, list, properties, metadata, delete, and the blobs in them.

https://learn.microsoft.com/rest/api/storageservices/operations-on-containers
"""

from __future__ import annotations

import json
from collections.abc import Collection

from local.emulators.datalake import access, conditions, listing, xml
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.lake import DEFAULT_SCOPE, DENY_OTHER_SCOPES, Lake, describe, user_metadata
from local.emulators.datalake.metadata import DIRECTORY
from local.emulators.datalake.request import Request, Response, http_date

_XML = {"Content-Type": "application/xml"}
# What these would add to a listing never exists here, so that leaving it out is the whole truth.
_ABSENT = {"deleted", "snapshots", "versions", "deletedwithversions", "system", "tags"}
_LISTED = {
    "",
    "metadata",
    "copy",
    "uncommittedblobs",
    "immutabilitypolicy",
    "legalhold",
    "permissions",
} | _ABSENT
_TOLD_TRAITS = (access.PUBLIC, DEFAULT_SCOPE, DENY_OTHER_SCOPES)


async def account_information(_lake: Lake, _request: Request) -> Response:
    """What kind of account this is: hierarchical, general purpose."""
    kind = {"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2", "x-ms-is-hns-enabled": "true"}
    return Response(200, kind)


async def list_containers(lake: Lake, request: Request) -> Response:
    include = _included(request)
    prefix, after = request.query.get("prefix", ""), listing.decode_marker(request.query.get("marker"))
    limit = listing.page_size(request.number("maxresults"))
    entries = [
        entry
        for entry in lake.store.containers()
        if entry.place.container.startswith(prefix) and entry.place.container > after
    ]
    shown = entries[:limit]
    marker = listing.encode_marker(shown[-1].place.container) if len(entries) > limit else ""
    rows = [xml.container(entry, lake.leases.headers(entry.place), "metadata" in include) for entry in shown]
    return Response(200, dict(_XML), xml.container_list(lake.url, _echo(request), rows, marker))


async def create_container(lake: Lake, request: Request) -> Response:
    asked = {
        name: request.headers[name] for name in (DEFAULT_SCOPE, DENY_OTHER_SCOPES) if request.header(name)
    }
    traits = {**access.asked_level(request), **asked}
    attributes = lake.store.rows.fresh(kind=DIRECTORY, metadata=user_metadata(request), traits=traits)
    entry = lake.store.create_container(request.place.container, attributes)
    if entry is None:
        raise StorageError("FilesystemAlreadyExists" if request.is_dfs else "ContainerAlreadyExists")
    lake.container_changed(entry)
    return Response(201, {**describe(entry), "x-ms-namespace-enabled": "true"})


async def get_container(lake: Lake, request: Request) -> Response:
    entry = lake.container(request)
    lake.leases.check_read(request.place, request.header("x-ms-lease-id"))
    metadata = {f"x-ms-meta-{name}": value for name, value in entry.attributes.metadata.items()}
    fixed = {
        "x-ms-has-immutability-policy": "false",
        "x-ms-has-legal-hold": "false",
        "x-ms-immutable-storage-with-versioning-enabled": "false",
        "x-ms-namespace-enabled": "true",
    }
    known = entry.attributes.traits
    fixed |= {name: known[name] for name in _TOLD_TRAITS if name in known}
    return Response(200, {**describe(entry), **fixed, **lake.leases.headers(request.place), **metadata})


async def set_container_metadata(lake: Lake, request: Request) -> Response:
    entry = lake.container(request)
    conditions.check_write(request.headers, entry.attributes, "ContainerAlreadyExists")
    lake.leases.check_read(request.place, request.header("x-ms-lease-id"))
    return Response(200, describe(lake.rewrite(entry, metadata=user_metadata(request))))


async def delete_container(lake: Lake, request: Request) -> Response:
    entry = lake.container(request)
    conditions.check_write(request.headers, entry.attributes, "ContainerAlreadyExists")
    lake.leases.check_write(request.place, request.header("x-ms-lease-id"))
    lake.require_no_protected(entry)
    trashed = lake.store.delete(entry)
    lake.scopes.pop(request.place.container, None)
    lake.leases.drop_below(request.place)
    await lake.erase(trashed)
    return Response(202)


async def list_blobs(lake: Lake, request: Request) -> Response:
    """List Blobs; with the delimiter `/` a directory shows as the prefix of what is below it."""
    lake.require_container(request)
    include = _included(request)
    delimiter = request.query.get("delimiter", "")
    if delimiter not in ("", "/"):
        raise not_implemented("a delimiter other than / (a hierarchical account has none either)")
    if request.query.get("showonly"):
        raise not_implemented("List Blobs with showonly")
    shown = listing.page(
        lake.store,
        request.place.container,
        prefix=request.query.get("prefix", ""),
        recursive=not delimiter,
        folded=bool(delimiter),
        after=listing.decode_marker(request.query.get("marker")),
        limit=listing.page_size(request.number("maxresults")),
        start_from=request.query.get("startFrom", ""),
    )
    scope = lake.scopes.get(request.place.container)
    rows = {
        entry.place.path: xml.blob_prefix(entry.place.path + "/")
        if entry.place.path + "/" in shown.prefixes
        else xml.blob(entry, lake.leases.headers(entry.place), scope, include)
        for entry in shown.entries
    }
    if "uncommittedblobs" in include:
        last = shown.entries[-1].place.path if shown.marker else None
        rows |= _uncommitted(lake, request, rows, last)
        rows = dict(sorted(rows.items()))
    document = xml.blob_list(
        lake.url, request.place.container, _echo(request), rows.values(), shown.marker or ""
    )
    return Response(200, dict(_XML), document)


def _uncommitted(lake: Lake, request: Request, known: Collection[str], last: str | None) -> dict[str, str]:
    """The names of which only blocks are there, as far as this page of the listing goes."""
    prefix = request.query.get("prefix", "")
    after = listing.decode_marker(request.query.get("marker"))
    names = [
        name
        for name in lake.store.staging.blocks_waiting(request.place.container)
        if name.startswith(prefix) and name > after and name not in known and (last is None or name <= last)
    ]
    return {name: xml.uncommitted_blob(name) for name in names}


def _included(request: Request) -> set[str]:
    include = set(request.query.get("include", "").lower().split(","))
    unknown = include - _LISTED
    if unknown:
        raise not_implemented(f"listing with include={','.join(sorted(unknown))}")
    return include


def _echo(request: Request) -> dict[str, str]:
    """The questions a listing repeats in its answer."""
    names = {"prefix": "Prefix", "marker": "Marker", "maxresults": "MaxResults", "delimiter": "Delimiter"}
    return {names[name]: request.query[name] for name in names if name in request.query}


async def list_file_systems(lake: Lake, request: Request) -> Response:
    """The dfs service's list of the same containers."""
    prefix, after = request.query.get("prefix", ""), listing.decode_marker(request.query.get("continuation"))
    limit = listing.page_size(request.number("maxResults"))
    entries = [
        entry
        for entry in lake.store.containers()
        if entry.place.container.startswith(prefix) and entry.place.container > after
    ]
    listed = [
        {
            "name": entry.place.container,
            "lastModified": http_date(entry.attributes.modified_ns),
            "eTag": entry.attributes.etag,
        }
        for entry in entries[:limit]
    ]
    headers = {"Content-Type": "application/json"}
    if len(entries) > limit:
        headers["x-ms-continuation"] = listing.encode_marker(listed[-1]["name"])
    return Response(200, headers, json.dumps({"filesystems": listed}).encode())
