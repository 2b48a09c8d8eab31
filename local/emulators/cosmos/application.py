"""The ASGI application: signature, routing, answers.

https://learn.microsoft.com/rest/api/cosmos-db/
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from local.callers import Callers
from local.emulators import clock
from local.emulators.faults import PATH as FAULTS_PATH
from local.emulators.faults import Faults, Rule

from . import json_text
from .addressing import Address, address_of
from .auth import Signatures
from .charges import HEADER as CHARGE
from .charges import Budget
from .errors import (
    CosmosError,
    absent,
    bad_request,
    from_a_web_page,
    not_found,
    too_large,
    too_many_requests,
)
from .items import Answer, Items, is_query, require_permission_to_cross
from .model import Container
from .offers import Offers
from .principals import Principals
from .ranges import partitions_for, ranges_of, split_for
from .resources import Resources, account
from .sql.errors import SqlError
from .store import Store
from .throughput import Throughput

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_BODY_BYTES_MAX = 4 << 20
_log = logging.getLogger("galen.cosmos")
_NO_BODY = frozenset({204, 304})
# What is below a container and uses its throughput; its ranges and conflicts do not.
_COSTING = frozenset({"docs", "operations"})
TRANSPORT = "galen.transport"


class Application:
    """Serves a store over HTTP."""

    def __init__(
        self,
        store: Store,
        key: str,
        faults: Faults | None = None,
        local_only: bool = True,
        throughput: Throughput | None = None,
    ) -> None:
        self._store = store
        self._signatures = Signatures(key)
        self._resources = Resources(store)
        self._items = Items(store)
        self._offers = Offers(store)
        self._principals = Principals(store, key)
        self._faults = faults
        self._enforces = throughput is not None
        self._throughput = throughput or Throughput(store, self._offers)
        self._callers = Callers(local_only)
        self._budget: Budget | None = None
        self._activity = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._callers.admit(headers.items()):
            await self._send(send, _refusal(from_a_web_page()))
            return
        body = await _read_body(receive)
        path = scope["raw_path"].decode("ascii").partition("?")[0]
        method = scope["method"]
        if path == FAULTS_PATH and self._faults is not None:
            await self._send(send, Answer(*self._faults.control(method, body or b""), {}))
            return
        rule = self._faults.pick(f"{method} {path}") if self._faults else None
        if rule is not None and rule.latency_ms:
            await asyncio.sleep(rule.latency_ms / 1000)
        if rule is not None and rule.refuses:
            answer = _refusal(_fault(rule))
        else:
            answer = self._within_budget(method, path, headers, body)
        transport = scope["state"][TRANSPORT]
        if rule is not None and (rule.applied or rule.status == 0):
            transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        if rule is not None and rule.cut_after is not None:
            await self._send(send, answer, rule.cut_after)
            transport.abort()
            return
        await self._send(send, answer)

    def _within_budget(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Answers a request as long as the units of this second are not used up, where a test limits them."""
        units_per_s = self._faults.units_per_s if self._faults else None
        if units_per_s is None:
            return self._answer(method, path, headers, body)
        if self._budget is None or self._budget.units_per_s != units_per_s:
            self._budget = Budget(units_per_s)
        wait_ms = self._budget.wait_ms()
        if wait_ms:
            return _refusal(too_many_requests(wait_ms))
        answer = self._answer(method, path, headers, body)
        self._budget.spend(float(answer.headers.get(CHARGE, "1")))
        return answer

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        try:
            if body is None:
                raise too_large()
            segments = [unquote(part) for part in path.strip("/").split("/")] if path.strip("/") else []
            address = address_of(self._store, segments)
            self._authorise(method, segments, address, headers)
            return self._route(method, address.segments, headers, body)
        except CosmosError as error:
            return _refusal(error)
        except SqlError as error:
            return _refusal(error.as_response())
        except Exception as error:  # noqa: BLE001 - the entry point: whatever happens, the client gets an answer
            # The text of an exception may hold what was sent; its type and place do not.
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
            _log.error("%s answered 500: %s at %s", method, type(error).__name__, where)
            return _refusal(
                CosmosError(500, "InternalServerError", "The emulator failed; its log says where.")
            )

    def _authorise(self, method: str, segments: list[str], address: Address, headers: dict[str, str]) -> None:
        authorization = headers.get("authorization", "")
        if unquote(authorization).startswith("type=aad&"):
            raise absent("Entra tokens")
        if unquote(authorization).startswith("type=resource&"):
            self._principals.check_token(method, address.segments, headers, authorization)
            return
        date = headers.get("x-ms-date") or headers.get("date", "")
        self._signatures.check(method, segments, date, authorization, address.signed)

    def _route(self, method: str, segments: list[str], headers: dict[str, str], body: bytes) -> Answer:
        depth = len(segments)
        if depth == 0:
            return _json(200, account(headers.get("host", "localhost")))
        if segments[0] == "offers":
            return self._on_offers(method, segments[1:], headers, body)
        if (
            segments[0] == "dbs"
            and segments[2:3] == ["users"]
            and segments[4:5] in ([], ["permissions"])
            and depth < 7
        ):
            return self._principals.on_request(method, segments, headers, body, self._resources)
        if segments[0] != "dbs" or (depth > 2 and segments[2] != "colls"):
            raise _absent(segments)
        if depth <= 2:
            return self._databases(method, segments[1:], headers, body)
        if depth <= 4:
            return self._containers(method, segments[1], segments[3:], headers, body)
        container = self._resources.owner(segments[1], segments[3])
        intended = headers.get("x-ms-cosmos-intended-collection-rid")
        if intended and intended != container.rid:
            raise bad_request("The container was deleted and made anew since the client last looked.", 1024)
        self._store.expire(container, clock.now())
        enforces = self._enforces or (self._faults is not None and self._faults.enforces_throughput)
        if enforces and segments[4] in _COSTING:
            return self._throughput.spend_on(
                container, lambda: self._in_container(method, container, segments[4:], headers, body)
            )
        return self._in_container(method, container, segments[4:], headers, body)

    def _in_container(
        self, method: str, container: Container, segments: list[str], headers: dict[str, str], body: bytes
    ) -> Answer:
        match segments:
            case ["docs"]:
                return self._items.on_feed(method, container, headers, body)
            case ["docs", item_id]:
                return self._items.on_item(method, container, item_id, headers, body)
            case ["pkranges"] if method == "GET":
                return self._ranges(container, headers)
            case ["conflicts"]:
                if method == "POST":
                    require_permission_to_cross(container, headers, None)
                return _json(200, {"_rid": container.rid, "Conflicts": [], "_count": 0})
            case ["conflicts", _]:
                raise not_found()
            case ["operations", "partitionkeydelete"] if method == "POST":
                return self._items.delete_partition(container, headers)
        raise _absent(["dbs", "", "colls", "", *segments])

    def _databases(self, method: str, names: list[str], headers: dict[str, str], body: bytes) -> Answer:
        resources = self._resources
        if not names:
            rows: list[Any] = list(self._store.databases.values())
            if method == "POST":
                request = json_text.parse(body)
                if not is_query(headers):
                    throughput = self._offers.settings(headers)
                    made = resources.create_database(request)
                    if throughput:
                        self._offers.give(made, throughput)
                    return _json(201, made)
                rows = resources.query(request, rows)
            return _json(200, {"_rid": "", "Databases": rows, "_count": len(rows)})
        if method == "DELETE":
            resources.delete_database(names[0])
            return Answer(204, b"", {})
        return _json(200, resources.database(names[0]))

    def _containers(
        self, method: str, database: str, names: list[str], headers: dict[str, str], body: bytes
    ) -> Answer:
        resources = self._resources
        if not names:
            rows: list[Any] = resources.containers(database)
            if method == "POST":
                request = json_text.parse(body)
                if not is_query(headers):
                    throughput = self._offers.settings(headers)
                    made = resources.create_container(database, request)
                    throughput = throughput or self._offers.default(resources.database(database))
                    if throughput:
                        self._offers.give(made, throughput)
                    container, count = resources.container(database, made["id"]), partitions_for(throughput)
                    if count > 1:
                        self._store.divide(container, ranges_of(count, container.key_version))
                    return _json(201, made)
                rows = resources.query(request, rows)
            return _json(200, {"_rid": "", "DocumentCollections": rows, "_count": len(rows)})
        container = resources.container(database, names[0])
        if method == "DELETE":
            self._store.drop_container(container)
            return Answer(204, b"", {})
        if method == "PUT":
            changed = resources.replace_container(container, json_text.parse(body), headers.get("if-match"))
            return _json(200, changed)
        return self._read_container(container, headers)

    def _read_container(self, container: Container, headers: dict[str, str]) -> Answer:
        """Returns a container, with figures on its size where they are asked for."""
        properties, told = container.properties, {}
        if headers.get("x-ms-documentdb-populatepartitionstatistics", "").lower() == "true":
            properties = {**properties, "statistics": [{
                "id": "0", "sizeInKB": self._store.size_kb(container), "documentCount": container.count,
                "sampledDistinctPartitionKeyCount": len(container.partitions), "partitionKeys": [],
            }]}  # fmt: skip
        if headers.get("x-ms-documentdb-populatequotainfo", "").lower() == "true":
            size_kb = self._store.size_kb(container)
            told["x-ms-resource-quota"] = "functions=25;storedProcedures=100;triggers=25;documentSize=10240;"
            told["x-ms-resource-usage"] = (
                f"documentSize={size_kb // 1024};documentsSize={size_kb};documentsCount={container.count};"
                f"collectionSize={size_kb};"
            )
            told["x-ms-documentdb-collection-index-transformation-progress"] = "100"
        answer = _json(200, properties)
        return Answer(answer.status, answer.body, {**answer.headers, **told})

    def _on_offers(self, method: str, names: list[str], headers: dict[str, str], body: bytes) -> Answer:
        if names:
            if method == "PUT":
                return _json(200, self._replace_offer(names[0], json_text.parse(body)))
            return _json(200, self._offers.read(names[0]))
        rows: list[Any] = self._offers.all()
        if method == "POST" and is_query(headers):
            rows = self._resources.query(json_text.parse(body), rows)
        return _json(200, {"_rid": "", "Offers": rows, "_count": len(rows)})

    def _replace_offer(self, rid: str, body: Any) -> dict[str, Any]:
        """Changes a throughput; a container that has too few physical partitions for it gets more."""
        offer = self._offers.replace(rid, body)
        for container in self._store.containers.values():
            if container.link == offer["resource"]:
                divided = split_for(container.ranges, offer["content"])
                if divided != container.ranges:
                    self._store.divide(container, divided)
        return offer

    def _ranges(self, container: Any, headers: dict[str, str]) -> Answer:
        tag = f'"{container.rid}-{"-".join(each.id for each in container.ranges)}"'
        if headers.get("if-none-match") == tag:
            return Answer(304, b"", {"etag": tag})
        rows = self._resources.ranges(container)
        page = {"_rid": container.rid, "PartitionKeyRanges": rows, "_count": len(rows)}
        return Answer(200, json_text.dump(page), {"etag": tag})

    async def _send(self, send: Send, answer: Answer, cut_after: int | None = None) -> None:
        self._activity += 1
        headers = {
            "content-type": "application/json",
            "content-length": str(len(answer.body)),
            "x-ms-activity-id": f"00000000-0000-4000-8000-{self._activity:012x}",
            CHARGE: "1.00",
            "x-ms-serviceversion": "version=2.14.0.0",
            "x-ms-gatewayversion": "version=2.14.0",
            **answer.headers,
        }
        if answer.status in _NO_BODY:
            del headers["content-length"]
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        told, is_cut = answer.body[:cut_after], cut_after is not None
        await send({"type": "http.response.body", "body": told, "more_body": is_cut})


