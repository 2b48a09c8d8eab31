"""What the app asks the hubs, over the wire: generations and last sequences, by one client a hub that is asked again."""

from __future__ import annotations

import itertools
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.eventhub import EventHubConsumerClient

from shared.adapters.aws.streams import KinesisStreams
from shared.adapters.azure.streams import EventHubsStreams
from shared.adapters.memory.clock import MemoryClock
from shared.domain.ingest.chain import hub_chain
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from shared.errors import Unavailable
from shared.names import RawZone
from shared.ports.lake import Lake
from shared.services.chain_walk import walk_chains
from shared.services.landing import Landing
from tests.contract.conftest import ask
from tests.emulators.aws_server import AwsServer
from tests.emulators.eventhubs.clients import Emulator

HUB = "vital-signs"


@pytest.fixture
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("hubs"), f"{HUB}:2:galen").start()
    yield running
    running.stop()


def test_one_client_a_hub_answers_again_and_again_and_after_the_hubs_were_away(emulator: Emulator) -> None:
    made: list[str] = []

    def connect(hub: str) -> EventHubConsumerClient:
        made.append(hub)
        return EventHubConsumerClient.from_connection_string(
            emulator.connection_string, consumer_group="galen", eventhub_name=hub, retry_total=0
        )

    streams = EventHubsStreams(connect)
    before = streams.positions(HUB)
    assert before.generation == streams.generation(HUB)
    assert before.last == {"0": -1, "1": -1}
    emulator.end(signal.SIGKILL)
    with pytest.raises(Unavailable):
        streams.positions(HUB)
    emulator.start()
    assert streams.positions(HUB) == before
    assert made == [HUB]


@pytest.fixture
def stream(kinesis: Any) -> str:
    name = f"{HUB}-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=2)
    return name


def put(kinesis: Any, stream: str, *keys: str) -> list[tuple[str, int]]:
    records = [{"PartitionKey": key, "Data": key.encode()} for key in keys]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    return [(each["ShardId"], int(each["SequenceNumber"])) for each in answer["Records"]]


def test_the_last_sequence_of_each_shard_is_told_though_kinesis_does_not_tell_it(
    kinesis: Any, stream: str, aws: AwsServer
) -> None:
    streams = KinesisStreams(kinesis, {HUB: stream})
    assert set(streams.positions(HUB).last.values()) == {-1}
    last = dict(put(kinesis, stream, *"abcdefghij"))
    assert len(last) == 2
    before = streams.positions(HUB)
    assert before.last == last
    assert before.generation == streams.generation(HUB)
    a_day_later = KinesisStreams(kinesis, {HUB: stream}, now=lambda: time.time() + 86_400)
    assert a_day_later.positions(HUB).last == last
    last |= put(kinesis, stream, "k")
    assert streams.positions(HUB).last == a_day_later.positions(HUB).last == last
    assert all(len(str(each)) == 56 for each in last.values())
    for status in (429, 503):
        ask(aws.port, "POST", {"match": "^kinesis:", "status": status, "count": 5})
        with pytest.raises(Unavailable):
            streams.positions(HUB)
        ask(aws.port, "DELETE")


def test_a_stream_made_anew_has_another_generation_though_its_sequences_go_on_rising(
    kinesis: Any, stream: str
) -> None:
    streams = KinesisStreams(kinesis, {HUB: stream})
    before = streams.generation(HUB)
    kinesis.delete_stream(StreamName=stream)
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    assert streams.generation(HUB) > before


def test_sequences_of_56_digits_with_gaps_make_a_chain_without_a_hole(
    kinesis: Any, stream: str, aws_lake: Lake
) -> None:
    shard, _ = put(kinesis, stream, "a")[0]
    sequences = [number for _, number in put(kinesis, stream, *"aaaaaaaa")]
    assert max(later - earlier for earlier, later in itertools.pairwise(sequences)) > 2**64
    generation = KinesisStreams(kinesis, {HUB: stream}).generation(HUB)
    chain = hub_chain(RawZone.VITAL_SIGNS, HUB, generation, "ward", shard)
    lines = [line(generation, shard, number) for number in sequences]
    landing = Landing(aws_lake, MemoryClock())
    landing.land(chain, lines[:3])
    landing.land(chain, lines[3:6])
    # Redelivered to another instance, with more: what had landed is found, the rest follows it.
    landed = Landing(aws_lake, MemoryClock()).land(chain, lines[1:])
    assert [each.line.sequence for each in landed] == sequences[1:]
    assert len(list(aws_lake.list(chain.folder))) == 3
    assert list(walk_chains(aws_lake, read=True)) == []
    aws_lake.delete(chain.path(sequences[2] + 1))
    assert [fault.kind for fault in walk_chains(aws_lake)] == ["hole"]


LONG, OLD = 90, 30


def test_an_old_redelivery_and_a_new_process_cost_no_more_where_the_chain_is_long(
    aws_lake: Lake, aws: AwsServer
) -> None:
    """One that looked at every file would make a call for each of the ninety."""
    shard, step = "shardId-000000000000", 19_342_813_113_834_066_795_298_817
    chain = hub_chain(RawZone.VITAL_SIGNS, HUB, "g", "ward", shard)
    sequences = [10**55 + number * step for number in range(2 * LONG)]
    lines = [line("g", shard, number) for number in sequences]
    first = Landing(aws_lake, MemoryClock())
    for start in range(0, len(lines), 2):
        first.land(chain, lines[start : start + 2])
    again = Landing(aws_lake, MemoryClock())
    aws.forget_calls()
    assert again.end_of(chain) == sequences[-1]
    opened = aws.calls()
    assert opened.keys() == {"s3:GetObject", "s3:ListBucket"}
    assert opened["s3:GetObject"] <= 4, "the hint, the last file, its predecessor"
    aws.forget_calls()
    found = again.land(chain, lines[OLD + 1 : OLD + 4])
    assert [each.line.sequence for each in found] == sequences[OLD + 1 : OLD + 4]
    cost = aws.calls()
    assert cost.keys() == {"s3:GetObject", "s3:ListBucket"}
    assert cost["s3:GetObject"] == 2, "two files hold what was asked for"
    assert cost["s3:ListBucket"] <= 23, "a window of 256 times the length each, of 56 digits"


def line(generation: str, shard: str, sequence: int) -> RawLine:
    body = str(sequence).encode()
    zone, at = RawZone.VITAL_SIGNS, "2026-03-29T00:00:00.000000Z"
    return RawLine(
        "ward", "stream", zone, "x", HUB, generation, shard, sequence, at, "", sha256_hex(body), body
    )
