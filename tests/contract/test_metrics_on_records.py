"""Counts of processes that ended are folded into the total, on memory and on the emulators."""

from __future__ import annotations

import pytest

from shared.adapters.memory.clock import MemoryClock
from shared.domain.observability.meter import ProcessMeter
from shared.ports.records import Records
from shared.services.metrics import SILENT, Metrics


@pytest.mark.parametrize("store", ["memory_records", "cosmos_records", "dynamo_records"])
def test_counts_of_an_ended_process_are_folded_once_and_stay(
    store: str, request: pytest.FixtureRequest
) -> None:
    records: Records = request.getfixturevalue(store)
    clock = MemoryClock()

    def process(name: str, scores: int) -> Metrics:
        meter = ProcessMeter()
        meter.count("galen_scores_total", scores)
        meter.observe("galen_alert_seconds", 0.25)
        made = Metrics(meter, records, clock, name)
        made.publish()
        return made

    def shown(metrics: Metrics) -> list[float]:
        wanted = ("galen_scores_total", "galen_alert_seconds_sum")
        return [sample.value for sample in metrics.snapshot() if sample.name in wanted]

    process("a", 3), process("b", 4)
    clock.advance(SILENT.total_seconds() + 1)
    c = process("c", 1)
    assert shown(c) == [8, 0.75]
    assert c.fold() == 2
    assert c.fold() == 0
    assert shown(c) == [8, 0.75]
