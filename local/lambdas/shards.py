"""Readers of shards: records of a Kinesis stream or changes of a table, in order, handed to a function batch by batch.

Where a reader is in its shard stands in a file, so that one that was killed goes on: what was under way comes again.
Lambda asks each shard once a second; here it is five times, for nobody pays for the questions.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.components.aws.function_plan import CHANGE_AGE_S, RECORD_AGE_S
from local.lambdas.batches import Batches, Record
from local.lambdas.function import Function

POLL_S: Final = 0.2
"""After a read that found nothing; each further one waits twice as long, up to the pace at which Lambda asks."""
_UNREACHABLE_S: Final = 1.0
_log: Final = logging.getLogger("galen.lambda")


class Source:
    """A stream as both services have it: its shards, and pages of one. `client` is boto3's."""

    oldest_s: float
    """After so long its mapping gives a record up."""
    idle_s: float
    """How long Lambda waits between two reads: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html."""

    def __init__(self, client: Any, region: str) -> None:
        self.client = client
        self.region = region

    def shards(self) -> list[str]:
        """The ids of those there are."""
        raise NotImplementedError

    def iterator(self, shard: str, after: str) -> str:
        """A place in a shard: after a sequence, or at its beginning."""
        raise NotImplementedError

    def record(self, shard: str, read: dict[str, Any]) -> Record | None:
        """As Lambda hands it over; None where the mapping filters it out."""
        raise NotImplementedError

    def sequence_of(self, record: Record) -> str:
        """Of a record as handed over."""
        raise NotImplementedError

    def age_s(self, record: Record) -> float:
        """Since it arrived."""
        raise NotImplementedError

    def read(self, place: str, most: int) -> tuple[list[dict[str, Any]], str]:
        """The next records, and the place after them, empty where the shard has ended."""
        page = self.client.get_records(ShardIterator=place, Limit=most)
        return page["Records"], page.get("NextShardIterator") or ""


class KinesisSource(Source):
    """https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html"""

    oldest_s = RECORD_AGE_S
    idle_s = 1.0

    def __init__(self, client: Any, region: str, stream: str) -> None:
        super().__init__(client, region)
        self._stream = stream

    def shards(self) -> list[str]:
        return [shard["ShardId"] for shard in self.client.list_shards(StreamName=self._stream)["Shards"]]

    def iterator(self, shard: str, after: str) -> str:
        start = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        found = self.client.get_shard_iterator(StreamName=self._stream, ShardId=shard, **start)
        return str(found["ShardIterator"])

    def record(self, shard: str, read: dict[str, Any]) -> Record:
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": read["PartitionKey"],
                "sequenceNumber": read["SequenceNumber"],
                "data": base64.b64encode(read["Data"]).decode(),
                "approximateArrivalTimestamp": read["ApproximateArrivalTimestamp"].timestamp(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{read['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "awsRegion": self.region,
            "eventSourceARN": f"arn:aws:kinesis:{self.region}:000000000000:stream/{self._stream}",
        }

    def sequence_of(self, record: Record) -> str:
        return str(record["kinesis"]["sequenceNumber"])

    def age_s(self, record: Record) -> float:
        return float(time.time() - record["kinesis"]["approximateArrivalTimestamp"])


class TableSource(Source):
    """https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html; entries of the search index have no `k`."""

    oldest_s = CHANGE_AGE_S
    idle_s = 0.25

    def __init__(self, client: Any, region: str, arn: str) -> None:
        super().__init__(client, region)
        self._arn = arn

    def shards(self) -> list[str]:
        about = self.client.describe_stream(StreamArn=self._arn)["StreamDescription"]
        return [shard["ShardId"] for shard in about["Shards"]]

    def iterator(self, shard: str, after: str) -> str:
        start = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        found = self.client.get_shard_iterator(StreamArn=self._arn, ShardId=shard, **start)
        return str(found["ShardIterator"])

    def record(self, shard: str, read: dict[str, Any]) -> Record | None:  # noqa: ARG002 - a change names no shard
        if "k" not in read["dynamodb"].get("NewImage", {}):
            return None
        change = _plain({**read["dynamodb"]})
        return {**{name: value for name, value in read.items() if name != "dynamodb"}, "dynamodb": change}

    def sequence_of(self, record: Record) -> str:
        return str(record["dynamodb"]["SequenceNumber"])

    def age_s(self, record: Record) -> float:
        made = record["dynamodb"].get("ApproximateCreationDateTime")
        return float(time.time() - made) if made else 0.0


def _plain(value: Any) -> Any:
    """As Lambda writes what boto3 has decoded: bytes in base64, instants as seconds."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


class ShardReader:
    """Hands one shard over to a function, from where its file says."""

    def __init__(self, source: Source, shard: str, function: Function, batch: int, place: Path) -> None:
        self._source = source
        self._shard = shard
        self._batch = batch
        self._place = place
        self._stop = threading.Event()
        self._batches = Batches(
            function,
            sequence_of=source.sequence_of,
            age_s=source.age_s,
            oldest_s=source.oldest_s,
            set_aside=self._set_aside,
            wait=self._stop.wait,
        )

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        self._stop = stop
        while not stop.is_set():
            try:
                self._follow(stop)
                return
            except (BotoCoreError, ClientError) as failure:
                _log.warning("a shard was not read: %s", type(failure).__name__)
                stop.wait(_UNREACHABLE_S)

    def _follow(self, stop: threading.Event) -> None:
        after = self._place.read_text("utf-8") if self._place.exists() else ""
        place, pause_s = self._source.iterator(self._shard, after), POLL_S
        while place and not stop.is_set():
            read, place = self._source.read(place, self._batch)
            records = [record for each in read if (record := self._source.record(self._shard, each))]
            if records:
                self._batches.run(records, self._done)
            elif read:
                self._done(str(read[-1].get("SequenceNumber") or read[-1]["dynamodb"]["SequenceNumber"]))
            else:
                stop.wait(pause_s)
            pause_s = POLL_S if read else min(2 * pause_s, self._source.idle_s)

    def _done(self, sequence: str) -> None:
        partial = self._place.with_suffix(".partial")
        partial.write_text(sequence, "utf-8")
        partial.replace(self._place)

    def _set_aside(self, records: Sequence[Record]) -> None:
        """Where the stack has a bucket, a folder: what is in it nobody has handled."""
        text = json.dumps(list(records))
        name = hashlib.sha256(text.encode()).hexdigest()
        self._place.with_name(f"given-up-{name[:16]}.json").write_text(text, "utf-8")
        _log.error("%d records were given up", len(records))


def readers_of(
    source: Source, function: Function, batch: int, folder: Path
) -> Iterator[Callable[[threading.Event], None]]:
    """What reads each shard of a stream that has been made."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in source.shards():
        yield ShardReader(source, shard, function, batch, folder / f"{function.plan.name}-{shard}").run
