"""The one table of the records: how it is made, and the calls to it with the limits that each has.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from shared.adapters.aws.errors import nobody, translated
from shared.adapters.aws.stored import READ_WITHOUT_BODY, Attributes
from shared.errors import Busy
from shared.names import RECORDS_TABLE_BY_DATE, RECORDS_TABLE_DATE, RECORDS_TABLE_KEY

MOST_READ: Final = 100
MOST_WRITTEN: Final = 25
_AT_ONCE: Final = 8
_ATTEMPTS: Final = 8
_FIRST_PAUSE_S: Final = 0.025


def table_request(name: str) -> dict[str, Any]:
    """What `create_table` is asked for; the attribute `ttl` is set as its time to live by a call of its own."""
    partition, sort = RECORDS_TABLE_KEY
    hashed = {"AttributeName": partition, "KeyType": "HASH"}
    return {
        "TableName": name,
        "KeySchema": [hashed, {"AttributeName": sort, "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": each, "AttributeType": "S"} for each in (partition, sort, RECORDS_TABLE_DATE)
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": RECORDS_TABLE_BY_DATE,
                "KeySchema": [hashed, {"AttributeName": RECORDS_TABLE_DATE, "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }


def pause(number: int) -> None:
    """Wait before the next attempt, longer each time, not all for the same time."""
    time.sleep(_FIRST_PAUSE_S * 2**number * random.random())  # noqa: S311 - no secret


class Table:
    """One table. `client` is boto3's for `dynamodb`; `on_busy` hears whenever the service asks to wait."""

    def __init__(self, client: Any, name: str, on_busy: Callable[[], None] = nobody) -> None:
        self._client = client
        self._name = name
        self._on_busy = on_busy
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dynamodb")

    def get(self, key: Attributes) -> Attributes | None:
        """One item, as last written."""
        with translated(self._on_busy):
            found: Attributes | None = self._client.get_item(
                TableName=self._name, Key=key, ConsistentRead=True
            ).get("Item")
        return found

    def get_many(self, keys: Sequence[Attributes], *, whole: bool = True) -> list[Attributes]:
        """Those that exist, as last written, in any order; without their bodies unless `whole`."""
        parts = [keys[start : start + MOST_READ] for start in range(0, len(keys), MOST_READ)]
        return [found for part in self._side_by_side(lambda p: self._get(p, whole), parts) for found in part]

    def _get(self, keys: Sequence[Attributes], whole: bool) -> list[Attributes]:
        how: dict[str, Any] = {"ConsistentRead": True, **({} if whole else _projected())}
        found: list[Attributes] = []
        asked = list(keys)
        for number in range(_ATTEMPTS):
            with translated(self._on_busy):
                answer = self._client.batch_get_item(RequestItems={self._name: {"Keys": asked, **how}})
            found += answer["Responses"].get(self._name, [])
            asked = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if not asked:
                return found
            pause(number)
        raise Busy

    def put_all(self, items: Sequence[Attributes]) -> None:
        """Write items whatever is there, not as one. Raises Busy."""
        self._write_all([{"PutRequest": {"Item": item}} for item in items])

    def delete_all(self, keys: Sequence[Attributes]) -> None:
        """Remove items, not as one. Raises Busy."""
        partition, sort = RECORDS_TABLE_KEY
        bare = [{partition: key[partition], sort: key[sort]} for key in keys]
        self._write_all([{"DeleteRequest": {"Key": key}} for key in bare])

    def _write_all(self, requests: list[dict[str, Any]]) -> None:
        parts = [requests[start : start + MOST_WRITTEN] for start in range(0, len(requests), MOST_WRITTEN)]
        self._side_by_side(self._write, parts)

    def _write(self, requests: list[dict[str, Any]]) -> None:
        for number in range(_ATTEMPTS):
            with translated(self._on_busy):
                answer = self._client.batch_write_item(RequestItems={self._name: requests})
            requests = answer.get("UnprocessedItems", {}).get(self._name, [])
            if not requests:
                return
            pause(number)
        raise Busy

    def _side_by_side(self, work: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        return [work(part) for part in parts] if len(parts) < 2 else list(self._pool.map(work, parts))

    def ask(self, call: str, **request: Any) -> dict[str, Any]:
        """One conditional call for one item, by the client's own name. Raises ClientError, not translated."""
        answer: dict[str, Any] = getattr(self._client, call)(TableName=self._name, **request)
        return answer

    def transact(self, writes: Sequence[dict[str, Any]], token: str) -> None:
        """All or none; the same token again within ten minutes changes nothing. Raises ClientError, not translated."""
        for write in writes:
            next(iter(write.values()))["TableName"] = self._name
        self._client.transact_write_items(TransactItems=list(writes), ClientRequestToken=token)

    def query(
        self,
        partition: str,
        *,
        between: tuple[str, str] | None = None,
        begins: str = "",
        kind: str = "",
        descending: bool = False,
        by_date: bool = False,
        whole: bool = True,
        page: int | None = None,
    ) -> Iterator[Attributes]:
        """What stands in a partition, in order of the sort key; strongly consistent but by date."""
        how: dict[str, Any] = {"IndexName": RECORDS_TABLE_BY_DATE} if by_date else {"ConsistentRead": True}
        names, values = {"#pk": "pk"}, {":pk": {"S": partition}}
        condition = "#pk = :pk"
        if between or begins:
            names["#sk"] = RECORDS_TABLE_DATE if by_date else "sk"
            condition += " AND #sk BETWEEN :lo AND :hi" if between else " AND begins_with(#sk, :lo)"
            values |= {":lo": {"S": between[0] if between else begins}}
            values |= {":hi": {"S": between[1]}} if between else {}
        if kind:
            names["#k"], values[":k"] = "k", {"S": kind}
            how["FilterExpression"] = "#k = :k"
        if not whole:
            projected = _projected()
            how["ProjectionExpression"] = projected["ProjectionExpression"]
            names |= projected["ExpressionAttributeNames"]
        how |= {"KeyConditionExpression": condition, "ScanIndexForward": not descending}
        how |= {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        return self._pages("query", how | ({"Limit": page} if page else {}))

    def scan(self, kind: str, *, whole: bool) -> Iterator[Attributes]:
        """Every item of a kind: the whole table is read."""
        projected = {} if whole else _projected()
        names = {**projected.get("ExpressionAttributeNames", {}), "#k": "k"}
        how = {
            **projected,
            "FilterExpression": "#k = :k",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":k": {"S": kind}},
            "ConsistentRead": True,
        }
        return self._pages("scan", how)

    def _pages(self, call: str, how: dict[str, Any]) -> Iterator[Attributes]:
        while True:
            with translated(self._on_busy):
                page = getattr(self._client, call)(TableName=self._name, **how)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            how["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _projected() -> dict[str, Any]:
    names = {f"#{name}": name for name in READ_WITHOUT_BODY}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
