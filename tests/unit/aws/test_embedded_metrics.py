"""What the functions tell CloudWatch in their logs: what was added since the last line, and gauges as they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.aws.batches import counted
from shared.domain.observability.embedded import MOST_VALUES, EmbeddedMetrics, gauges
from shared.domain.observability.meter import ProcessMeter
from shared.domain.observability.prometheus import Sample
from tests.delivery.world import World

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)


def _told(lines: list[str]) -> dict[tuple[str, str], Any]:
    """Values by name and dimension, as CloudWatch reads them: each metric that a directive names is at the root."""
    found = {}
    for line in lines:
        document = json.loads(line)
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], document["_aws"]["Timestamp"]) == ("galen", 1_769_846_400_000)
        (dimensions,) = directive["Dimensions"]
        for metric in directive["Metrics"]:
            at = " ".join(f"{name}={document[name]}" for name in dimensions)
            found[metric["Name"], at] = document[metric["Name"]]
    return found


def test_counts_are_told_once_summed_over_their_series() -> None:
    meter, embedded = ProcessMeter(), EmbeddedMetrics()
    meter.count("galen_lines_total", 3, door="stream")
    meter.count("galen_lines_total", 2, door="file")
    meter.count("galen_refused_total", status="401", reason="signature")
    meter.count("galen_refused_total", status="429", reason="busy")
    meter.count("galen_scores_total")
    first = embedded.counts(meter.export()["counters"], NOW)
    assert _told(first) == {("galen_lines_total", ""): [5], ("galen_refused_total", ""): [1]}
    assert embedded.counts(meter.export()["counters"], NOW) == []
    meter.count("galen_lines_total", 4, door="file")
    assert _told(embedded.counts(meter.export()["counters"], NOW)) == {("galen_lines_total", ""): [4]}


def test_gauges_are_told_by_the_dimension_that_an_alarm_asks_for() -> None:
    samples = [
        Sample("galen_chain_faults", "gauge", "", {"kind": "hole"}, 1),
        Sample("galen_chain_faults", "gauge", "", {"kind": "fork"}, 0),
        Sample("galen_freshness_seconds", "gauge", "", {"layer": "raw"}, 90_000),
        Sample("galen_freshness_seconds", "gauge", "", {"layer": "processed"}, 60),
        Sample("galen_intents_open", "gauge", "", {}, 7),
    ]
    assert _told(gauges(samples, NOW)) == {
        ("galen_chain_faults", ""): [0, 1],
        ("galen_freshness_seconds", "layer=raw"): [90_000],
        ("galen_freshness_seconds", "layer=processed"): [60],
    }


def test_of_more_values_than_a_line_takes_the_highest_are_told() -> None:
    many = [
        Sample("galen_model_out_of_bounds", "gauge", "", {"kind": str(n)}, n) for n in range(MOST_VALUES + 9)
    ]
    (values,) = _told(gauges(many, NOW)).values()
    assert (len(values), max(values)) == (MOST_VALUES, MOST_VALUES + 8)


def test_an_invocation_leaves_its_counts_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    counted(world, lambda: world.meter.count("galen_lines_total", 2, door="stream"))
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["galen_lines_total"] == [2]
    counted(world, lambda: None)
    assert capsys.readouterr().out == ""
