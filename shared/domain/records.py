"""The items of the records container: what each kind holds, and how a resource becomes one.

Kinds: `current` (a resource as it is now, or its tombstone), `history` (a superseded version), `pointer` (an id whose
resource lives at another home), `moved` (what a moved resource left behind), `guard` (a reserved conditional create),
`intent` (a transaction being applied), `state` (the newest readings a patient's scores are folded from), `readings` (a
segment of the older ones), `stay` (what a model knows of a stay in intensive care), `alert`, `told` (an alert's place in
the order of changes), `ledger` (progress of a dropped file), `metrics` (counters of one process), `assertion` (a client
assertion that was used), `pulse` (a sign of life), `place` (how far a sweep has come).
"""

from __future__ import annotations

import base64
import hashlib
import json as escaped_json
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import error
from shared.domain.fhir.search_index import search_index
from shared.errors import TooLarge
from shared.names import TOLD

Item = dict[str, Any]
"""One item: `id`, `tenant`, `home`, `kind` and what its kind adds. Plain JSON values without decimals."""

COMPRESS_ABOVE: Final = 4_000
OFFLOAD_ABOVE: Final = 750_000
"""Bytes of stored body above which it goes to the lake: a version and the one it replaces must fit one batch."""
MAX_INDEX_BYTES: Final = 250_000
"""Of what of a resource can be searched, by `weight_of`: it stays in the item, whatever the store."""


_OF_THE_PRESENT: Final = frozenset({"ix", "claim", "epoch", "supersedes"})
"""What a version loses as it enters history."""


class Kind(StrEnum):
    """What an item is."""

    CURRENT = "current"
    HISTORY = "history"
    POINTER = "pointer"
    MOVED = "moved"
    GUARD = "guard"
    INTENT = "intent"
    STATE = "state"
    READINGS = "readings"
    ALERT = "alert"
    TOLD = TOLD
    LEDGER = "ledger"
    METRICS = "metrics"
    ASSERTION = "assertion"
    PULSE = "pulse"
    PLACE = "place"
    STAY = "stay"


class Door(StrEnum):
    """How a version came in."""

    HTTP = "http"
    STREAM = "stream"
    FILE = "file"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version comes from: the door, who sent it, and the source version that fences it.

    `source_version` sorts as text: UTC instant, source, sequence. `recorded_at` is the instant shown as
    `meta.lastUpdated`: landed-at for replicas, commit time for HTTP.
    """

    door: Door
    source_version: str
    recorded_at: str
    client: str = ""
    trace: str = ""
    request_sha256: str = ""


@dataclass(frozen=True, slots=True)
class StoredResource:
    """One version of a resource as it is kept. `body` is its canonical JSON text, empty for a tombstone."""

    tenant: str
    key: ResourceKey
    version: str
    last_updated: str
    deleted: bool
    body: str
    content_hash: str
    source_version: str
    etag: str = ""

    @property
    def resource(self) -> dict[str, Any]:
        """The decoded body."""
        return json.decode_object(self.body)


def current_id(key: ResourceKey) -> str:
    """The id of the item at a key's address, and of the current version at its home."""
    return f"{key.type}.{key.id}"


def history_id(key: ResourceKey, version: str) -> str:
    """The id of the item that keeps a superseded version."""
    return f"{key.type}.{key.id}~{version}"


def source_version(instant: str, source: str, sequence: int, entry: int = 0, delivery: str = "") -> str:
    """What fences a replica: compared as text, the newest wins. `instant` is sortable UTC text.

    `delivery` names the partition or file that `sequence` counts in: without it two files dropped within one second
    would have equal versions at equal lines.
    """
    version = f"{instant}|{source}|{sequence:020d}.{entry:05d}"
    return f"{version}|{delivery}" if delivery else version


def version_id(source_version_: str, content_hash: str) -> str:
    """The FHIR versionId: a function of source version and content, the same at every replay."""
    return hashlib.sha256(f"{source_version_}|{content_hash}".encode()).hexdigest()[:16]


def stored_body(text: str) -> dict[str, str]:
    """`body` as text, or `z` as base64 of zlib above `COMPRESS_ABOVE` bytes. Outside the indexing policy."""
    raw = text.encode()
    if len(raw) <= COMPRESS_ABOVE:
        return {"body": text}
    return {"z": base64.b64encode(zlib.compress(raw, 1)).decode()}


