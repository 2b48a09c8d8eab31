"""Counters of the whole platform never fall: not when a process ends, comes back, or a fold is cut off."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.adapters.memory.clock import MemoryClock
from shared.adapters.memory.faults import Failure, FaultyRecords, Script
from shared.adapters.memory.records import MemoryRecords
from shared.domain.observability.meter import ProcessMeter
from shared.errors import Unavailable
from shared.ports.clock import Clock
from shared.ports.records import Records
from shared.services.metrics import HOME, SILENT, TENANT, TOTAL, Metrics

HOUR_S = SILENT.total_seconds()
NAME = "galen_scores_total"
TIMED = "galen_alert_seconds"


class Killed(BaseException):
    """The process is gone."""


class Platform:
    """Processes over one store; each counts, publishes, folds and is scraped on demand."""

    def __init__(self) -> None:
        self.records, self.clock, self.script = MemoryRecords(), MemoryClock(), Script()

    def process(self, name: str) -> Process:
        return Process(name, FaultyRecords(self.records, self.script), self.clock)

    def steady(self, name: str) -> Process:
        """A process whose calls no plan touches, so that a plan can let it work in the middle of another's."""
        return Process(name, self.records, self.clock)


class Process:
    """One process: what it has counted, and its metrics."""

    def __init__(self, name: str, records: Records, clock: Clock) -> None:
        self.meter = ProcessMeter()
        self.metrics = Metrics(self.meter, records, clock, name)

    def counted(self, number: int) -> Process:
        self.meter.count(NAME, number)
        self.metrics.publish()
        return self

    def scrape(self, name: str = NAME) -> float:
        return sum(sample.value for sample in self.metrics.snapshot() if sample.name == name)


def test_the_counts_of_a_process_that_ended_stay() -> None:
    platform = Platform()
    platform.process("a").counted(3)
    b = platform.process("b").counted(4)
    assert b.scrape() == 7
    platform.clock.advance(HOUR_S + 1)
    b.metrics.publish()
    assert b.metrics.fold() == 1
    assert b.scrape() == 7
    assert b.metrics.fold() == 0
    platform.clock.advance(30 * 24 * HOUR_S)
    assert platform.process("c").scrape() == 7


def test_histograms_are_kept_to_the_microsecond() -> None:
    platform = Platform()
    for name in "abc":
        process = platform.process(name)
        for _ in range(7):
            process.meter.observe(TIMED, 0.1)
        process.metrics.publish()
    before = process.scrape(f"{TIMED}_sum"), process.scrape(f"{TIMED}_count")
    platform.clock.advance(HOUR_S + 1)
    assert process.metrics.fold() == 3
    assert (process.scrape(f"{TIMED}_sum"), process.scrape(f"{TIMED}_count")) == before == (2.1, 21)


def test_a_gauge_goes_with_its_process() -> None:
    platform = Platform()
    a, b = platform.process("a"), platform.process("b")
    a.meter.gauge("galen_intents_open", 5)
    a.metrics.publish()
    assert b.scrape("galen_intents_open") == 5
    platform.clock.advance(HOUR_S + 1)
    assert b.scrape("galen_intents_open") == 0


@pytest.mark.parametrize("applied", [False, True])
def test_a_process_killed_in_its_fold_leaves_each_count_once(applied: bool) -> None:
    platform = Platform()
    platform.process("a").counted(3)
    platform.process("b").counted(5)
    c = platform.process("c").counted(1)
    platform.clock.advance(HOUR_S + 1)
    c.metrics.publish()
    platform.script.plan = lambda _name, writes: Failure(Killed(), applied) if writes else None
    with pytest.raises(Killed):
        c.metrics.fold()
    platform.script.plan = lambda _name, _writes: None
    d = platform.process("d")
    assert d.scrape() == 9
    assert d.metrics.fold() == (0 if applied else 2)
    assert d.scrape() == 9


