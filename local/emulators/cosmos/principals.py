"""Users and permissions, and the resource tokens that permissions give.

https://learn.microsoft.com/rest/api/cosmos-db/permissions
https://learn.microsoft.com/azure/cosmos-db/secure-access-to-data#resource-tokens
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from local.emulators import clock

from . import json_text
from .addressing import address_of
from .documents import check_id
from .errors import (
    CosmosError,
    bad_request,
    conflict,
    not_found,
    owner_not_found,
    precondition_failed,
    unauthorized,
)
from .items import Answer, is_query
from .resources import Resources, system_properties
from .store import Store

_VALID_S_DEFAULT, _VALID_S_MIN, _VALID_S_MAX = 3600, 600, 86_400
_READS = frozenset({"GET", "HEAD"})
_KINDS = {"users": "Users", "permissions": "Permissions"}


class Principals:
    """The users of databases and what they are permitted."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = base64.b64decode(key)

    def on_request(
        self, method: str, segments: list[str], headers: Mapping[str, str], body: bytes, resources: Resources
    ) -> Answer:
        """Answers a request below `users`; `segments` begin with the database."""
        if segments[1] not in self._store.databases:
            raise owner_not_found()
        is_list = len(segments) % 2 == 1
        owner, kind = (segments[:-1], segments[-1]) if is_list else (segments[:-2], segments[-2])
        if len(owner) > 2 and "/".join(owner) not in self._store.principals:
            raise owner_not_found()
        if is_list:
            return self._on_list(method, owner, kind, headers, body, resources)
        return self._on_one(method, "/".join(segments), headers, body)

    def _on_list(
        self,
        method: str,
        owner: list[str],
        kind: str,
        headers: Mapping[str, str],
        body: bytes,
        resources: Resources,
    ) -> Answer:
        start = "/".join([*owner, kind, ""])
        rows: list[Any] = [
            self._told(found, headers)
            for path, found in self._store.principals.items()
            if path.startswith(start) and "/" not in path[len(start) :]
        ]
        if method == "POST":
            given = json_text.parse(body)
            if not is_query(headers):
                upsert = headers.get("x-ms-documentdb-is-upsert", "").lower() == "true"
                return self._write(owner, kind, given, headers, upsert=upsert)
            rows = resources.query(given, rows)
        elif method != "GET":
            raise CosmosError(405, "MethodNotAllowed", "The requested verb is not supported.")
        return Answer(200, json_text.dump({"_rid": "", _KINDS[kind]: rows, "_count": len(rows)}), {})

    def _write(
        self, owner: list[str], kind: str, given: Any, headers: Mapping[str, str], *, upsert: bool
    ) -> Answer:
        name = check_id(given.get("id") if isinstance(given, dict) else None)
        path = "/".join([*owner, kind, name])
        old = self._store.principals.get(path)
        if old is not None and not upsert:
            raise conflict()
        made = self._made(given, kind, owner, old)
        self._store.put_principal(path, made)
        told = self._told(made, headers)
        return Answer(200 if old else 201, json_text.dump(told), {"etag": made["_etag"]})

    def _on_one(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        old = self._store.principals.get(path)
        if old is None:
            raise not_found()
        if method == "GET":
            return Answer(200, json_text.dump(self._told(old, headers)), {"etag": old["_etag"]})
        if headers.get("if-match", "*") not in ("*", old["_etag"]):
            raise precondition_failed()
        if method == "DELETE":
            self._store.drop_principals(path)
            return Answer(204, b"", {})
        if method != "PUT":
            raise CosmosError(405, "MethodNotAllowed", "The requested verb is not supported.")
        given = json_text.parse(body)
        name = check_id(given.get("id") if isinstance(given, dict) else None)
        *owner, kind, _ = path.split("/")
        made = self._made(given, kind, owner, old)
        new = "/".join([*owner, kind, name])
        if new != path and new in self._store.principals:
            raise conflict()
        self._store.put_principal(new, made)
        if new != path:
            self._store.rename_principals(path, new)
        return Answer(200, json_text.dump(self._told(made, headers)), {"etag": made["_etag"]})

    def _made(
        self, given: dict[str, Any], kind: str, owner: list[str], old: dict[str, Any] | None
    ) -> dict[str, Any]:
        rid = (
            old["_rid"]
            if old
            else base64.b64encode(struct.pack("<Q", self._store.new_key(kind)), b"+-").decode()
        )
        about = {name: value for name, value in given.items() if not name.startswith("_")}
        if kind == "permissions":
            if str(about.get("permissionMode")).lower() not in ("read", "all") or not isinstance(
                about.get("resource"), str
            ):
                raise bad_request("A permission has a permissionMode, Read or All, and a resource.")
        else:
            about["_permissions"] = "permissions/"
        return {**about, **system_properties(rid, f"{'/'.join(owner)}/{kind}/{rid}/")}

    def _told(self, kept: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        """What is told of a user or permission: of the latter a token that is valid from now on."""
        if "permissionMode" not in kept:
            return kept
        text = headers.get("x-ms-documentdb-expiry-seconds", str(_VALID_S_DEFAULT))
        if not text.isdecimal() or not _VALID_S_MIN <= int(text) <= _VALID_S_MAX:
            raise bad_request(f"A token is valid for {_VALID_S_MIN} to {_VALID_S_MAX} seconds.")
        said = {
            "mode": kept["permissionMode"].lower(), "resource": kept["resource"].strip("/"),
            "key": kept.get("resourcePartitionKey"), "until": int(clock.now()) + int(text),
        }  # fmt: skip
        payload = base64.b64encode(json.dumps(said).encode()).decode()
        return {**kept, "_token": f"type=resource&ver=1.0&sig={self._signed(payload)};{payload};"}

    def _signed(self, payload: str) -> str:
        return base64.b64encode(hmac.digest(self._key, payload.encode(), hashlib.sha256)).decode()

    def check_token(
        self, method: str, segments: list[str], headers: Mapping[str, str], authorization: str
    ) -> None:
        """Raises 401 where the token is not ours or over, 403 where it does not permit the request."""
        signature, _, payload = unquote(authorization).rpartition("sig=")[2].strip(";").partition(";")
        if not hmac.compare_digest(signature.encode(), self._signed(payload).encode()):
            raise unauthorized()
        said = json.loads(base64.b64decode(payload))
        if said["until"] <= clock.now():
            raise unauthorized()
        reads = method in _READS or (method == "POST" and _asks(headers))
        if not segments and reads:
            return
        resource = address_of(self._store, said["resource"].split("/")).segments
        within = segments[: len(resource)] == resource
        # Who may reach an item has to find the partition key ranges of its container, and the container's key.
        on_the_way = resource[: len(segments)] == segments or (
            segments[4:] == ["pkranges"] and segments[:4] == resource[:4]
        )
        if not within and not (on_the_way and reads and len(segments) >= 4):
            raise _forbidden()
        if said["mode"] != "all" and not reads:
            raise _forbidden()
        key = headers.get("x-ms-documentdb-partitionkey")
        if said["key"] is not None and key is not None and json.loads(key)[: len(said["key"])] != said["key"]:
            raise _forbidden()


def _asks(headers: Mapping[str, str]) -> bool:
    return is_query(headers) or headers.get("x-ms-cosmos-is-query-plan-request", "").lower() == "true"


def _forbidden() -> CosmosError:
    return CosmosError(
        403,
        "Forbidden",
        "Insufficient permissions provided in the authorization header for the corresponding request.",
    )
