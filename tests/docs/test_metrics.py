"""The metrics table of operations.md is the catalogue."""

from __future__ import annotations

from shared.domain.observability.catalogue import COUNTERS, GAUGES, HISTOGRAMS
from tests.docs.documents import codes_in, table_after, text_of

ROWS = table_after(text_of("docs/operations.md"), "| metric | kind |")


def test_every_metric_stands_in_the_table_under_its_kind() -> None:
    kinds = {"counter": COUNTERS, "histogram": HISTOGRAMS, "gauge": GAUGES}
    documented = {(codes_in(row[0])[0], row[1]) for row in ROWS}
    assert documented == {(name, kind) for kind, metrics in kinds.items() for name in metrics}


def test_no_metric_stands_there_twice_and_each_has_a_meaning() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS)
    assert all(row[3] for row in ROWS)
