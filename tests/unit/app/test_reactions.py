"""The reactions to a page of the change feed: each gets its turn, and a store that fails holds the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.adapters.memory.clock import MemoryClock, SeededRandomness
from shared.adapters.memory.lake import MemoryLake
from shared.adapters.memory.records import MemoryRecords
from shared.adapters.memory.streams import MemoryStreams
from shared.adapters.process.jobs import ProcessJobs
from shared.bootstrap import Adapters, Services
from shared.domain.access.caller import Caller
from shared.domain.fhir.validation.validator import R4Validator
from shared.domain.ingest.stream_record import StreamRecord
from shared.errors import Unavailable
from shared.names import HUB_VITAL_SIGNS
from shared.settings import Settings


class LakeThatGoesDown(MemoryLake):
    """Takes files until it is down."""

    down = False

    def put_if_absent(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        if self.down:
            raise Unavailable
        return super().put_if_absent(path, data, metadata=metadata)


class Ward(Services):
    """The services over memory, with one vital sign received and one resource committed by HTTP."""

    def __init__(self) -> None:
        self.memory, self.files = MemoryRecords(), LakeThatGoesDown()
        adapters = Adapters(
            records=self.memory,
            lake=self.files,
            dropped=MemoryLake(),
            streams=MemoryStreams(),
            jobs=ProcessJobs(""),
            validator=R4Validator(best_practice=False),
            clock=MemoryClock(),
            randomness=SeededRandomness(),
        )
        super().__init__(Settings(link_key="k" * 32), adapters)
        at = self.clock.now() - timedelta(minutes=1)
        reading = {"device": "m", "patient": "p", "effective": at.isoformat(), "metric": "respiratory_rate"}
        body = json.dumps({**reading, "value": 30, "unit": "/min"}).encode()
        self.stream_door.receive(HUB_VITAL_SIGNS, "0", [StreamRecord(body, 0, self.clock.now())])
        self.interactions.create(Caller("c", "default", ()), {"resourceType": "Basic", "code": {"text": "x"}})


def commits(lake: MemoryLake) -> int:
    return len(list(lake.list("raw/commits")))


def alerts(ward: Ward) -> list[str]:
    return [alert["model"] for alert in ward.alerts.since("default", None, 10).alerts]


def test_a_page_is_scored_and_its_commits_are_landed() -> None:
    ward = Ward()
    ward.reactions.react(ward.memory.changes)
    assert "news2" in alerts(ward)
    assert commits(ward.files) == 1


def test_a_lake_that_is_down_holds_the_page_and_not_its_alerts() -> None:
    ward = Ward()
    page = list(ward.memory.changes)
    ward.files.down = True
    with pytest.raises(Unavailable):
        ward.reactions.react(page)
    told = alerts(ward)
    assert "news2" in told
    ward.files.down = False
    ward.reactions.react(page)
    assert commits(ward.files) == 1
    assert alerts(ward) == told