async def _read_body(receive: Receive) -> bytes | None:
    """Returns the body, None where it is larger than anything the service takes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        size += len(message.get("body", b""))
        if size <= _BODY_BYTES_MAX:
            parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    if size > _BODY_BYTES_MAX:
        return None
    return parts[0] if len(parts) == 1 else b"".join(parts)


FAULT_CODES = {
    408: "RequestTimeout", 410: "Gone", 412: "PreconditionFailed", 429: "TooManyRequests", 449: "RetryWith",
    500: "InternalServerError", 503: "ServiceUnavailable",
}  # fmt: skip
_ABSENT = {
    "sprocs": "stored procedures", "triggers": "triggers", "udfs": "user-defined functions",
    "attachments": "attachments", "clientencryptionkeys": "client encryption keys",
}  # fmt: skip


def _fault(rule: Rule) -> CosmosError:
    if rule.status == 429:
        return too_many_requests(rule.retry_after_ms)
    status = rule.status or 503
    return CosmosError(status, FAULT_CODES[status], "A failure that was asked for.")


def _absent(segments: list[str]) -> CosmosError:
    """Returns the 501 that names what is not there; 404 for what no service has."""
    for name in reversed(segments[2::2]):
        if name in _ABSENT:
            return absent(_ABSENT[name])
    return CosmosError(404, "NotFound", "The requested resource is not served by this emulator.")


def _json(status: int, value: dict[str, Any]) -> Answer:
    headers = {"etag": value["_etag"]} if "_etag" in value else {}
    return Answer(status, json_text.dump(value), headers)


def _refusal(error: CosmosError) -> Answer:
    headers = dict(error.headers)
    if error.substatus:
        headers["x-ms-substatus"] = str(error.substatus)
    if error.status in _NO_BODY:
        return Answer(error.status, b"", headers)
    return Answer(error.status, json_text.dump({"code": error.code, "message": error.message}), headers)
