"""Five designs that are known to lose, double or stale data: the oracle must catch each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import GENESIS, Chain, Link, describe, pack
from shared.domain.ingest.raw_line import RawLine
from shared.domain.versioning import Decision
from shared.errors import Busy, Unavailable
from shared.ports.lake import Lake
from shared.services.ingest import Ingest
from shared.services.landing import Landed, Landing
from shared.services.stream_door import StreamDoor
from tests.delivery.simulator import HUB, Receive
from tests.delivery.world import TENANT, World


def _door(world: World, *, landing: Any = None, ingest: Any = None) -> Receive:
    streams = world.adapters.streams
    door = StreamDoor(
        landing or world.landing,
        ingest or world.ingest,
        streams,
        world.clock,
        world.meter,
        {HUB: TENANT},
        "default",
    )
    return door.receive


class _Named:
    """Lands every batch as a file of its own, under a name made by `name`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def name(self, lines: Sequence[RawLine]) -> str:
        raise NotImplementedError

    def land(self, chain: Chain, lines: Sequence[RawLine]) -> list[Landed]:
        now = instant_text(self._world.clock.now())
        stamped = [replace(line, landed_at=now) for line in lines]
        data = pack(stamped)
        path = f"{chain.folder}/{self.name(lines)}.ndjson.gz"
        about = describe(data, stamped, Link("", -1, GENESIS))
        self._world.lake.put_if_absent(path, data, metadata=about)
        return [Landed(line, path, number) for number, line in enumerate(stamped, 1)]


class _ByChance(_Named):
    def name(self, lines: Sequence[RawLine]) -> str:
        return self._world.randomness.hex(32)


class _ByRange(_Named):
    def name(self, lines: Sequence[RawLine]) -> str:
        return f"{lines[0].sequence:020d}-{lines[-1].sequence:020d}"


class _BlindUpsert:
    """Writes whatever came last."""

    def __init__(self, world: World) -> None:
        self._records = world.records

    def apply(self, incoming: Iterable[Any], on_conflict: object = None) -> Counter[Decision]:
        for each in incoming:
            item = each.item
            there = self._records.read(item["tenant"], item["home"], item["id"])
            if there is None:
                self._records.create(item)
            else:
                self._records.replace(item, there["_etag"])
        return Counter()


class _InTwoSteps:
    """Creates the file, then fills it, as the Data Lake SDK's upload does."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lake, name)

    def put_if_absent(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        if not self._lake.put_if_absent(path, b"", metadata=metadata):
            return False
        self._lake.put(path, data, metadata=metadata)
        return True


def files_named_by_chance(world: World) -> Receive:
    """A uuid for each file."""
    return _door(world, landing=_ByChance(world))


def files_named_by_range(world: World) -> Receive:
    """First and last sequence in the name."""
    return _door(world, landing=_ByRange(world))


def blind_upsert(world: World) -> Receive:
    """The last to arrive wins."""
    a = world.adapters
    return _door(world, ingest=Ingest(_BlindUpsert(world), world.dead_letters, a.validator, world.meter))  # type: ignore[arg-type]


def exception_moves_the_checkpoint(world: World) -> Receive:
    """A busy store is an exception like any other, after which the host moves on."""

    def receive(hub: str, partition: str, records: Sequence[Any]) -> object:
        try:
            return world.stream_door.receive(hub, partition, records)
        except (Busy, Unavailable) as failure:
            raise RuntimeError from failure

    return receive


def file_made_in_two_steps(world: World) -> Receive:
    """An empty file stands under the final name for a moment."""
    return _door(world, landing=Landing(_InTwoSteps(world.lake), world.clock))  # type: ignore[arg-type]


WRONG_DESIGNS = (
    files_named_by_chance,
    files_named_by_range,
    blind_upsert,
    exception_moves_the_checkpoint,
    file_made_in_two_steps,
)
