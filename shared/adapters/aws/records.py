"""Records in one table of DynamoDB (docs/aws.md): items at their homes, and the entries of the index that lead to them.

Entries go before the item, and those of what was replaced after it: a crash in between leaves entries that lead nowhere,
and never an item that no entry leads to.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-general-nosql-design.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.aws.errors import code_of, nobody, translated
from shared.adapters.aws.lists import entries_of
from shared.adapters.aws.search import Search
from shared.adapters.aws.stored import (
    Attributes,
    attributes_of,
    bare_etag,
    completed,
    head_of,
    is_expired,
    item_of,
    key_of,
    new_etag,
)
from shared.adapters.aws.table import Table, pause
from shared.domain.records import Item
from shared.errors import AlreadyExists, Busy, PreconditionFailed, Unavailable
from shared.ports.lake import Lake
from shared.ports.records import MAX_BATCH_WRITES, BatchRefused, Create, Delete, Query, Write, commit_one

_REFUSED: Final = "ConditionalCheckFailedException"
_CONFLICTS: Final = 8
_ABSENT: Final = "attribute_not_exists(pk) OR #t <= :now"
_UNCHANGED: Final = "#e = :etag"


class DynamoRecords:
    """The table `name`. `client` is boto3's for `dynamodb`, `lake` keeps what is too long for an item."""

    def __init__(
        self,
        client: Any,
        name: str,
        lake: Lake,
        *,
        on_busy: Callable[[], None] = nobody,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = Table(client, name, on_busy)
        self._lake = lake
        self._on_busy = on_busy
        self._now = now
        self._search = Search(self._table, now)

    def read(self, tenant: str, home: str, item_id: str) -> Item | None:
        found = self._table.get(key_of(tenant, home, item_id))
        return self._item(found) if found else None

    def _item(self, attributes: Attributes) -> Item | None:
        return None if is_expired(attributes, self._now()) else item_of(attributes, self._lake)

    def read_many(self, tenant: str, home: str, item_ids: Sequence[str]) -> dict[str, Item]:
        keys = [key_of(tenant, home, each) for each in dict.fromkeys(item_ids)]
        items = (self._item(found) for found in self._table.get_many(keys))
        return {item["id"]: item for item in items if item is not None}

    def query(self, query: Query) -> Iterator[Item]:
        for head, attributes in self._search.find(query, whole=True):
            yield completed(head, attributes, self._lake)

    def count(self, query: Query) -> int:
        return self._search.count(query)

    def create(self, item: Item) -> str:
        try:
            return self._put(item, self._absent())
        except PreconditionFailed:
            raise AlreadyExists("It exists already.") from None

    def replace(self, item: Item, etag: str) -> str:
        return self._put(item, _unchanged(etag))

    def _put(self, item: Item, condition: Mapping[str, Any]) -> str:
        etag = new_etag()
        attributes = attributes_of(item, etag, self._now(), self._lake)
        entries = entries_of(item, etag)
        self._table.put_all(entries)
        try:
            before = self._decide("put_item", Item=attributes, **condition).get("Attributes")
        except _Refused as refused:
            if refused.there.get("e") == attributes["e"]:
                return etag  # an earlier attempt of the SDK, whose answer was lost
            self._drop(entries)
            raise PreconditionFailed("It has changed.") from None
        self._forget(before)
        return etag

    def delete(self, tenant: str, home: str, item_id: str, etag: str) -> None:
        key = key_of(tenant, home, item_id)
        try:
            before = self._decide("delete_item", Key=key, **_unchanged(etag)).get("Attributes")
        except _Refused:
            raise PreconditionFailed("It has changed.") from None
        self._forget(before)

    def _decide(self, call: str, **request: Any) -> dict[str, Any]:
        """One conditional write. Raises _Refused."""
        for number in range(_CONFLICTS):
            try:
                return self._table.ask(
                    call,
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **request,
                )
            except ClientError as failure:
                if code_of(failure) == _REFUSED:
                    raise _Refused(failure.response.get("Item", {})) from failure
                if code_of(failure) != "TransactionConflictException":
                    with translated(self._on_busy):
                        raise
            except Exception:
                with translated(self._on_busy):
                    raise
            pause(number)
        raise Busy

    def _forget(self, before: Attributes | None) -> None:
        """Remove the entries of what has been replaced."""
        if before and "x" in before:
            self._drop(entries_of(head_of(before), before["e"]["S"]))

    def _drop(self, entries: Sequence[Attributes]) -> None:
        """What is decided is decided: entries that cannot be removed now lead nowhere, and cost a read each."""
        try:
            self._table.delete_all(entries)
        except (Busy, Unavailable):
            pass

    def commit(self, tenant: str, home: str, writes: Sequence[Write]) -> list[str]:
        if not 0 < len(writes) <= MAX_BATCH_WRITES:
            raise ValueError(f"a batch has 1 to {MAX_BATCH_WRITES} writes")
        if len(writes) == 1:
            # A transaction of one is twice as dear as the plain call.
            return [commit_one(self, tenant, home, writes[0])]
        before = self._before(tenant, home, writes)
        etags = ["" if isinstance(write, Delete) else new_etag() for write in writes]
        requests = [
            self._request(tenant, home, write, etag) for write, etag in zip(writes, etags, strict=True)
        ]
        entries = [
            entry
            for write, etag in zip(writes, etags, strict=True)
            if not isinstance(write, Delete)
            for entry in entries_of(write.item, etag)
        ]
        self._table.put_all(entries)
        try:
            self._transact(writes, requests)
        except BatchRefused:
            self._drop(entries)
            raise
        self._drop([entry for old in before for entry in entries_of(head_of(old), old["e"]["S"])])
        return etags

    def _before(self, tenant: str, home: str, writes: Sequence[Write]) -> list[Attributes]:
        """What is to be replaced, for its entries: a transaction does not tell. Raises BatchRefused where it has changed."""
        wanted = {
            (write.id if isinstance(write, Delete) else write.item["id"]): (index, bare_etag(write.etag))
            for index, write in enumerate(writes)
            if not isinstance(write, Create)
        }
        if not wanted:
            return []
        found = self._table.get_many([key_of(tenant, home, each) for each in wanted], whole=False)
        etags = {row["sk"]["S"]: row["e"]["S"] for row in found}
        for item_id, (index, etag) in wanted.items():
            if etags.get(item_id) != etag:
                raise BatchRefused(index, 412)
        return found

    def _request(self, tenant: str, home: str, write: Write, etag: str) -> dict[str, Any]:
        condition = self._absent() if isinstance(write, Create) else _unchanged(write.etag)
        condition["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if isinstance(write, Delete):
            return {"Delete": {"Key": key_of(tenant, home, write.id), **condition}}
        assert (write.item["tenant"], write.item["home"]) == (tenant, home), "a batch stays within one home"
        return {"Put": {"Item": attributes_of(write.item, etag, self._now(), self._lake), **condition}}

    def _transact(self, writes: Sequence[Write], requests: Sequence[dict[str, Any]]) -> None:
        for number in range(_CONFLICTS):
            try:
                self._table.transact(requests, uuid.uuid4().hex)
            except ClientError as failure:
                if code_of(failure) != "TransactionCanceledException":
                    with translated(self._on_busy):
                        raise
                reasons = failure.response.get("CancellationReasons", ())
                codes = [each.get("Code") for each in reasons]
                if _were_written(requests, reasons):
                    return  # by an earlier attempt of the SDK, whose answer was lost
                if "ConditionalCheckFailed" in codes:
                    index = codes.index("ConditionalCheckFailed")
                    raise BatchRefused(index, 409 if isinstance(writes[index], Create) else 412) from failure
            except Exception:
                with translated(self._on_busy):
                    raise
            else:
                return
            self._on_busy()
            pause(number)  # another transaction holds one of the items, or the table is busy
        raise Busy

    def _absent(self) -> dict[str, Any]:
        """What has lapsed is as good as gone, though the service may keep it for days."""
        return {
            "ConditionExpression": _ABSENT,
            "ExpressionAttributeNames": {"#t": "ttl"},
            "ExpressionAttributeValues": {":now": {"N": str(int(self._now()))}},
        }


class _Refused(Exception):
    """A condition did not hold; `there` are the attributes of what is there."""

    def __init__(self, there: Attributes) -> None:
        super().__init__("the condition of a write did not hold")
        self.there = there


def _were_written(requests: Sequence[dict[str, Any]], reasons: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what stood in the way of a transaction is what it was to write."""
    puts = (
        (request.get("Put"), reason.get("Item", {}))
        for request, reason in zip(requests, reasons, strict=False)
    )
    return any(put["Item"]["e"] == there.get("e") for put, there in puts if put)


def _unchanged(etag: str) -> dict[str, Any]:
    return {
        "ConditionExpression": _UNCHANGED,
        "ExpressionAttributeNames": {"#e": "e"},
        "ExpressionAttributeValues": {":etag": {"S": bare_etag(etag)}},
    }
