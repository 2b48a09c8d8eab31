"""The Cosmos DB trigger: reads the change feed of each feed range this host holds a lease for.

Behaviour of azure-webjobs-sdk-extensions `CosmosDBTriggerListener` and the change feed processor: at least once, latest
version only, `maxItemsPerInvocation` a call, `feedPollDelay` between empty reads only; after an unhandled exception it
goes on with the next batch unless a retry policy holds it; a stopping host does not move the continuation.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import orjson

from local.host.cosmos_leases import CosmosLeases, Lease
from local.host.cosmos_probe import FeedPage, FeedProbe
from local.host.engine import Datum, FunctionDefinition
from local.host.invoker import Invoker
from local.host.leased_trigger import LeasedTrigger, Pump, kind
from local.host.settings import connection, resolve

log = logging.getLogger("host")

REASON = "New changes on container"
_DEFAULT_POLL_MS = 5000
_CHECKPOINT_SPACING_S = 1.0


def cosmos_client(connection_string: str) -> Any:
    """A client for a connection string; plain http endpoints (emulators) need no certificate."""
    from azure.cosmos import CosmosClient

    parts = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
    return CosmosClient(
        parts["AccountEndpoint"],
        parts["AccountKey"],
        retry_total=2,
        connection_timeout=5,
        consistency_level=None,
    )


class FeedPump(Pump):
    """Reads one lease's feed range."""

    def __init__(
        self,
        function: FunctionDefinition,
        container: Any,
        leases: CosmosLeases,
        lease: Lease,
        invoker: Invoker,
    ) -> None:
        super().__init__(function, invoker, "feed")
        trigger = function.trigger
        self._container = container
        self._leases = leases
        self._lease = lease
        self._poll_s = float(trigger.get("feedPollDelay") or _DEFAULT_POLL_MS) / 1000
        self._most = int(trigger.get("maxItemsPerInvocation") or 0) or 100
        self._from_start = bool(trigger.get("startFromBeginning", False))
        self._continuation = lease.continuation
        self._stored = lease.continuation
        self._stored_at = 0.0
        self._probe = FeedProbe()

    def _end(self) -> None:
        self._probe.close()
        self._store_continuation()

    def _work(self) -> None:
        """One read: invoke for what there is, or wait `feedPollDelay`."""
        page = (self._probe.page(self._continuation) if self._continuation else None) or self._read()
        if page.text and not self._invoke(page.text):
            return
        self._continuation = page.continuation
        if not page.text:
            self._store_continuation()
            self._stopping.wait(self._poll_s)
        elif time.monotonic() - self._stored_at > _CHECKPOINT_SPACING_S:
            self._store_continuation()

    def _read(self) -> FeedPage:
        """One page after the continuation, by the SDK."""
        if self._continuation:
            feed = self._container.query_items_change_feed(
                continuation=self._continuation,
                max_item_count=self._most,
                raw_request_hook=self._probe.capture,
            )
        else:
            start = "Beginning" if self._from_start else "Now"
            feed = self._container.query_items_change_feed(
                feed_range=self._lease.feed_range, start_time=start, max_item_count=self._most
            )
        pages = feed.by_page()
        try:
            documents = list(next(pages))
        except StopIteration:
            documents = []
        behind = self._container.client_connection.last_response_headers.get("etag")
        return FeedPage(_text(documents) if documents else "", behind)

    def _store_continuation(self) -> None:
        if self._lost.is_set() or self._continuation == self._stored or self._continuation is None:
            return
        self._stored_at = time.monotonic()
        try:
            kept = self._leases.checkpoint(self._lease.part, self._continuation)
        except Exception as error:  # noqa: BLE001 - the next one is newer
            log.warning("%s: a lease was not written (%s)", self._function.name, kind(error))
            return
        if kept:
            self._stored = self._continuation
        else:
            self._lost.set()
            self._stopping.set()

    def _invoke(self, text: str) -> bool:
        return self._invoked(Datum(text, "json"), {}, REASON, lambda: None)


def _text(documents: list[dict[str, Any]]) -> str:
    """The page as JSON. A seventh of the time goes where orjson can write it: integers of 64 bits, whole characters."""
    try:
        return orjson.dumps(documents).decode()
    except TypeError:
        return json.dumps(documents)


class CosmosTrigger(LeasedTrigger):
    """Leases in the lease container, a pump for each one owned."""

    def __init__(self, function: FunctionDefinition, invoker: Invoker, me: str) -> None:
        super().__init__(function, invoker, me)
        trigger = function.trigger
        name = str(trigger["connection"])
        self._connection_string = connection(name)
        self._lease_connection = connection(str(trigger.get("leaseConnection") or name))
        self._database = resolve(str(trigger["databaseName"]))
        self._container = resolve(str(trigger["containerName"]))
        self._lease_database = resolve(str(trigger.get("leaseDatabaseName") or self._database))
        self._lease_container = resolve(str(trigger.get("leaseContainerName") or "leases"))

    def _connect(self) -> tuple[CosmosLeases, Callable[[str], FeedPump]]:
        client = cosmos_client(self._connection_string)
        lease_client = (
            client
            if self._lease_connection == self._connection_string
            else cosmos_client(self._lease_connection)
        )
        leases = CosmosLeases(
            self._feed_container(client),
            lease_client.get_database_client(self._lease_database),
            self._lease_container,
            create=bool(self._function.trigger.get("createLeaseContainerIfNotExists", False)),
            prefix=f"{self._function.trigger.get('leaseContainerPrefix') or ''}{self._function.name}",
            me=self._me,
        )

        def pump_of(part: str) -> FeedPump:
            # A client of its own: the SDK tells the continuation only as the last response of the client, which another
            # thread's answer, such as a renewed lease's, would take the place of.
            container = self._feed_container(cosmos_client(self._connection_string))
            return FeedPump(self._function, container, leases, leases.lease(part), self._invoker)

        return leases, pump_of

    def _feed_container(self, client: Any) -> Any:
        return client.get_database_client(self._database).get_container_client(self._container)
