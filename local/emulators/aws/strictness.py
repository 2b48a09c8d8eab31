"""Where moto is laxer or slower than AWS in what the platform rests on.

moto copies the whole table before each transaction: a test of ten thousand resources would take hours. It numbers the
records of a shard 1, 2, 3, where Kinesis gives 56 digits with gaps. `reading` has what else it does slowly.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from moto.core import responses
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.kinesis.models import Shard
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from local.emulators.aws.reading import make_quick

MOST_WRITES: Final = 100
FIRST_SEQUENCE: Final = 49_653_718_022_641_174_325_017_352_318_506_731_884_509_771_231_402_090_498
GAPS: Final = (1, 1_208_925, 19_342_813_113_834_066_795_298_817)
"""How far one record is from the last, in turn."""


def make_strict() -> None:
    """Put these in the place of moto's own."""
    DynamoDBBackend.transact_write_items = _transact
    make_quick()
    Shard.put_record = _numbered(Shard.put_record)
    Shard.get_max_sequence_number = _last_number
    # What moto works out anew for each call is the same each time: a fifth of what a call takes.
    DomainDispatcherApplication.get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)
    responses.method_names_from_class = cache(responses.method_names_from_class)


def _transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """All conditions, then all writes: nobody comes between, for calls go one by one."""
    if len(transact_items) > MOST_WRITES:
        raise TooManyTransactionsException
    operations = [next(iter(item.items())) for item in transact_items]
    keys = [_key(backend, kind, operation) for kind, operation in operations]
    if len({str(key) for key in keys}) < len(keys):
        raise MultipleTransactionsException
    refused = [
        _refusal(backend, operation, key) for (_, operation), key in zip(operations, keys, strict=True)
    ]
    if any(code for code, _, _ in refused):
        raise TransactionCanceledException(refused)
    for (kind, operation), key in zip(operations, keys, strict=True):
        if kind == "Put":
            backend.put_item(operation["TableName"], operation["Item"])
        elif kind == "Delete":
            backend.delete_item(operation["TableName"], key)


def _key(backend: DynamoDBBackend, kind: str, operation: dict[str, Any]) -> dict[str, Any]:
    if kind != "Put":
        key: dict[str, Any] = operation["Key"]
        return key
    table = backend.get_table(operation["TableName"])
    return {name: operation["Item"][name] for name in (table.hash_key_attr, table.range_key_attr)}


def _refusal(
    backend: DynamoDBBackend, operation: dict[str, Any], key: dict[str, Any]
) -> tuple[Any, Any, Any]:
    condition = get_filter_expression(
        operation.get("ConditionExpression"),
        operation.get("ExpressionAttributeNames"),
        operation.get("ExpressionAttributeValues"),
    )
    there = backend.get_item(operation["TableName"], key)
    if operation.get("ConditionExpression") is None or condition.expr(there):
        return None, None, None
    shown = there.to_json()["Attributes"] if there else None
    return "ConditionalCheckFailed", str(ConditionalCheckFailed().message), shown


def _last_number(shard: Shard) -> int:
    return int(next(reversed(shard.records))) if shard.records else 0


def _numbered(put_record: Any) -> Any:
    def put(shard: Shard, *args: Any) -> str:
        number = int(put_record(shard, *args))
        record = shard.records.pop(number)
        count = len(shard.records)
        before = _last_number(shard) if count else FIRST_SEQUENCE + shard._shard_id
        record.sequence_number = before + GAPS[count % len(GAPS)]
        shard.records[record.sequence_number] = record
        return str(record.sequence_number)

    return put
