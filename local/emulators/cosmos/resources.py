"""Databases, containers and partition key ranges.

https://learn.microsoft.com/rest/api/cosmos-db/collections
"""

from __future__ import annotations

import base64
import struct
from typing import Any

from local.emulators import clock

from .documents import check_id
from .errors import CosmosError, bad_request, not_found, owner_not_found, precondition_failed
from .model import Container
from .sql.compile import ITEM_SLOT, PARAMETERS_SLOT
from .sql.evaluators import Frame
from .sql.parser import parse_query
from .sql.queries import compile_text
from .sql.values import UNDEFINED
from .store import Store

_DEFAULT_INDEXING: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}
_KEY_PATHS_MAX = 3
_TTL_MAX = 2**31 - 1
_COMPUTED_MAX = 20
_NOT_COMPUTED = frozenset({"id", "_rid", "_ts", "_etag", "_self", "_attachments"})


def account(host: str) -> dict[str, Any]:
    """Returns the account's properties; the endpoint is the one the client used."""
    location = {"name": "Local", "databaseAccountEndpoint": f"http://{host}/"}
    policy = {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 4}
    return {
        "id": "localhost", "_self": "", "_rid": "localhost", "_dbs": "//dbs/", "media": "//media/",
        "addresses": "//addresses/", "writableLocations": [location], "readableLocations": [location],
        "enableMultipleWriteLocations": False, "continuousBackupEnabled": False,
        "enableNRegionSynchronousCommit": False, "enablePerPartitionFailoverBehavior": False,
        "userReplicationPolicy": policy, "systemReplicationPolicy": policy,
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
        "queryEngineConfiguration": "{}",
    }  # fmt: skip


class Resources:
    """What is addressed above the items."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def database(self, name: str) -> dict[str, Any]:
        """Returns a database's properties."""
        found = self._store.databases.get(name)
        if found is None:
            raise not_found()
        return found

    def container(self, database: str, name: str) -> Container:
        """Returns a container."""
        found = self._store.containers.get((database, name))
        if found is None:
            raise not_found()
        return found

    def owner(self, database: str, name: str) -> Container:
        """Returns the container something is addressed in."""
        found = self._store.containers.get((database, name))
        if found is None:
            raise owner_not_found()
        return found

    def create_database(self, body: Any) -> dict[str, Any]:
        """Creates a database."""
        name = check_id(body.get("id") if isinstance(body, dict) else None)
        if name in self._store.databases:
            raise _taken()
        rid = base64.b64encode(struct.pack("<I", self._store.new_key("database")), b"+-").decode()
        properties = {
            "id": name,
            "_colls": "colls/",
            "_users": "users/",
            **system_properties(rid, f"dbs/{rid}/"),
        }
        self._store.put_database(name, properties)
        return properties

    def delete_database(self, name: str) -> None:
        """Deletes a database with all that is in it."""
        self.database(name)
        self._store.drop_database(name)

    def containers(self, database: str) -> list[dict[str, Any]]:
        """Returns the properties of a database's containers."""
        return [found.properties for (owner, _), found in self._store.containers.items() if owner == database]

    def create_container(self, database: str, body: Any) -> dict[str, Any]:
        """Creates a container."""
        if database not in self._store.databases:
            raise owner_not_found()
        name = check_id(body.get("id") if isinstance(body, dict) else None)
        properties = _checked(body)
        if (database, name) in self._store.containers:
            raise _taken()
        key = self._store.new_key("container")
        rid = base64.b64encode(struct.pack("<II", 1, key), b"+-").decode()
        owner = self._store.databases[database]["_self"]
        properties.update(system_properties(rid, f"{owner}colls/{rid}/"))
        properties.update(
            {"_docs": "docs/", "_sprocs": "sprocs/", "_triggers": "triggers/", "_udfs": "udfs/",
             "_conflicts": "conflicts/"}
        )  # fmt: skip
        self._store.put_container(Container(key, database, properties))
        return properties

    def replace_container(self, container: Container, body: Any, if_match: str | None) -> dict[str, Any]:
        """Changes a container's indexing policy or times to live; its key definition never changes."""
        old = container.properties
        if if_match and if_match not in ("*", old["_etag"]):
            raise precondition_failed()
        if not isinstance(body, dict) or body.get("id") != old["id"]:
            raise bad_request("The id of a container cannot be changed.")
        properties = _checked(body)
        for fixed in ("partitionKey", "uniqueKeyPolicy"):
            given = properties.get(fixed) or {}
            kept = old.get(fixed) or {}
            if given.get("paths") != kept.get("paths") or given.get("uniqueKeys") != kept.get("uniqueKeys"):
                raise bad_request(f"The {fixed} of a container cannot be changed.")
            properties[fixed] = old.get(fixed)
        if properties["uniqueKeyPolicy"] is None:
            del properties["uniqueKeyPolicy"]
        properties.update(system_properties(old["_rid"], old["_self"]))
        self._store.reconfigure(container, properties)
        return properties

    def query(self, body: Any, rows: list[dict[str, Any]]) -> list[Any]:
        """Returns what a query selects from a list of databases or containers."""
        query = compile_text(str(body.get("query")))
        frame: Frame = [UNDEFINED] * query.slots
        frame[PARAMETERS_SLOT] = {given["name"]: given["value"] for given in body.get("parameters") or ()}
        found: list[Any] = []
        for row in rows:
            frame[ITEM_SLOT] = row
            found.extend(query.values(frame))
        return found

    def ranges(self, container: Container) -> list[dict[str, Any]]:
        """Returns the partition key ranges, which together are all keys."""
        link, ts = f"{container.properties['_self']}pkranges/", container.properties["_ts"]
        return [
            {"id": each.id, "minInclusive": each.low, "maxExclusive": each.high, "ridPrefix": int(each.id),
             "throughputFraction": 1 / len(container.ranges), "status": "online", "parents": list(each.parents),
             "ownedArchivalPKRangeIds": [],
             **system_properties(container.rid + each.id, f"{link}{each.id}/", ts)}
            for each in container.ranges
        ]  # fmt: skip


