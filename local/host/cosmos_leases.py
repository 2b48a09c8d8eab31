"""Lease documents of the Cosmos DB trigger: owner, continuation and feed range of one part of a container.

Fields as the change feed processor writes them (azure-cosmos-dotnet-v3 `DocumentServiceLeaseCoreEpk`): `id`,
`LeaseToken`, `FeedRange`, `Owner`, `ContinuationToken`, `timestamp`; every write is conditional on the ETag. The
continuation is the Python SDK's, which the .NET host cannot read: local and cloud host do not share leases.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.host.leases import Ownership


@dataclass(frozen=True, slots=True)
class Lease:
    """What a pump needs of its lease."""

    part: str
    feed_range: dict[str, Any]
    continuation: str | None


class CosmosLeases:
    """An ownership store on lease documents; also keeps the continuations. For several threads."""

    def __init__(
        self, container: Any, lease_database: Any, lease_container: str, *, create: bool, prefix: str, me: str
    ) -> None:
        from azure.cosmos import PartitionKey

        if create:
            self._documents = lease_database.create_container_if_not_exists(
                lease_container, PartitionKey("/id")
            )
        else:
            self._documents = lease_database.get_container_client(lease_container)
            self._documents.read()
        identity = container.read()["_rid"]
        self._prefix = f"{prefix}_{identity}.."
        self._me = me
        self._ranges = {_part_of(found): found for found in container.read_feed_ranges()}
        self._known: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def parts(self) -> Collection[str]:
        return self._ranges

    def lease(self, part: str) -> Lease:
        with self._lock:
            document = self._known[part]
        return Lease(part, self._ranges[part], document.get("ContinuationToken"))

    def list(self) -> Mapping[str, Ownership]:
        """Point reads: a container has few feed ranges, and a read is cheaper than a query."""
        from azure.cosmos.exceptions import CosmosResourceNotFoundError

        records: dict[str, Ownership] = {}
        now = datetime.now(UTC)
        for part in self._ranges:
            with self._lock:
                try:
                    document = self._documents.read_item(self._id(part), self._id(part))
                except CosmosResourceNotFoundError:
                    continue
                self._known[part] = document
            age_s = (now - datetime.fromisoformat(document["timestamp"])).total_seconds()
            records[part] = Ownership(part, document.get("Owner") or "", document["_etag"], age_s)
        return records

    def claim(self, part: str, known: Ownership | None) -> bool:
        if known is None:
            return self._create(part)
        with self._lock:
            # a checkpoint of our own pump may have renewed the document since it was listed
            if self._known[part]["_etag"] != known.version and self._known[part].get("Owner") == self._me:
                return True
            return self._replace(part, {"Owner": self._me})

    def release(self, part: str) -> None:
        with self._lock:
            if self._known.get(part, {}).get("Owner") == self._me:
                self._replace(part, {"Owner": ""})

    def checkpoint(self, part: str, continuation: str) -> bool:
        """Keep the continuation; False if another host owns the lease now."""
        with self._lock:
            if self._known[part].get("Owner") != self._me:
                return False
            return self._replace(part, {"ContinuationToken": continuation})

    def _id(self, part: str) -> str:
        return f"{self._prefix}{part}"

    def _create(self, part: str) -> bool:
        from azure.cosmos.exceptions import CosmosResourceExistsError

        document = {
            "id": self._id(part),
            "LeaseToken": part,
            "FeedRange": self._ranges[part],
            "Owner": self._me,
            "ContinuationToken": None,
            "timestamp": _now(),
            "version": 0,
        }
        with self._lock:
            try:
                self._known[part] = self._documents.create_item(document)
            except CosmosResourceExistsError:
                return False
        return True

    def _replace(self, part: str, changes: Mapping[str, Any]) -> bool:
        from azure.core import MatchConditions
        from azure.cosmos.exceptions import CosmosAccessConditionFailedError, CosmosResourceNotFoundError

        known = self._known[part]
        body = {**known, **changes, "timestamp": _now()}
        try:
            self._known[part] = self._documents.replace_item(
                known["id"], body, etag=known["_etag"], match_condition=MatchConditions.IfNotModified
            )
        except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
            return False
        return True


def _part_of(feed_range: Mapping[str, Any]) -> str:
    """A short stable name for a feed range, whose shape the SDK calls opaque."""
    return hashlib.sha256(json.dumps(feed_range, sort_keys=True).encode()).hexdigest()[:12]


def _now() -> str:
    return datetime.now(UTC).isoformat()
