"""A hub is asked for its generation once, however many of its partitions begin together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.adapters.memory.streams import MemoryStreams
from shared.domain.ingest.stream_record import StreamRecord
from shared.errors import Unavailable
from shared.names import HUB_CLINICAL_EVENTS
from tests.delivery.world import Stores, World, events, patient

_PARTITIONS = 4


class _Slow(MemoryStreams):
    """Answers when all partitions have begun."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.begun = threading.Semaphore(0)

    def generation(self, hub: str) -> str:
        self.asked.append(hub)
        for _ in range(_PARTITIONS):
            assert self.begun.acquire(timeout=30)
        return super().generation(hub)


def test_partitions_that_begin_together_ask_once() -> None:
    stores, streams = Stores(), _Slow()
    stores.streams = streams
    world = World(stores)

    def begin(partition: int) -> int:
        records: list[StreamRecord] = events([patient(f"p{partition}")], at=world.clock.now())
        streams.begun.release()
        return world.stream_door.receive(HUB_CLINICAL_EVENTS, str(partition), records).resources

    with ThreadPoolExecutor(_PARTITIONS) as pool:
        resources = list(pool.map(begin, range(_PARTITIONS)))
    assert resources == [1] * _PARTITIONS
    assert streams.asked == [HUB_CLINICAL_EVENTS]


def test_partitions_that_wait_share_the_failure_of_the_one_that_asked() -> None:
    stores, streams = Stores(), _Away()
    stores.streams = streams
    world = World(stores)

    def begin(partition: int) -> bool:
        records = events([patient(f"p{partition}")], at=world.clock.now())
        streams.begun.wait(timeout=30)
        try:
            world.stream_door.receive(HUB_CLINICAL_EVENTS, str(partition), records)
        except Unavailable:
            return True
        return False

    with ThreadPoolExecutor(_PARTITIONS) as pool:
        refused = list(pool.map(begin, range(_PARTITIONS)))
    assert refused == [True] * _PARTITIONS
    assert len(streams.asked) < _PARTITIONS


class _Away(MemoryStreams):
    """Does not answer, and says so once the other partitions wait for its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.begun = threading.Barrier(_PARTITIONS)

    def generation(self, hub: str) -> str:
        self.asked.append(hub)
        threading.Event().wait(0.5)
        raise Unavailable
