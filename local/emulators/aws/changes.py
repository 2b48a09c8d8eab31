"""The changes that moto makes for the platform: noted where they are made, and made again without a call."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models import table as tables
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.kinesis import models as streams
from moto.s3 import models as files

Change = list[Any]
"""Its kind in `CHANGES`, and what that function is given."""
_PARTITION: Final = "aws"


def note_changes(note: Callable[[Change], None], now: Callable[[], datetime]) -> None:
    """Put into moto's methods that each change is noted, and at what time it is made."""
    for module in (tables, streams, files):
        module.utcnow = now
    DynamoDBBackend.create_table = _made_with(DynamoDBBackend.create_table, "table", note)
    DynamoDBBackend.update_time_to_live = _made_with(DynamoDBBackend.update_time_to_live, "ttl", note)
    streams.KinesisBackend.create_stream = _made_with(streams.KinesisBackend.create_stream, "stream", note)
    tables.Table.put_item = _item_put(tables.Table.put_item, note)
    tables.Table.delete_item = _item_deleted(tables.Table.delete_item, note)
    streams.Stream.put_record = _record_put(streams.Stream.put_record, note)
    files.S3Backend.create_bucket = _bucket_made(files.S3Backend.create_bucket, note)
    files.S3Backend.put_object = _object_put(files.S3Backend.put_object, note)
    files.S3Backend.delete_object = _object_deleted(files.S3Backend.delete_object, note)
    DynamoDBStreamsBackend.get_records = _of_known_places(DynamoDBStreamsBackend.get_records)


def written(change: Change) -> Change:
    """A change as JSON has it: an object is read when the call that stored it has ended, with all it was given."""
    if change[0] != "object":
        return change
    _, bucket, key = change
    return [
        "object",
        bucket,
        key.name,
        key.value,
        dict(key.metadata),
        key.checksum_algorithm,
        key.checksum_value,
    ]


def _made_with(make: Any, kind: str, note: Callable[[Change], None]) -> Any:
    parameters = inspect.signature(make)

    def made(backend: Any, *args: Any, **more: Any) -> Any:
        given = parameters.bind(backend, *args, **more).arguments
        # moto writes into what it is given.
        given = copy.deepcopy({name: value for name, value in given.items() if name != "self"})
        result = make(backend, *args, **more)
        note([kind, backend.region_name, given])
        return result

    return made


def _item_put(put: Any, note: Callable[[Change], None]) -> Any:
    def done(table: Any, item_attrs: dict[str, Any], *args: Any, **more: Any) -> Any:
        item = put(table, item_attrs, *args, **more)
        note(["item", table.region_name, table.name, item_attrs])
        return item

    return done


def _item_deleted(delete: Any, note: Callable[[Change], None]) -> Any:
    def done(table: Any, hash_key: DynamoType, range_key: DynamoType | None) -> Any:
        item = delete(table, hash_key, range_key)
        if item is not None:
            of_range = None if range_key is None else range_key.to_json()
            note(["no-item", table.region_name, table.name, hash_key.to_json(), of_range])
        return item

    return done


def _record_put(put: Any, note: Callable[[Change], None]) -> Any:
    def done(stream: Any, partition_key: str, explicit_hash_key: str, data: str) -> Any:
        placed = put(stream, partition_key, explicit_hash_key, data)
        note(["record", stream.region, stream.stream_name, partition_key, explicit_hash_key, data])
        return placed

    return done


def _bucket_made(make: Any, note: Callable[[Change], None]) -> Any:
    def done(backend: Any, bucket_name: str, region_name: str, *args: Any, **more: Any) -> Any:
        bucket = make(backend, bucket_name, region_name, *args, **more)
        note(["bucket", bucket_name, region_name])
        return bucket

    return done


def _object_put(put: Any, note: Callable[[Change], None]) -> Any:
    def done(backend: Any, bucket_name: str, *args: Any, **more: Any) -> Any:
        key = put(backend, bucket_name, *args, **more)
        note(["object", bucket_name, key])
        return key

    return done


def _object_deleted(delete: Any, note: Callable[[Change], None]) -> Any:
    def done(backend: Any, bucket_name: str, key_name: str, *args: Any, **more: Any) -> Any:
        result = delete(backend, bucket_name, key_name, *args, **more)
        note(["no-object", bucket_name, key_name])
        return result

    return done


def _of_known_places(get_records: Any) -> Any:
    def read(backend: Any, iterator_arn: str, limit: int) -> Any:
        if iterator_arn not in backend.shard_iterators:
            raise JsonRESTError("ExpiredIteratorException", "The iterator is of an earlier process.")
        return get_records(backend, iterator_arn, limit)

    return read


def _again_table(region: str, given: dict[str, Any]) -> None:
    _records(region).create_table(**given)


def _again_ttl(region: str, given: dict[str, Any]) -> None:
    _records(region).update_time_to_live(**given)


def _again_stream(region: str, given: dict[str, Any]) -> None:
    streams.kinesis_backends[DEFAULT_ACCOUNT_ID][region].create_stream(**given)


def _again_item(region: str, table: str, attributes: dict[str, Any]) -> None:
    _records(region).tables[table].put_item(attributes, overwrite=True)


def _again_no_item(
    region: str, table: str, hash_key: dict[str, Any], range_key: dict[str, Any] | None
) -> None:
    of_range = None if range_key is None else DynamoType(range_key)
    _records(region).tables[table].delete_item(DynamoType(hash_key), of_range)


def _again_record(region: str, stream: str, partition_key: str, explicit_hash_key: str, data: str) -> None:
    made = streams.kinesis_backends[DEFAULT_ACCOUNT_ID][region].streams[stream]
    made.put_record(partition_key, explicit_hash_key, data)


def _again_bucket(name: str, region: str) -> None:
    _files().create_bucket(name, region)


def _again_object(
    bucket: str,
    name: str,
    value: bytes,
    metadata: dict[str, str],
    algorithm: str | None,
    checksum: str | None,
) -> None:
    key = _files().put_object(bucket, name, value, checksum_value=checksum, disable_notification=True)
    key.set_metadata(metadata)
    key.checksum_algorithm = algorithm


def _again_no_object(bucket: str, name: str) -> None:
    _files().delete_object(bucket, name)


def _records(region: str) -> Any:
    return dynamodb_backends[DEFAULT_ACCOUNT_ID][region]


def _files() -> Any:
    return files.s3_backends[DEFAULT_ACCOUNT_ID][_PARTITION]


CHANGES: Final[dict[str, Callable[..., None]]] = {
    "table": _again_table,
    "ttl": _again_ttl,
    "item": _again_item,
    "no-item": _again_no_item,
    "bucket": _again_bucket,
    "object": _again_object,
    "no-object": _again_no_object,
    "stream": _again_stream,
    "record": _again_record,
}
"""How each kind is made again."""
