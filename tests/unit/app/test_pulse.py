"""Health sees a worker that is down by the age of its pulse."""

from __future__ import annotations

import pytest

from shared.adapters.memory.clock import MemoryClock
from shared.adapters.memory.records import MemoryRecords
from shared.errors import Unavailable
from shared.services.pulse import REACTIONS, TIMERS, Pulse


def test_a_platform_that_never_beat_is_not_well() -> None:
    pulse = Pulse(MemoryRecords(), MemoryClock())
    with pytest.raises(Unavailable):
        pulse.require(TIMERS)


def test_the_reactions_answer_the_beat_that_passes_the_feed() -> None:
    records = MemoryRecords()
    pulse = Pulse(records, MemoryClock())
    pulse.beat()
    pulse.require(TIMERS)
    with pytest.raises(Unavailable):
        pulse.require(REACTIONS)
    pulse.echo(records.changes)
    pulse.require(REACTIONS)


def test_an_echo_does_not_call_for_another() -> None:
    records = MemoryRecords()
    pulse = Pulse(records, MemoryClock())
    pulse.beat()
    pulse.echo(records.changes)
    written = len(records.changes)
    pulse.echo(records.changes[-1:])
    assert len(records.changes) == written


def test_a_pulse_ages_once_its_worker_is_down() -> None:
    records, clock = MemoryRecords(), MemoryClock()
    pulse = Pulse(records, clock)
    pulse.beat()
    pulse.echo(records.changes)
    clock.advance(60)
    pulse.beat()
    clock.advance(60)
    pulse.require(TIMERS)
    with pytest.raises(Unavailable):
        pulse.require(REACTIONS)
