"""Processor time of a process tree."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.bench.cpu_time import cpu_time_s

BUSY = (
    "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\nimport sys; sys.stdin.read()"
)


@pytest.mark.skipif(sys.platform != "linux", reason="not tested: processor time, which is read from /proc")
def test_the_time_of_a_child_counts_while_it_runs_and_after_it_ended() -> None:
    before = cpu_time_s()
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert cpu_time_s() - before > 0.25
        child.communicate(b"")
    assert cpu_time_s() - before > 0.25
