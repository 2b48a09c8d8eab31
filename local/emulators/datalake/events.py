"""Blob events as Event Grid publishes them: CloudEvents 1.0, sent to webhooks.

Only what comes by this server raises events: a file that appears in the tree by `cp` or Spark raises
none, as one lost on the way to a subscriber would, and it is for a sweeper to find both.

https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from local.emulators.datalake.names import Place
from local.emulators.datalake.request import Request
from local.emulators.datalake.store import Entry
from local.emulators.datalake.webhook import Webhook

_TYPE_PREFIX = "Microsoft.Storage."
_DEFAULT_TYPES = frozenset({"BlobCreated", "BlobDeleted"})


@dataclass(slots=True, frozen=True)
class Subscription:
    """A webhook and which events it wants; an empty set or text lets all through."""

    url: str
    containers: frozenset[str] = frozenset()
    apis: frozenset[str] = frozenset()
    types: frozenset[str] = _DEFAULT_TYPES
    prefix: str = ""
    suffix: str = ""

    def wants(self, kind: str, place: Place, api: str) -> bool:
        return (
            kind in self.types
            and (not self.containers or place.container in self.containers)
            and (not self.apis or api in self.apis)
            and place.path.startswith(self.prefix)
            and place.path.endswith(self.suffix)
        )


def parse_subscription(text: str) -> Subscription:
    """`URL;container=landing;api=PutBlob,FlushWithClose;type=BlobCreated;prefix=a/;suffix=.json`."""
    url, *filters = text.split(";")
    given = dict(part.partition("=")[::2] for part in filters if part)
    unknown = given.keys() - {"container", "api", "type", "prefix", "suffix"}
    if unknown or not url.startswith(("http://", "https://")):
        raise ValueError(f"not a subscription: {text!r} (URL;container=…;api=…;type=…;prefix=…;suffix=…)")
    return Subscription(
        url,
        _words(given.get("container")),
        _words(given.get("api")),
        frozenset(kind.removeprefix(_TYPE_PREFIX) for kind in _words(given.get("type"))) or _DEFAULT_TYPES,
        given.get("prefix", ""),
        given.get("suffix", ""),
    )


class Events:
    """Builds the events of one account and hands each to the subscriptions that want it."""

    def __init__(self, account: str, url: str, subscriptions: list[Subscription]) -> None:
        self._account = account
        self._url = url
        self._webhooks = [(subscription, Webhook(subscription.url)) for subscription in subscriptions]

    def start(self) -> None:
        for _, webhook in self._webhooks:
            webhook.start()

    async def stop(self) -> None:
        for _, webhook in self._webhooks:
            await webhook.stop()

    def created(self, entry: Entry, api: str, request: Request) -> None:
        data = {
            "contentType": entry.attributes.headers.get("Content-Type", "application/octet-stream"),
            "contentLength": entry.size,
            "blobType": entry.attributes.kind,
            "accessTier": "Default",
        }
        if api == "FlushWithClose":
            data["contentOffset"] = 0
        self._publish("BlobCreated", entry, api, request, data)

    def deleted(self, entry: Entry, api: str, request: Request) -> None:
        if entry.is_directory:
            self.directory("DirectoryDeleted", entry, api, request)
            return
        data = {
            "contentType": entry.attributes.headers.get("Content-Type", "application/octet-stream"),
            "blobType": entry.attributes.kind,
        }
        self._publish("BlobDeleted", entry, api, request, data)

    def directory(self, kind: str, entry: Entry, api: str, request: Request) -> None:
        data: dict[str, Any] = (
            {"recursive": str(request.flag("recursive")).lower()} if kind == "DirectoryDeleted" else {}
        )
        self._publish(kind, entry, api, request, data)

    def renamed(self, entry: Entry, source: Place, request: Request) -> None:
        kind, api = (
            ("DirectoryRenamed", "RenameDirectory") if entry.is_directory else ("BlobRenamed", "RenameFile")
        )
        data = {"sourceUrl": self._url_of(source), "destinationUrl": self._url_of(entry.place)}
        self._publish(kind, entry, api, request, data)

    def _publish(self, kind: str, entry: Entry, api: str, request: Request, data: dict[str, Any]) -> None:
        wanted_by = [
            webhook for subscription, webhook in self._webhooks if subscription.wants(kind, entry.place, api)
        ]
        if not wanted_by:
            return
        now = datetime.now(UTC)
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": _source(self._account),
            "type": _TYPE_PREFIX + kind,
            "subject": f"/blobServices/default/containers/{entry.place.container}/blobs/{entry.place.path}",
            "time": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "data": {
                "api": api,
                "clientRequestId": request.header("x-ms-client-request-id") or "",
                "requestId": request.id,
                "eTag": entry.attributes.etag.strip('"'),
                **data,
                "url": self._url_of(entry.place),
                "sequencer": f"{entry.attributes.modified_ns:032X}",
                "storageDiagnostics": {"batchId": str(uuid.uuid4())},
            },
        }
        body = json.dumps(event, ensure_ascii=False).encode("utf-8")
        for webhook in wanted_by:
            webhook.send(body)

    def _url_of(self, place: Place) -> str:
        return f"{self._url}/{place.container}/{quote(place.path)}"


def _source(account: str) -> str:
    subscription = "00000000-0000-0000-0000-000000000000"
    provider = "Microsoft.Storage/storageAccounts"
    return f"/subscriptions/{subscription}/resourceGroups/local/providers/{provider}/{account}"


def _words(text: str | None) -> frozenset[str]:
    return frozenset(filter(None, (text or "").split(",")))
