"""Lines of Kinesis in the tables: sequences are longer than 64 bits, so a line is told by its number in its chain."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

from shared.adapters.memory.clock import MemoryClock
from shared.adapters.memory.lake import MemoryLake
from shared.domain.ingest.chain import Chain, hub_chain
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from shared.names import RawZone
from shared.services.landing import HINT_EVERY, Landing
from spark.transforms.expand_lines import BatchContext, line_of
from tests.unit.aws.events import FIRST, SHARD, STEP

HUB, GENERATION, TENANT = "vital-signs", "20260329T013000000000", "ward"
CONTEXT = BatchContext("raw", 1, datetime(2026, 3, 29, tzinfo=UTC))


def chain(partition: str) -> Chain:
    return hub_chain(RawZone.VITAL_SIGNS, HUB, GENERATION, TENANT, partition)


def lines(partition: str, *sequences: int) -> list[RawLine]:
    at = "2026-03-29T01:30:00.000000Z"
    place = (TENANT, "stream", RawZone.VITAL_SIGNS, "x", HUB, GENERATION, partition)
    return [RawLine(*place, number, at, "", sha256_hex(b"{}"), b"{}") for number in sequences]


def numbers_in_tables(lake: MemoryLake, folder: str) -> list[int]:
    """The sequence that bronze gives each line."""
    return [
        line_of(text, file.path, CONTEXT)[1]["sequence"]
        for file in lake.list(folder)
        if not file.path.endswith("_head")
        for text in gzip.decompress(lake.read(file.path)).splitlines()
    ]


def test_lines_of_a_shard_are_numbered_through_their_chain_whoever_lands_them() -> None:
    lake, sequences = MemoryLake(), [FIRST + STEP * number for number in range(HINT_EVERY + 6)]
    landing = Landing(lake, MemoryClock())
    for sequence in sequences[: HINT_EVERY + 1]:
        landing.land(chain(SHARD), lines(SHARD, sequence))
    another = Landing(lake, MemoryClock())
    landed = another.land(chain(SHARD), lines(SHARD, *sequences[HINT_EVERY - 1 :]))
    assert [each.line.ordinal for each in landed] == list(range(HINT_EVERY - 1, HINT_EVERY + 6))
    assert numbers_in_tables(lake, chain(SHARD).folder) == list(range(HINT_EVERY + 6))


def test_lines_of_a_partition_without_gaps_say_nothing_of_it() -> None:
    lake = MemoryLake()
    (landed,) = Landing(lake, MemoryClock()).land(chain("0"), lines("0", 7))
    assert landed.line.ordinal is None
    assert "ordinal" not in landed.line.to_json()
    (file,) = lake.list("raw")
    assert set(file.metadata) == {"end", "count", "sha256", "previous", "chain"}
    assert numbers_in_tables(lake, chain("0").folder) == [7]
