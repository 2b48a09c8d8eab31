"""The requests below `docs`: items, batches, queries, feeds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import batch, charges, feed, json_text, metrics
from .documents import Transaction, key_from_header
from .errors import CosmosError, absent, bad_request
from .execution import Execution
from .model import Container, Item
from .patching import patch_item
from .reach import ranges_within, reach_of
from .sql.errors import SqlError
from .sql.merging import needs_merging, not_servable, plan_of
from .sql.queries import CompiledQuery, compile_text
from .store import Store

Headers = Mapping[str, str]
_RANGE = "x-ms-documentdb-partitionkeyrangeid"
_NAMES_RANGE = (_RANGE, "x-ms-start-epk")
_PART = "~"
_PAGE_DEFAULT, _PAGE_MAX = 100, 1000


class Answer(NamedTuple):
    """Status, body and the headers beside those that every answer has."""

    status: int
    body: bytes
    headers: dict[str, str]


class _Part(NamedTuple):
    """The keys from `low` on and below `high`."""

    low: str
    high: str


class Items:
    """Operations on the items of a container."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_feed(self, method: str, container: Container, headers: Headers, body: bytes) -> Answer:
        """Answers a request to the list of items itself: GET reads it, POST creates, queries or batches."""
        _refuse_triggers(headers)
        if method == "GET":
            return self._changes(container, headers) if "a-im" in headers else self._list(container, headers)
        if method != "POST":
            raise _method_not_allowed()
        if headers.get("x-ms-cosmos-is-query-plan-request", "").lower() == "true":
            return _plan(headers, json_text.parse(body))
        if is_query(headers):
            return self._query(container, headers, body)
        if headers.get("x-ms-cosmos-is-batch-request", "").lower() == "true":
            status, text, units = batch.execute(self._store, container, _full_key(container, headers), body)
            return Answer(status, text, {**_sequence(container, headers), **charges.header(units)})
        return self._create(container, headers, body)

    def on_item(
        self, method: str, container: Container, item_id: str, headers: Headers, body: bytes
    ) -> Answer:
        """Answers a request to one item."""
        _refuse_triggers(headers)
        transaction = Transaction(self._store, container, _full_key(container, headers))
        if_match = headers.get("if-match")
        if method == "GET":
            item = transaction.read(item_id, headers.get("if-none-match"))
            raw = self._store.raw(item)
            return Answer(
                200,
                raw,
                {
                    "etag": item.etag,
                    **_sequence(container, headers),
                    **charges.header(charges.of_read(len(raw))),
                },
            )
        if method == "DELETE":
            transaction.delete(item_id, if_match)
            transaction.commit()
            return Answer(204, b"", {**_sequence(container, headers), **charges.header(charges.of_delete())})
        if method == "PUT":
            item = transaction.replace(item_id, body, if_match)
        elif method == "PATCH":
            item = patch_item(self._store, transaction, item_id, body, if_match)
        else:
            raise _method_not_allowed()
        transaction.commit()
        return self._written(200, container, item, headers)

    def delete_partition(self, container: Container, headers: Headers) -> Answer:
        """Deletes all items of one logical partition, at once."""
        partition = container.partition(_full_key(container, headers))
        if partition is not None:
            gone = list(partition.items.values())
            self._store.commit(container, (), gone, container.lsn + len(gone))
        return Answer(200, b"", _sequence(container, headers))

    def _create(self, container: Container, headers: Headers, body: bytes) -> Answer:
        transaction = Transaction(self._store, container, _full_key(container, headers))
        status = 201
        if headers.get("x-ms-documentdb-is-upsert", "").lower() == "true":
            status, item = transaction.upsert(body, headers.get("if-match"))
        else:
            item = transaction.create(body)
        transaction.commit()
        return self._written(status, container, item, headers)

    def _written(self, status: int, container: Container, item: Item, headers: Headers) -> Answer:
        minimal = headers.get("prefer", "").lower() == "return=minimal"
        raw = self._store.raw(item)
        units = (charges.of_create if status == 201 else charges.of_replace)(len(raw))
        told = {"etag": item.etag, **_sequence(container, headers), **charges.header(units)}
        return Answer(status, b"" if minimal else raw, told)

    def _query(self, container: Container, headers: Headers, body: bytes) -> Answer:
        request = json_text.parse(body)
        query = _compiled(request)
        parameters = {given["name"]: given["value"] for given in request.get("parameters") or ()}
        # What the clients make of an aggregate over nothing when they merge partitions: null, not undefined.
        merged = "x-ms-documentdb-partitionkey" not in headers
        if merged and len(container.ranges) > 1:
            merged = False
            if not any(name in headers for name in _NAMES_RANGE) and needs_merging(request["query"]):
                require_permission_to_cross(container, headers, query)
                raise not_servable()
        require_permission_to_cross(container, headers, query)
        token = headers.get("x-ms-continuation")
        part, inner = _part_of(container, headers, token)
        asked = {**headers, "x-ms-start-epk": part.low, "x-ms-end-epk": part.high} if part else headers
        reach = reach_of(container, asked)
        execution = Execution(self._store, container, query, reach, parameters, merged=merged)
        began = time.perf_counter()
        rows, next_token = execution.page(_page_size(headers), inner)
        if part is not None:
            next_token = _next_part(container, part, next_token)
        answer = _page(container, headers, rows, next_token)
        taken_ms = 1000 * (time.perf_counter() - began)
        answer.headers.update(charges.header(charges.of_query(execution.examined, len(answer.body))))
        answer.headers.update(metrics.of_query(headers, container, query, reach, rows, taken_ms))
        return answer

    def _list(self, container: Container, headers: Headers) -> Answer:
        query = compile_text("SELECT * FROM c")
        execution = Execution(self._store, container, query, reach_of(container, headers), {})
        rows, token = execution.page(_page_size(headers), headers.get("x-ms-continuation"))
        return _page(container, headers, rows, token)

    def _changes(self, container: Container, headers: Headers) -> Answer:
        if "incremental" not in headers["a-im"].lower():
            raise absent("the change feed of all versions and deletes")
        reach = reach_of(container, headers)
        rows, tag = feed.changes(self._store, container, reach, headers, _page_size(headers))
        if not rows:
            return Answer(304, b"", {"etag": tag, **_sequence(container, headers)})
        answer = _page(container, headers, rows, None)
        answer.headers["etag"] = tag
        return answer


