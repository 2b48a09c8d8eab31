"""The Cosmos DB trigger: reads the change feed of each feed range this host holds a lease for.

Behaviour of azure-webjobs-sdk-extensions `CosmosDBTriggerListener` and the change feed processor: at least once, latest
version only, `maxItemsPerInvocation` a call, `feedPollDelay` between empty reads only; after an unhandled exception it
goes on with the next batch unless a retry policy holds it; a stopping host does not move the continuation.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from local.host.cosmos_leases import CosmosLeases, Lease
from local.host.cosmos_probe import FeedProbe
from local.host.engine import Datum, FunctionDefinition
from local.host.invoker import Invoker, Stopping
from local.host.leases import Balancer
from local.host.settings import connection, resolve

log = logging.getLogger("host")

REASON = "New changes on container"
_DEFAULT_POLL_MS = 5000
_CHECKPOINT_SPACING_S = 0.2


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


class FeedPump:
    """Reads one lease's feed range and invokes, on a thread of its own."""

    def __init__(
        self,
        function: FunctionDefinition,
        container: Any,
        leases: CosmosLeases,
        lease: Lease,
        invoker: Invoker,
    ) -> None:
        trigger = function.trigger
        self._function = function
        self._container = container
        self._leases = leases
        self._lease = lease
        self._invoker = invoker
        self._poll_s = float(trigger.get("feedPollDelay") or _DEFAULT_POLL_MS) / 1000
        self._most = int(trigger.get("maxItemsPerInvocation") or 0) or 100
        self._from_start = bool(trigger.get("startFromBeginning", False))
        self._continuation = lease.continuation
        self._stored = lease.continuation
        self._stored_at = 0.0
        self._probe = FeedProbe()
        self._was_empty = False
        self._stopping = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{function.name}-feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, lost: bool = False) -> None:
        if lost:
            self._lost.set()
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._step()
                failures = 0
            except Exception as error:  # noqa: BLE001 - an unreachable account must not end the feed
                failures += 1
                if failures in (1, 10) or failures % 100 == 0:
                    log.warning("%s: the change feed is not readable (%s)", self._function.name, _kind(error))
                self._was_empty = False
                self._stopping.wait(min(2.0, 0.1 * 2 ** min(failures, 6)))
        self._probe.close()
        self._store_continuation()

    def _step(self) -> None:
        """One read: invoke for what there is, or wait `feedPollDelay`."""
        if self._was_empty and self._probe.quiet():
            self._stopping.wait(self._poll_s)
            return
        documents, continuation = self._read()
        self._was_empty = not documents
        if documents and not self._invoke(documents):
            return
        self._continuation = continuation
        if not documents:
            self._store_continuation()
            self._stopping.wait(self._poll_s)
        elif time.monotonic() - self._stored_at > _CHECKPOINT_SPACING_S:
            self._store_continuation()

    def _read(self) -> tuple[list[dict[str, Any]], str | None]:
        """One page after the continuation, and the continuation behind it."""
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
        return documents, self._container.client_connection.last_response_headers.get("etag")

    def _store_continuation(self) -> None:
        if self._lost.is_set() or self._continuation == self._stored or self._continuation is None:
            return
        self._stored_at = time.monotonic()
        try:
            kept = self._leases.checkpoint(self._lease.part, self._continuation)
        except Exception as error:  # noqa: BLE001 - the next one is newer
            log.warning("%s: a lease was not written (%s)", self._function.name, _kind(error))
            return
        if kept:
            self._stored = self._continuation
        else:
            self._lost.set()
            self._stopping.set()

    def _invoke(self, documents: list[dict[str, Any]]) -> bool:
        """Whether the continuation may move: after a failure too, but not while the host stops."""
        data = Datum(json.dumps(documents), "json")
        call: Any = self._invoker.invoke_from_thread(self._function, data, {}, REASON)
        while True:
            try:
                call.result(10.0)
            except FutureTimeout:
                continue
            except Stopping:
                self._stopping.set()
                return False
            return not self._stopping.is_set()


class CosmosTrigger:
    """One function's listener: leases in the lease container, a pump for each one owned."""

    def __init__(self, function: FunctionDefinition, invoker: Invoker, me: str) -> None:
        trigger = function.trigger
        self._function = function
        self._invoker = invoker
        self._me = me
        name = str(trigger["connection"])
        self._connection_string = connection(name)
        self._lease_connection = connection(str(trigger.get("leaseConnection") or name))
        self._database = resolve(str(trigger["databaseName"]))
        self._container = resolve(str(trigger["containerName"]))
        self._lease_database = resolve(str(trigger.get("leaseDatabaseName") or self._database))
        self._lease_container = resolve(str(trigger.get("leaseContainerName") or "leases"))
        self._pumps: dict[str, FeedPump] = {}
        self._balancer: Balancer | None = None
        self._stopping = threading.Event()
        self._starter = threading.Thread(target=self._start, name=f"start-{function.name}", daemon=True)

    def start(self) -> None:
        """Returns at once; connecting goes on until the account and the container are there."""
        self._starter.start()

    def _start(self) -> None:
        waited_s, warned = 0.1, False
        while not self._stopping.is_set():
            try:
                self._balancer = self._make_balancer()
            except Exception as error:  # noqa: BLE001 - emulator or container may still be on the way
                if not warned and waited_s > 3:
                    log.warning(
                        "%s: container or leases not reachable yet (%s)", self._function.name, _kind(error)
                    )
                    warned = True
                self._stopping.wait(waited_s)
                waited_s = min(5.0, waited_s * 1.5)
            else:
                if not self._stopping.is_set():
                    self._balancer.start()
                return

    def _feed_container(self) -> Any:
        client = cosmos_client(self._connection_string)
        return client.get_database_client(self._database).get_container_client(self._container)

    def _make_balancer(self) -> Balancer:
        client = cosmos_client(self._connection_string)
        container = client.get_database_client(self._database).get_container_client(self._container)
        lease_client = (
            client
            if self._lease_connection == self._connection_string
            else cosmos_client(self._lease_connection)
        )
        leases = CosmosLeases(
            container,
            lease_client.get_database_client(self._lease_database),
            self._lease_container,
            create=bool(self._function.trigger.get("createLeaseContainerIfNotExists", False)),
            prefix=f"{self._function.trigger.get('leaseContainerPrefix') or ''}{self._function.name}",
            me=self._me,
        )

        def start_pump(part: str) -> None:
            # A client of its own: the SDK tells the continuation only as the last response of the client, which another
            # thread's answer, such as a renewed lease's, would take the place of.
            pump = FeedPump(self._function, self._feed_container(), leases, leases.lease(part), self._invoker)
            self._pumps[part] = pump
            pump.start()

        def stop_pump(part: str) -> None:
            pump = self._pumps.pop(part, None)
            if pump is not None:
                pump.stop(lost=True)

        return Balancer(self._function.name, self._me, leases, start_pump, stop_pump)

    def stop(self, timeout_s: float) -> None:
        """End reading, wait for the batch under way, store continuations, give the leases up."""
        deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._starter.join(timeout_s)
        for pump in list(self._pumps.values()):
            pump.stop()
        if self._balancer is not None and self._balancer.started:
            self._balancer.stop()
        for pump in list(self._pumps.values()):
            pump.stop()
            pump.join(max(0.1, deadline - time.monotonic()))
        if self._balancer is not None:
            self._balancer.release_all()


def _kind(error: BaseException) -> str:
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status}" if status else type(error).__name__