def system_properties(rid: str, link: str, ts: int | None = None) -> dict[str, Any]:
    """Returns the properties that the service adds to whatever it keeps."""
    now = clock.now()
    stamp = int(now) if ts is None else ts
    fine = int(now * 1e6) & 0xFFFFFFFF if ts is None else 0
    return {"_rid": rid, "_self": link, "_etag": f'"{fine:08x}-0000-0100-0000-{stamp:08x}0000"', "_ts": stamp}


def _taken() -> CosmosError:
    return CosmosError(409, "Conflict", "Resource with specified id, name, or unique index already exists.")


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    properties = dict(body)
    definition = properties.get("partitionKey")
    if (
        not isinstance(definition, dict)
        or not isinstance(definition.get("paths"), list)
        or not definition["paths"]
    ):
        raise bad_request("The partitionKey of a container is required and has at least one path.")
    paths, kind = definition["paths"], definition.get("kind", "Hash")
    if kind not in ("Hash", "MultiHash"):
        raise bad_request("The kind of a partition key is Hash or MultiHash.")
    if len(paths) > (_KEY_PATHS_MAX if kind == "MultiHash" else 1):
        raise bad_request(
            f"Too many partition key paths (max {_KEY_PATHS_MAX} for MultiHash, 1 for Hash) were defined: {len(paths)}."
        )
    if not all(isinstance(path, str) and path.startswith("/") and len(path) > 1 for path in paths):
        raise bad_request(
            "The partition key component definition path could not be accepted: it begins with '/'."
        )
    if kind == "MultiHash" and definition.get("version", 2) != 2:
        raise bad_request("A partition key of kind MultiHash has version 2.")
    ttl = properties.get("defaultTtl")
    if ttl is not None and (
        isinstance(ttl, bool) or not isinstance(ttl, int) or not (ttl == -1 or 0 < ttl <= _TTL_MAX)
    ):
        raise bad_request("The defaultTtl of a container is a positive number of seconds, or -1.")
    _check_computed(properties.get("computedProperties"))
    properties["partitionKey"] = {"kind": kind, "version": definition.get("version", 2), "paths": paths}
    properties["indexingPolicy"] = _indexing(properties.get("indexingPolicy") or {})
    properties.setdefault(
        "conflictResolutionPolicy", {"mode": "LastWriterWins", "conflictResolutionPath": "/_ts"}
    )
    properties.setdefault("geospatialConfig", {"type": "Geography"})
    return properties


def _check_computed(definitions: Any) -> None:
    if definitions is None:
        return
    if not isinstance(definitions, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("query"), str)
        for one in definitions
    ):
        raise bad_request(
            "One of the specified inputs is invalid: computedProperties is a list of names and queries."
        )
    if len(definitions) > _COMPUTED_MAX:
        raise bad_request(
            f"One of the specified inputs is invalid: at most {_COMPUTED_MAX} computed properties."
        )
    for one in definitions:
        if one["name"] in _NOT_COMPUTED:
            raise bad_request(f"One of the specified inputs is invalid: {one['name']} cannot be computed.")
        query = parse_query(one["query"])
        plain = not (query.order or query.group or query.distinct or query.top or query.offset or query.limit)
        if query.value is None or query.where is not None or not plain:
            raise bad_request(
                "One of the specified inputs is invalid: a computed property is SELECT VALUE … FROM."
            )


def _indexing(given: dict[str, Any]) -> dict[str, Any]:
    """Returns a policy as the service keeps it: complete, without index kinds of old, tags never indexed."""
    policy = {**_DEFAULT_INDEXING, **given}
    if str(policy["indexingMode"]).lower() == "none":
        return {**policy, "indexingMode": "none", "includedPaths": [], "excludedPaths": []}
    policy["indexingMode"] = "consistent"
    included = [_without_kinds(entry) for entry in policy["includedPaths"]]
    excluded = list(policy["excludedPaths"])
    if not included and not excluded:
        included = list(_DEFAULT_INDEXING["includedPaths"])
    for tag in _DEFAULT_INDEXING["excludedPaths"]:
        if tag not in excluded:
            excluded.append(tag)
    return {**policy, "includedPaths": included, "excludedPaths": excluded}


def _without_kinds(entry: dict[str, Any]) -> dict[str, Any]:
    spatial = [index for index in entry.get("indexes") or () if index.get("kind") == "Spatial"]
    rest = {name: value for name, value in entry.items() if name != "indexes"}
    return {**rest, "indexes": spatial} if spatial else rest