def _refuse_triggers(headers: Headers) -> None:
    """An item written without the trigger that was asked for would be a wrong answer."""
    for when in ("pre", "post"):
        if headers.get(f"x-ms-documentdb-{when}-trigger-include"):
            raise absent("triggers")


def _method_not_allowed() -> CosmosError:
    return CosmosError(405, "MethodNotAllowed", "The requested verb is not supported.")


def is_query(headers: Headers) -> bool:
    """Returns whether a POST asks a question rather than creates something."""
    return headers.get("x-ms-documentdb-isquery", "").lower() == "true" or headers.get(
        "content-type", ""
    ).startswith("application/query+json")


def require_permission_to_cross(container: Container, headers: Headers, query: CompiledQuery | None) -> None:
    """Refuses a query over all partitions that its sender did not mean to send to all of them."""
    key = headers.get("x-ms-documentdb-partitionkey")
    told = key not in (None, "[]") or any(name in headers for name in _NAMES_RANGE)
    if told or headers.get("x-ms-documentdb-query-enablecrosspartition", "").lower() == "true":
        return
    fixed = {
        spec.path
        for condition in (query.conditions if query else ())
        if condition.node
        for spec in condition.node.specs()
    }
    if (query is None or query.root is not None) and not any(
        tuple(path) in fixed for path in container.key_paths[:1]
    ):
        raise bad_request(
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to "
            "true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
        )


def _compiled(request: Any) -> CompiledQuery:
    text = request.get("query") if isinstance(request, dict) else None
    if not isinstance(text, str):
        raise bad_request("The query request must be an object with the text of the query.")
    try:
        return compile_text(text)
    except SqlError as error:
        raise error.as_response() from error


def _plan(headers: Headers, request: Any) -> Answer:
    _compiled(request)
    parameters = {given["name"]: given["value"] for given in request.get("parameters") or ()}
    told = headers.get("x-ms-cosmos-supported-query-features")
    features = None if told is None else [feature.strip() for feature in told.split(",")]
    return Answer(200, json_text.dump(plan_of(request["query"], parameters, features)), {})


def _part_of(container: Container, headers: Headers, token: str | None) -> tuple[_Part | None, str | None]:
    """Returns which keys a page is read from where a query goes through several partitions, and the token for them.

    As the gateway does: one partition after the other, each page from one of them. The token holds keys, not the
    partition's id, so that it outlives a split.
    """
    if len(container.ranges) == 1 or "x-ms-documentdb-partitionkey" in headers:
        return None, token
    if any(name in headers for name in _NAMES_RANGE):
        return None, token
    if token is None:
        return _Part(container.ranges[0].low, container.ranges[0].high), None
    low, first_mark, rest = token.partition(_PART)
    high, second_mark, inner = rest.partition(_PART)
    if not first_mark or not second_mark:
        raise bad_request("The continuation token is invalid.")
    return _Part(low, high), inner or None


def _next_part(container: Container, part: _Part, token: str | None) -> str | None:
    if token is not None:
        return _PART.join((*part, token))
    following = next((each for each in container.ranges if each.low >= part.high), None)
    return None if following is None else _PART.join((following.low, following.high, ""))


def _full_key(container: Container, headers: Headers) -> list[Any]:
    text = headers.get("x-ms-documentdb-partitionkey")
    if text is None:
        raise bad_request("PartitionKey value must be supplied for this operation.")
    return key_from_header(container, text)


def _page_size(headers: Headers) -> int:
    text = headers.get("x-ms-max-item-count")
    if text is None:
        return _PAGE_DEFAULT
    try:
        size = int(text)
    except ValueError:
        raise bad_request("The x-ms-max-item-count header must be a number.") from None
    return min(size, _PAGE_MAX) if size > 0 else _PAGE_MAX


def _sequence(container: Container, headers: Headers) -> dict[str, str]:
    """Returns how far the container has come, and the two names by which a client's session remembers it."""
    lsn, ids = container.lsn, ranges_within(container, headers)
    return {
        "lsn": str(lsn), "x-ms-session-token": ",".join(f"{each}:-1#{lsn}" for each in ids),
        "x-ms-alt-content-path": container.path, "x-ms-content-path": container.rid,
        "x-ms-documentdb-partitionkeyrangeid": ids[0] if ids else "0",
    }  # fmt: skip


def _page(container: Container, headers: Headers, rows: list[bytes], token: str | None) -> Answer:
    rid = container.rid.encode()
    text = b'{"_rid":"%b","Documents":[%b],"_count":%d}' % (rid, b",".join(rows), len(rows))
    units = charges.of_read(sum(map(len, rows)))
    told = {"x-ms-item-count": str(len(rows)), **_sequence(container, headers), **charges.header(units)}
    if token:
        told["x-ms-continuation"] = token
    return Answer(200, text, told)
