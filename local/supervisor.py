"""Keeps the processes of a platform running until it is told to stop, and leaves nothing behind.

Everything happens on the main thread, woken by signals: SIGCHLD when a process dies, SIGTERM or Ctrl-C to stop.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from local.exits import CommandStopped
from local.ports import answers
from local.processes import ProcessSpec, SupervisedProcess, rotate
from local.run_state import RUN_VARIABLE, RunState, processes_of_run

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_GIVES_UP_AFTER = 4
_ROTATE_EVERY_S = 5.0
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(Exception):
    """A signal to stop arrived before everything was ready."""


class Supervisor:
    """Starts groups of processes in order, restarts what dies, and ends all in the opposite order."""

    def __init__(self, state: RunState, say: Callable[[str], None], environment: Mapping[str, str]) -> None:
        self.state = state
        self.stopping = False
        self._say = say
        self._environment = {**environment, RUN_VARIABLE: state.run_id}
        self._logs = state.data_folder / "logs"
        self._logs.mkdir(exist_ok=True)
        self._groups: list[list[SupervisedProcess]] = []
        self._hurry = False
        self._rotate_at = 0.0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._take_signals()

    def start(self, specs: Sequence[ProcessSpec], environment: Mapping[str, str] | None = None) -> None:
        """Starts a group of processes and records them."""
        group = [
            SupervisedProcess(spec, self._logs, {**self._environment, **(environment or {})})
            for spec in specs
        ]
        self._groups.append(group)
        for process in group:
            process.start()
        self.record()

    def wait_until(self, is_ready: Callable[[], bool], what: str, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Looks after the processes until `is_ready`.

        Raises Stopped on a signal, CommandStopped with the last log lines where one keeps dying or time is up.
        """
        until = time.monotonic() + timeout_s
        while not is_ready():
            self._look_after(give_up=True)
            if time.monotonic() > until:
                raise CommandStopped(
                    f"{what} did not get ready within {timeout_s:.0f} s: the logs are in {self._logs}"
                )
            self.wait(0.05)

    def wait(self, timeout_s: float) -> None:
        """Sleeps until something happens or the time is over; raises Stopped after a signal to stop."""
        select.select([self._wake_read], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        if self.stopping:
            raise Stopped

    def tend(self) -> None:
        """Restarts what died and is due, and keeps the logs within their limits."""
        self._look_after(give_up=False)

    def all_answer(self) -> bool:
        """Whether each process accepts connections on its port."""
        return all(answers(process.spec.port) for process in self.processes)

    @property
    def processes(self) -> list[SupervisedProcess]:
        """All processes in the order of their start."""
        return [process for group in self._groups for process in group]

    def record(self) -> None:
        """Writes run.json as things stand."""
        self.state.processes = {process.spec.name: process.state() for process in self.processes}
        self.state.save()

    def stop(self) -> None:
        """Ends the groups in the opposite order of their start; what does not end in time, or at once, is killed."""
        self.state.state = "stopping"
        self.record()
        for group in reversed(self._groups):
            self._end(group)
        end_run(self.state.run_id)

    def _end(self, group: list[SupervisedProcess]) -> None:
        for process in group:
            process.ask_to_end()
        until = time.monotonic() + STOP_TIMEOUT_S
        while not all(process.has_ended() for process in group):
            if self._hurry or time.monotonic() > until:
                late = ", ".join(process.spec.name for process in group if not process.has_ended())
                self._say(f"{late} did not end in time: killed")
                break
            select.select([self._wake_read], [], [], 0.05)
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        for process in group:
            process.end_group(signal.SIGKILL)

    def _look_after(self, *, give_up: bool) -> None:
        changed = False
        for process in self.processes:
            how = process.has_died()
            if how is not None:
                changed = True
                self._say(f"{process.spec.name} died ({how}): starting it again; its log is {process.log}")
                if give_up and process.deaths_in_a_row >= _GIVES_UP_AFTER:
                    raise CommandStopped(
                        f"{process.spec.name} does not start. It said last:\n{process.last_words()}"
                    )
            if process.restart_at is not None and time.monotonic() >= process.restart_at:
                process.restart()
                changed = True
        if changed:
            self.record()
        if time.monotonic() >= self._rotate_at:
            self._rotate_at = time.monotonic() + _ROTATE_EVERY_S
            for process in self.processes:
                rotate(process.log)

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._hurry = self.stopping
        self.stopping = True


def end_run(run_id: str) -> int:
    """Kills whatever still carries the mark of a run, ours or of a supervisor that was killed; returns how many."""
    own = os.getpid()
    left = [pid for pid in processes_of_run(run_id) if pid != own]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + STOP_TIMEOUT_S
    while left and processes_of_run(run_id) and time.monotonic() < until:
        time.sleep(0.02)
    return len(left)


def clear_leftovers(data: Path) -> int:
    """Ends what a killed supervisor left running on `data`; returns how many processes that were."""
    state = RunState.load(data)
    return end_run(state.run_id) if state is not None else 0
