"""What a platform has done so far, from `/metrics` and the dead letters, as plain JSON values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from local.ports import get
from local.run_state import RunState
from local.running import services_of
from shared.domain.records import Door

_SAMPLE: Final = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_DOORS: Final = (Door.HTTP, Door.STREAM, Door.FILE)

Series = tuple[str, dict[str, str], float]


def platform_counts(state: RunState) -> dict[str, Any]:
    """Counts per door, open dead letters by stage, alerts by severity, lag by hub, freshness by layer.

    Of processes other than the one that answers they are some seconds old. Raises OSError where it does not answer.
    """
    status, text = get(state.port, "/metrics")
    if status != 200:
        raise OSError(f"/metrics was answered with {status}")
    samples = list(series(text.decode()))
    lines, versions = _by(samples, "galen_lines_total", "door"), _by(samples, "galen_versions_total", "door")
    rejected = _by(samples, "galen_dead_letters_total", "door")
    return {
        "doors": {
            # By HTTP every version is a line of its own.
            door.value: {
                "lines": lines[door],
                "versions": lines[door] if door is Door.HTTP else versions[door],
                "rejected": rejected[door],
            }
            for door in _DOORS
        },
        "scores": sum(int(value) for name, _, value in samples if name == "galen_scores_total"),
        "alerts": {k: v for k, v in _by(samples, "galen_alerts_total", "severity").items() if v},
        "dead_letters_open": dict(services_of(state).dead_letters.open_by_stage()),
        "lag_events": dict(_by(samples, "galen_stream_lag_events", "hub")),
        "freshness_seconds": {
            labels["layer"]: value for name, labels, value in samples if name == "galen_freshness_seconds"
        },
    }


def series(text: str) -> Iterator[Series]:
    """Name, labels and value of each sample of a Prometheus exposition."""
    for line in text.splitlines():
        match = _SAMPLE.fullmatch(line)
        if match:
            yield match[1], dict(_LABEL.findall(match[2] or "")), float(match[3])


def _by(samples: list[Series], wanted: str, label: str) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for name, labels, value in samples:
        if name == wanted:
            totals[labels.get(label, "")] += int(value)
    return totals
