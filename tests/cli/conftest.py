"""Starts supervisors of stand-ins, and ends what a failed test would leave."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.layout import CHECKOUT
from local.run_state import RunState
from local.supervisor import clear_leftovers
from tests.patience import PATIENCE_S


class Supervised:
    """A supervisor of stand-ins, running in a process of its own."""

    def __init__(self, data: Path, moods: tuple[str, ...]) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.supervise_fakes", str(data), *moods],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> Supervised:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        assert readable, "the supervisor did not get ready"
        assert self.process.stdout.readline() == "ready\n"
        return self

    def state(self) -> RunState:
        state = RunState.load(self.data)
        assert state is not None
        return state

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.state().processes.items()}

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and what it said on standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervised]]:
    """Starts a supervisor; all are ended after the test."""
    started: list[Supervised] = []

    def start(data: Path, *moods: str) -> Supervised:
        started.append(Supervised(data, moods))
        return started[-1]

    yield start
    for supervised in started:
        if supervised.process.poll() is None:
            supervised.process.kill()
        supervised.process.communicate(timeout=PATIENCE_S)
        clear_leftovers(supervised.data)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


def eventually(holds: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Whether it holds before the time is over."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return False
