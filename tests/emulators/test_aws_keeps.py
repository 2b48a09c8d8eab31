"""The AWS emulator with a folder: what it answered is there after a SIGKILL, with the instants and numbers it had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.adapters.aws.connections import client
from shared.adapters.aws.table import table_request
from tests.emulators.aws_server import REGION, AwsServer

TABLE, BUCKET, STREAM = "records", "lake", "readings"
SERVICES = ("dynamodb", "dynamodbstreams", "kinesis", "s3")
Clients = dict[str, Any]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "kept")


@contextmanager
def _emulator(data: Path) -> Iterator[Clients]:
    running = AwsServer(data)
    try:
        with ExitStack() as open_clients:
            yield {
                each: open_clients.enter_context(closing(client(each, running.place))) for each in SERVICES
            }
    finally:
        running.stop(at_once=True)


def _item(key: str, value: str) -> dict[str, Any]:
    return {"pk": {"S": "home"}, "sk": {"S": key}, "k": {"S": "current"}, "z": {"B": value.encode()}}


def _fill(aws: Clients) -> None:
    table = aws["dynamodb"]
    table.create_table(**table_request(TABLE))
    for key in ("a", "b", "c"):
        table.put_item(TableName=TABLE, Item=_item(key, "first"))
    table.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": _item("a", "second")}},
            {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "home"}, "sk": {"S": "b"}}}},
        ]
    )
    with pytest.raises(ClientError, match="TransactionCanceled"):
        table.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": TABLE, "Item": _item("never", "x")}},
                {
                    "Put": {
                        "TableName": TABLE,
                        "Item": _item("a", "x"),
                        "ConditionExpression": "attribute_not_exists(sk)",
                    }
                },
            ]
        )
    files = aws["s3"]
    files.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    files.put_object(
        Bucket=BUCKET,
        Key="raw/0.ndjson.gz",
        Body=b"\x00\xffbytes",
        Metadata={"end": "7"},
        ContentEncoding="gzip",
        IfNoneMatch="*",
    )
    files.put_object(Bucket=BUCKET, Key="gone", Body=b"x")
    files.delete_object(Bucket=BUCKET, Key="gone")
    aws["kinesis"].create_stream(StreamName=STREAM, ShardCount=2)
    aws["kinesis"].put_records(
        StreamName=STREAM, Records=[{"Data": bytes([n]), "PartitionKey": str(n)} for n in range(6)]
    )


def _seen(aws: Clients) -> dict[str, Any]:
    """Everything that a reader can see, instants and sequences included."""
    table, streams, kinesis = aws["dynamodb"], aws["dynamodbstreams"], aws["kinesis"]
    arn = table.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = {"ShardIteratorType": "TRIM_HORIZON"}
    place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **start)["ShardIterator"]
    changes = streams.get_records(ShardIterator=place)["Records"]
    records = []
    for shard in ("shardId-000000000000", "shardId-000000000001"):
        place = kinesis.get_shard_iterator(StreamName=STREAM, ShardId=shard, **start)["ShardIterator"]
        records += kinesis.get_records(ShardIterator=place)["Records"]
    file = aws["s3"].get_object(Bucket=BUCKET, Key="raw/0.ndjson.gz")
    kept = ("ETag", "LastModified", "Metadata", "ContentEncoding", "ContentLength")
    return {
        "arn": arn,
        "items": table.scan(TableName=TABLE)["Items"],
        "changes": [change["dynamodb"] for change in changes],
        "records": records,
        "stream": kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"],
        "file": {**{name: file[name] for name in kept}, "body": file["Body"].read()},
        "files": [each["Key"] for each in aws["s3"].list_objects_v2(Bucket=BUCKET)["Contents"]],
    }


def test_what_was_answered_is_there_after_a_kill_and_what_comes_then_goes_on_behind_it(
    tmp_path: Path,
) -> None:
    with _emulator(tmp_path) as aws:
        _fill(aws)
        before = _seen(aws)
    assert [item["sk"]["S"] for item in before["items"]] == ["a", "c"]
    with (tmp_path / "changes.ndjson").open("ab") as file:
        file.write(b'{"at": "2026-')  # killed while it wrote
    with _emulator(tmp_path) as aws:
        assert _seen(aws) == before
        aws["kinesis"].put_record(StreamName=STREAM, Data=b"later", PartitionKey="1")
        aws["dynamodb"].put_item(TableName=TABLE, Item=_item("d", "later"))
        later = _seen(aws)
        assert len(later["records"]) == 7
        assert int(later["changes"][-1]["SequenceNumber"]) == int(before["changes"][-1]["SequenceNumber"]) + 1
    with _emulator(tmp_path) as aws:
        assert _seen(aws) == later


def test_an_iterator_of_an_earlier_process_has_expired_and_what_would_not_be_kept_is_refused(
    tmp_path: Path,
) -> None:
    with _emulator(tmp_path) as aws:
        table = aws["dynamodb"]
        table.create_table(**table_request(TABLE))
        with pytest.raises(ClientError, match="can keep"):
            table.update_item(TableName=TABLE, Key={"pk": {"S": "h"}, "sk": {"S": "a"}})
        with pytest.raises(ClientError, match="ExpiredIteratorException"):
            aws["dynamodbstreams"].get_records(ShardIterator="arn:of/an/earlier|1|process")