def body_of(item: Item) -> str:
    """The body text of an item that holds one itself."""
    if "z" in item:
        return zlib.decompress(base64.b64decode(item["z"])).decode()
    return str(item.get("body", ""))


def canonical_resource(
    resource: dict[str, Any], key: ResourceKey, version: str, last_updated: str
) -> dict[str, Any]:
    """The resource as stored and shown: type, id and the server's meta first, the rest as sent."""
    meta = resource.get("meta")
    kept = (
        {k: v for k, v in meta.items() if k not in ("versionId", "lastUpdated")}
        if isinstance(meta, dict)
        else {}
    )
    head = {
        "resourceType": key.type,
        "id": key.id,
        "meta": {"versionId": version, "lastUpdated": last_updated, **kept},
    }
    return {**head, **{k: v for k, v in resource.items() if k not in head}}


def resource_item(
    tenant: str, home: str, resource: dict[str, Any], key: ResourceKey, origin: Provenance
) -> Item:
    """The current item of a resource whose id and references are final. Raises TooLarge."""
    digest = json.content_hash({**resource, "id": key.id})
    version = version_id(origin.source_version, digest)
    text = json.encode(canonical_resource(resource, key, version, origin.recorded_at))
    return {
        **_head(tenant, home, key, version, digest, origin),
        "deleted": False,
        "ix": _bounded_index(resource),
        **stored_body(text),
    }


def _bounded_index(resource: dict[str, Any]) -> dict[str, Any]:
    index = search_index(resource)
    if weight_of(index) > MAX_INDEX_BYTES:
        text = (
            f"What can be searched of this resource (identifiers, codes, references) exceeds {MAX_INDEX_BYTES:,} "
            "bytes: split it."
        )
        raise TooLarge(text, issues=[error("too-costly", text, resource["resourceType"])])
    return index


def weight_of(item: Item) -> int:
    """Bytes of an item as JSON in ASCII, the form in which it is sent; no store counts more."""
    encoded = msgspec.json.encode(item)
    return len(encoded) if encoded.isascii() else len(escaped_json.dumps(item, separators=(",", ":")))


def tombstone_item(tenant: str, home: str, key: ResourceKey, origin: Provenance) -> Item:
    """The current item of a deleted resource: a version like any other, without a body."""
    version = version_id(origin.source_version, "deleted")
    return {**_head(tenant, home, key, version, "deleted", origin), "deleted": True}


def _head(tenant: str, home: str, key: ResourceKey, version: str, digest: str, origin: Provenance) -> Item:
    head: Item = {
        "id": current_id(key),
        "tenant": tenant,
        "home": home,
        "kind": Kind.CURRENT.value,
        "type": key.type,
        "rid": key.id,
        "version": version,
        "lastUpdated": origin.recorded_at,
        "sv": origin.source_version,
        "hash": digest,
        "door": origin.door.value,
    }
    extra = {"client": origin.client, "trace": origin.trace, "request": origin.request_sha256}
    return {**head, **{name: value for name, value in extra.items() if value}}


def as_history(item: Item) -> Item:
    """The same version as a history item: no search index, named by its version."""
    kept = {k: v for k, v in item.items() if not k.startswith("_") and k not in _OF_THE_PRESENT}
    return {**kept, "id": f"{current_id(key_of(item))}~{item['version']}", "kind": Kind.HISTORY.value}


def succeeding(current: Item, incoming: Item) -> Item:
    """The item that replaces `current` at its home: what counts the moves of the id goes on.

    `supersedes` tells whoever reads the change feed, which shows the latest version only, that there was another.
    """
    kept = {"epoch": current["epoch"]} if "epoch" in current else {}
    return {**incoming, **kept, "supersedes": current["version"]}


def key_of(item: Item) -> ResourceKey:
    """Type and logical id of a current or history item."""
    return ResourceKey(item["type"], item["rid"])


def stored_resource(item: Item, body: str | None = None) -> StoredResource:
    """The version an item keeps; `body` where the text was fetched from the lake."""
    return StoredResource(
        tenant=item["tenant"],
        key=key_of(item),
        version=item["version"],
        last_updated=item["lastUpdated"],
        deleted=item["deleted"],
        body=body_of(item) if body is None else body,
        content_hash=item["hash"],
        source_version=item["sv"],
        etag=item.get("_etag", ""),
    )
