"""A worker stays on the processor that it was given, and what it starts may use all again."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from local.processors import PLACE
from tests.delivery.world import ROOT

_SETTLED = "from local.process_start import start_lean; start_lean(); import os; mine = sorted(os.sched_getaffinity(0))"
_STARTS = f"""
{_SETTLED}
import json, subprocess, sys
started = subprocess.run([sys.executable, "-c", {_SETTLED + "; print(mine)"!r}], capture_output=True, check=True)
print(json.dumps([mine, json.loads(started.stdout)]))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose")


def _processors(place: str | None) -> tuple[list[int], list[int]]:
    """Of a process that was given a place, and of one that it starts."""
    given = {} if place is None else {PLACE: place}
    found = subprocess.run(
        [sys.executable, "-c", _STARTS],
        cwd=ROOT,
        env={**os.environ, **given},
        capture_output=True,
        check=True,
    )
    mine, started = json.loads(found.stdout)
    return mine, started


@pytest.mark.parametrize("place", [0, -1])
def test_a_worker_stays_on_its_processor_and_what_it_starts_does_not(place: int) -> None:
    every = sorted(os.sched_getaffinity(0))
    assert _processors(str(place)) == ([every[place]], every)


def test_more_places_than_processors_are_counted_round() -> None:
    every = sorted(os.sched_getaffinity(0))
    assert _processors(str(len(every)))[0] == [every[0]]


def test_a_process_without_a_place_uses_all() -> None:
    every = sorted(os.sched_getaffinity(0))
    assert _processors(None) == (every, every)
