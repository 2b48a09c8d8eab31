"""Which operation a request asks for, and the SAS permission letters that allow it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from local.emulators.datalake import access, blob, blocks, containers, copies, dfs, service
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.lake import Lake
from local.emulators.datalake.request import Request, Response

Operation = Callable[[Lake, Request], Awaitable[Response]]


class Route(NamedTuple):
    """An operation, and the letters of which a shared access signature must have one."""

    operation: Operation
    letters: str


_ACCOUNT = {
    ("GET", "list"): Route(containers.list_containers, "l"),
    ("GET", "properties"): Route(containers.account_information, "rl"),
    ("HEAD", "properties"): Route(containers.account_information, "rl"),
}
_SERVICE = {
    ("GET", "properties"): Route(service.get_properties, "r"),
    ("PUT", "properties"): Route(service.set_properties, "w"),
}
_CONTAINER = {
    ("PUT", ""): Route(containers.create_container, "cw"),
    ("GET", ""): Route(containers.get_container, "rl"),
    ("HEAD", ""): Route(containers.get_container, "rl"),
    ("DELETE", ""): Route(containers.delete_container, "d"),
    ("PATCH", ""): Route(containers.set_container_metadata, "w"),
    ("GET", "metadata"): Route(containers.get_container, "rl"),
    ("HEAD", "metadata"): Route(containers.get_container, "rl"),
    ("PUT", "metadata"): Route(containers.set_container_metadata, "w"),
    ("PUT", "lease"): Route(blob.lease, "wd"),
    ("GET", "acl"): Route(access.get_policies, ""),
    ("HEAD", "acl"): Route(access.get_policies, ""),
    ("PUT", "acl"): Route(access.set_policies, ""),
    ("GET", "list"): Route(containers.list_blobs, "l"),
    ("GET", "properties"): Route(containers.account_information, "rl"),
    ("HEAD", "properties"): Route(containers.account_information, "rl"),
}
_BLOB = {
    ("PUT", ""): Route(blob.put_blob, "cw"),
    ("GET", ""): Route(blob.get_blob, "r"),
    ("HEAD", ""): Route(blob.get_properties, "r"),
    ("DELETE", ""): Route(blob.delete_blob, "d"),
    ("GET", "metadata"): Route(blob.get_metadata, "r"),
    ("HEAD", "metadata"): Route(blob.get_metadata, "r"),
    ("PUT", "metadata"): Route(blob.set_metadata, "w"),
    ("PUT", "properties"): Route(blob.set_properties, "w"),
    ("PUT", "lease"): Route(blob.lease, "wd"),
    ("PUT", "tier"): Route(blob.set_tier, "w"),
    ("PUT", "expiry"): Route(blob.set_expiry, "w"),
    ("PUT", "immutabilityPolicies"): Route(blob.set_immutability, "i"),
    ("DELETE", "immutabilityPolicies"): Route(blob.delete_immutability, "i"),
    ("PUT", "legalhold"): Route(blob.set_legal_hold, "i"),
    ("PUT", "seal"): Route(blocks.seal, "aw"),
    ("PUT", "block"): Route(blocks.put_block, "cw"),
    ("PUT", "blocklist"): Route(blocks.put_block_list, "cw"),
    ("GET", "blocklist"): Route(blocks.get_block_list, "r"),
    ("PUT", "appendblock"): Route(blocks.append_block, "aw"),
    ("GET", "properties"): Route(containers.account_information, "rl"),
    ("HEAD", "properties"): Route(containers.account_information, "rl"),
}
_FROM_URL = {
    "": Route(copies.copy_blob, "cw"),
    "block": Route(copies.put_block, "cw"),
    "appendblock": Route(copies.append_block, "aw"),
    "copy": Route(copies.abort, "w"),
}
_FILE_SYSTEM = {
    "PUT": Route(containers.create_container, "cw"),
    "HEAD": Route(containers.get_container, "rl"),
    "DELETE": Route(containers.delete_container, "d"),
    "PATCH": Route(containers.set_container_metadata, "w"),
    "GET": Route(dfs.list_paths, "l"),
}
_ACTIONS = {
    ("PATCH", "append"): Route(dfs.append, "aw"),
    ("PATCH", "flush"): Route(dfs.flush, "w"),
    ("HEAD", "getStatus"): Route(blob.get_properties, "r"),
}
_CREATE = Route(dfs.create, "cw")
_RENAME = Route(dfs.rename, "mw")
_DELETE = Route(dfs.delete, "d")
_LEFT_OUT = {
    "setAccessControl": "access control lists",
    "setAccessControlRecursive": "access control lists",
    "getAccessControl": "access control lists",
    "blobs": "finding blobs by tags",
    "incrementalcopy": "page blobs",
    "page": "page blobs",
    "pagelist": "page blobs",
    "query": "blob queries",
    "rename": "renaming containers",
    "snapshot": "snapshots",
    "stats": "service statistics",
    "tags": "blob tags",
    "undelete": "soft delete",
    "userdelegationkey": "user delegation keys",
}


def is_dfs(request: Request) -> bool:
    """Both services answer at one address: dfs requests show by a parameter or header of their own."""
    query = request.query
    return (
        "action" in query
        or "resource" in query
        or "x-ms-rename-source" in request.headers
        or (request.method == "DELETE" and ("recursive" in query or "paginated" in query))
    )


def find(request: Request) -> Route:
    """The operation asked for; raises 501 for those left out and 405 for what no service has."""
    route = _dfs(request) if request.is_dfs else _blob(request)
    if route is None:
        for name in ("action", "comp"):
            asked = request.query.get(name, "")
            if asked in _LEFT_OUT:
                raise not_implemented(_LEFT_OUT[asked])
        raise StorageError("UnsupportedHttpVerb")
    return route


def _dfs(request: Request) -> Route | None:
    resource, action = request.query.get("resource"), request.query.get("action")
    if resource == "filesystem":
        return _FILE_SYSTEM.get(request.method)
    if resource == "account" and request.method == "GET" and not request.place.container:
        return Route(containers.list_file_systems, "l")
    if not request.place.path:
        # The root directory is there and has the container's properties; nothing else applies to it.
        return _FILE_SYSTEM["HEAD"] if request.method == "HEAD" and action == "getStatus" else None
    if action is not None:
        return _ACTIONS.get((request.method, action))
    if request.method == "PUT":
        return _RENAME if "x-ms-rename-source" in request.headers else _CREATE
    return _DELETE if request.method == "DELETE" else None


def _blob(request: Request) -> Route | None:
    comp, restype = request.query.get("comp", ""), request.query.get("restype")
    if not request.place.container:
        return (_SERVICE if restype == "service" else _ACCOUNT).get((request.method, comp))
    if not request.place.path:
        if comp == "properties" and restype != "account":
            return None
        return (
            _CONTAINER.get((request.method, comp))
            if restype in ("container", "account") or not comp
            else None
        )
    if comp == "properties" and request.method != "PUT" and restype != "account":
        return None
    if request.method == "PUT" and (comp == "copy" or "x-ms-copy-source" in request.headers):
        return _FROM_URL.get(comp)
    return _BLOB.get((request.method, comp))
