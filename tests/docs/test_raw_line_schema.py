"""The published schema of raw lines takes what the platform lands, and nothing else."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from shared.adapters.memory.clock import MemoryClock
from shared.adapters.memory.lake import MemoryLake
from shared.domain.fhir.identity import ResourceKey
from shared.domain.ingest.chain import Chain, file_chain, hub_chain
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from shared.domain.observability.meter import ProcessMeter
from shared.domain.records import Door, Item, Provenance, resource_item, source_version, tombstone_item
from shared.names import RawZone
from shared.services.bodies import Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.land_commits import LandCommits
from shared.services.landing import Landing
from tests.docs.documents import text_of
from tests.docs.schema import faults

SCHEMA = json.loads(text_of("docs/raw-line.schema.json"))
AT = "2026-03-29T01:30:00.000000Z"
KEY = ResourceKey("Patient", "0123456789ab-00112233445566778899")


def line(body: bytes = b'{"resourceType":"Patient"}', **more: Any) -> RawLine:
    """A line of a hub as the stream door makes it."""
    hub: dict[str, Any] = {
        "tenant": "ward-7",
        "door": Door.STREAM,
        "zone": RawZone.VITAL_SIGNS,
        "source": "default",
        "stream": "vital-signs",
        "generation": "20260329T013000000000",
        "partition": "0",
        "sequence": 0,
        "enqueued_at": AT,
        "landed_at": "",
        "sha256": sha256_hex(body),
        "body": body,
    }
    return RawLine(**{**hub, **more})


def landed(chain: Chain, *lines: RawLine) -> list[dict[str, Any]]:
    """The lines as they stand in the lake."""
    lake = MemoryLake()
    Landing(lake, MemoryClock()).land(chain, lines)
    return lines_in(lake, chain.folder)


def lines_in(lake: MemoryLake, folder: str) -> list[dict[str, Any]]:
    texts = [gzip.decompress(lake.read(file.path)).decode() for file in lake.list(folder)]
    return [json.loads(each) for text in texts for each in text.splitlines()]


def commits(*items: Item) -> list[dict[str, Any]]:
    """The commit lines of some items."""
    lake = MemoryLake()
    clock, meter = MemoryClock(), ProcessMeter()
    letters = DeadLetters(lake, clock, meter)
    LandCommits(lake, Bodies(lake), clock, meter, letters).land(items)
    return lines_in(lake, "raw/commits")


def origin(**more: str) -> Provenance:
    return Provenance(Door.HTTP, source_version(AT, "http", 0), AT, **more)


ARRIVALS = (
    landed(
        hub_chain(RawZone.VITAL_SIGNS, "vital-signs", "20260329T013000000000", "ward-7", "0"),
        line(),
        line(b"not \xff UTF-8", sequence=1),
        line(
            b"", sequence=2, key="p-12", content_type="application/json", properties={"traceparent": "00-…"}
        ),
    )
    + landed(
        hub_chain(
            RawZone.VITAL_SIGNS, "vital-signs", "20260329T013000000000", "ward-7", "shardId-000000000000"
        ),
        line(partition="shardId-000000000000", sequence=10**55),
    )
    + landed(
        file_chain(RawZone.PATIENT_RECORDS, "ward-7", "a" * 32),
        line(door=Door.FILE, zone=RawZone.PATIENT_RECORDS, stream="a" * 32, generation="b" * 16, sequence=1),
    )
)
COMMITS = commits(
    resource_item(
        "ward-7", KEY.address, {"resourceType": "Patient"}, KEY, origin(client="c", request_sha256="a" * 64)
    ),
    tombstone_item("ward-7", KEY.address, ResourceKey("Patient", "chosen.by-client"), origin()),
)


@pytest.mark.parametrize(
    "line_", ARRIVALS + COMMITS, ids=lambda each: f"{each['door']} {each.get('sequence', '')}"
)
def test_takes_what_the_platform_lands(line_: dict[str, Any]) -> None:
    assert list(faults(SCHEMA, line_)) == []


def test_the_examples_have_every_form() -> None:
    assert {each["door"] for each in ARRIVALS} == {"stream", "file"}
    assert any("body_b64" in each for each in ARRIVALS)
    assert {each["deleted"] for each in COMMITS} == {True, False}


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"tenant": "Ward 7"}, {"door": "post"}, {"sequence": -1}, {"sequence": "1"}, {"sha256": "short"},
        {"landed_at": ""}, {"properties": {"a": 1}}, {"body_b64": "AA=="}, {"extra": ""},
    ],
    ids=str,
)  # fmt: skip
def test_refuses_an_arrival_with(change: dict[str, Any]) -> None:
    assert list(faults(SCHEMA, {**ARRIVALS[0], **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1"},
        {"deleted": "no"},
        {"content_hash": ""},
        {"home": "ward"},
        {"id": "../x"},
        {"door": "stream"},
    ],
    ids=str,
)
def test_refuses_a_commit_with(change: dict[str, Any]) -> None:
    assert list(faults(SCHEMA, {**COMMITS[0], **change}))


@pytest.mark.parametrize("example", [ARRIVALS[0], COMMITS[0]], ids=["arrival", "commit"])
def test_every_field_but_the_two_bodies_is_required(example: dict[str, Any]) -> None:
    for name in example:
        assert list(faults(SCHEMA, {key: value for key, value in example.items() if key != name})), name
