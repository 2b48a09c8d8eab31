"""Records in Azure Cosmos DB for NoSQL.

https://learn.microsoft.com/azure/cosmos-db/nosql/. The SDK waits throttling (429) out; Busy is raised when it lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from azure.core import MatchConditions
from azure.cosmos import ContainerProxy, CosmosDict
from azure.cosmos.exceptions import CosmosBatchOperationError

from shared.adapters.azure.errors import NOT_DEPLOYED, nobody, translated
from shared.adapters.azure.sql import count as count_text
from shared.adapters.azure.sql import select
from shared.domain.records import Item
from shared.errors import NotFound, PreconditionFailed, Unavailable
from shared.ports.records import (
    MAX_BATCH_WRITES,
    BatchRefused,
    Create,
    Delete,
    Query,
    Replace,
    Write,
    commit_one,
)

_SYSTEM: Final = ("_rid", "_self", "_attachments", "_ts")
_REFUSALS: Final = (409, 412, 404)
_READ_MANY: Final = 250


P = ParamSpec("P")
R = TypeVar("R")


def _asked_again(read: Callable[P, R]) -> Callable[P, R]:
    """A read whose answer was lost is asked once more; writes are read back by those who ask for them."""

    @wraps(read)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(*args, **kwargs)
        except Unavailable:
            return read(*args, **kwargs)

    return ask


class CosmosRecords:
    """The records container."""

    def __init__(self, container: ContainerProxy, on_busy: Callable[[], None] = nobody) -> None:
        self._container = container
        self._on_busy = on_busy

    @_asked_again
    def read(self, tenant: str, home: str, item_id: str) -> Item | None:
        try:
            with translated(self._on_busy):
                return _plain(self._container.read_item(item_id, [tenant, home]))
        except NotFound:
            return None

    def create(self, item: Item) -> str:
        with _where_it_is_deployed(), translated(self._on_busy):
            stored = self._container.create_item(_bare(item), no_response=True)
        return _etag_of(stored)

    def replace(self, item: Item, etag: str) -> str:
        try:
            with translated(self._on_busy):
                stored = self._container.replace_item(
                    item["id"], _bare(item), etag=etag, match_condition=MatchConditions.IfNotModified,
                    no_response=True,
                )  # fmt: skip
        except NotFound:
            raise PreconditionFailed("The item is gone.") from None
        return _etag_of(stored)

    def delete(self, tenant: str, home: str, item_id: str, etag: str) -> None:
        try:
            with translated(self._on_busy):
                self._container.delete_item(
                    item_id, [tenant, home], etag=etag, match_condition=MatchConditions.IfNotModified
                )
        except NotFound:
            raise PreconditionFailed("The item is gone.") from None

    def commit(self, tenant: str, home: str, writes: Sequence[Write]) -> list[str]:
        if not 0 < len(writes) <= MAX_BATCH_WRITES:
            raise ValueError(f"a batch has 1 to {MAX_BATCH_WRITES} writes")
        if len(writes) == 1:
            # A batch of one is dearer than the plain call.
            return [commit_one(self, tenant, home, writes[0])]
        with _where_it_is_deployed(), translated(self._on_busy):
            try:
                results = self._container.execute_item_batch(
                    [_operation(write) for write in writes], [tenant, home]
                )
            except CosmosBatchOperationError as refused:
                if refused.status_code in _REFUSALS:
                    raise BatchRefused(refused.error_index, refused.status_code) from refused
                raise
        return [str(result.get("eTag", "")) for result in results]

    @_asked_again
    def read_many(self, tenant: str, home: str, item_ids: Sequence[str]) -> dict[str, Item]:
        if len(item_ids) == 1:
            # A point read is cheaper than a query.
            item = self.read(tenant, home, item_ids[0])
            return {item_ids[0]: item} if item else {}
        found: dict[str, Item] = {}
        for start in range(0, len(item_ids), _READ_MANY):
            part = list(item_ids[start : start + _READ_MANY])
            with translated(self._on_busy):
                rows = self._container.query_items(
                    "SELECT * FROM c WHERE ARRAY_CONTAINS(@ids, c.id)",
                    parameters=[{"name": "@ids", "value": part}],
                    partition_key=[tenant, home],
                )
                found.update((row["id"], _plain(row)) for row in rows)
        return found

    def query(self, query: Query) -> Iterator[Item]:
        text, parameters = select(query)
        with translated(self._on_busy):
            for row in self._container.query_items(text, parameters=parameters, **_scope(query)):
                yield _plain(row)

    @_asked_again
    def count(self, query: Query) -> int:
        text, parameters = count_text(query)
        with translated(self._on_busy):
            found: Iterator[Any] = self._container.query_items(text, parameters=parameters, **_scope(query))
            return sum(found)


@contextmanager
def _where_it_is_deployed() -> Iterator[None]:
    """What is new cannot be missing: a 404 for it says that the container is."""
    try:
        yield
    except NotFound as missing:
        raise Unavailable(NOT_DEPLOYED) from missing


def _scope(query: Query) -> dict[str, Any]:
    # Not by a prefix of the key: the SDK asks its ranges one after another then, and does not merge their orders.
    if query.tenant is None or query.home is None:
        return {"enable_cross_partition_query": True}
    return {"partition_key": [query.tenant, query.home]}


def _plain(row: dict[str, Any]) -> Item:
    return {name: value for name, value in row.items() if name not in _SYSTEM}


def _etag_of(answer: CosmosDict) -> str:
    """Of what was written: the item itself, which we know, is not sent back."""
    return str(answer.get_response_headers()["etag"])


def _bare(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in _SYSTEM and name != "_etag"}


def _operation(write: Write) -> tuple[Any, ...]:
    match write:
        case Create(item):
            return ("create", (_bare(item),))
        case Replace(item, etag):
            return ("replace", (item["id"], _bare(item)), {"if_match_etag": etag})
        case Delete(item_id, etag):
            return ("delete", (item_id,), {"if_match_etag": etag})