@pytest.mark.parametrize("call", range(2))
def test_two_that_fold_at_once_fold_once(call: int) -> None:
    platform = Platform()
    platform.process("a").counted(3)
    b, c = platform.process("b"), platform.steady("c")
    platform.clock.advance(HOUR_S + 1)
    _between(platform, call, c.metrics.fold)
    b.metrics.fold()
    assert b.scrape() == 3


@pytest.mark.parametrize("call", range(6))
def test_a_scrape_during_a_fold_shows_neither_more_nor_less(call: int) -> None:
    platform = Platform()
    platform.process("a").counted(3)
    b, c = platform.process("b").counted(4), platform.steady("c")
    platform.clock.advance(HOUR_S + 1)
    b.metrics.publish()
    _between(platform, call, c.metrics.fold)
    assert b.scrape() == 7
    assert c.scrape() == 7


def _between(platform: Platform, call: int, work: Any) -> None:
    """Do some work before the call of that number to the store."""
    left = call

    def plan(_name: str, _writes: bool) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            platform.script.plan = lambda _name, _writes: None
            work()

    platform.script.plan = plan


def test_a_process_that_was_suspended_goes_on_where_it_was() -> None:
    platform = Platform()
    a, b = platform.process("a").counted(3), platform.process("b")
    platform.clock.advance(HOUR_S + 1)
    assert b.metrics.fold() == 1
    assert a.scrape() == 3
    assert a.counted(2).scrape() == 5
    platform.clock.advance(HOUR_S + 1)
    assert b.metrics.fold() == 1
    assert b.scrape() == 5


def test_a_process_whose_folded_item_has_expired_goes_on_where_it_was() -> None:
    platform = Platform()
    a, b = platform.process("a").counted(3), platform.process("b")
    platform.clock.advance(HOUR_S + 1)
    b.metrics.fold()
    there = platform.records.read(TENANT, HOME, "metrics.a")
    assert there is not None
    platform.records.delete(TENANT, HOME, "metrics.a", there["_etag"])
    assert a.counted(2).scrape() == 5


def test_a_quiet_process_gives_signs_of_life() -> None:
    platform = Platform()
    a, b = platform.process("a").counted(3), platform.process("b")
    for _ in range(20):
        platform.clock.advance(HOUR_S / 4)
        a.metrics.publish()
        assert b.metrics.fold() == 0
    written = len(platform.records.changes)
    for _ in range(20):
        a.metrics.publish()
    assert len(platform.records.changes) == written


def test_a_histogram_with_other_buckets_begins_anew() -> None:
    platform = Platform()
    a = platform.process("a")
    a.meter.observe(TIMED, 0.1)
    a.metrics.publish()
    platform.clock.advance(HOUR_S + 1)
    a.metrics.fold()
    total = platform.records.read(TENANT, HOME, TOTAL)
    assert total is not None
    total["body"] = total["body"].replace("[0", "[0,0", 1)
    platform.records.replace({k: v for k, v in total.items() if k != "_etag"}, total["_etag"])
    assert platform.process("b").scrape(f"{TIMED}_count") == 0


@pytest.mark.parametrize("seed", range(40))
def test_no_scrape_shows_less_than_the_one_before_whatever_fails(seed: int) -> None:
    chance, platform = random.Random(seed), Platform()
    processes = [platform.process(str(number)) for number in range(4)]
    truth = shown = 0.0

    def plan(_name: str, _writes: bool) -> Failure | None:
        lost = chance.random() < 0.15
        return Failure(Unavailable(), applied=chance.random() < 0.5) if lost else None

    platform.script.plan = plan
    for step in range(120):
        if chance.random() < 0.05:
            processes.append(platform.process(f"next {step}"))
        process = chance.choice(processes[-4:])
        number = chance.randrange(4)
        process.meter.count(NAME, number)
        try:
            process.metrics.publish()
            platform.clock.advance(chance.choice([5, HOUR_S / 2, 2 * HOUR_S]))
            process.metrics.fold()
            now = process.scrape()
        except Unavailable:
            truth += number
            continue
        truth += number
        assert shown <= now <= truth
        shown = now
    platform.script.plan = lambda _name, _writes: None
    for process in processes:
        process.metrics.publish()
    assert processes[0].scrape() == truth
