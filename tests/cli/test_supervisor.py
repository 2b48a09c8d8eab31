"""The supervisor restarts what dies, ends everything it started, and recovers from its own death."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.data_folder import is_held
from local.ports import answers
from local.run_state import RunState, processes_of_run
from local.supervisor import STOP_TIMEOUT_S
from tests.cli.conftest import Supervised, eventually, is_alive
from tests.patience import PATIENCE_S

Supervise = Callable[..., Supervised]


def test_restarts_a_killed_process_on_the_same_port(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(tmp_path, "calm", "calm").wait_until_ready()
    before = supervised.state().processes["calm0"]
    os.kill(before.pid, signal.SIGKILL)
    assert eventually(lambda: supervised.pids()["calm0"] not in (0, before.pid))
    after = supervised.state().processes["calm0"]
    assert after.port == before.port
    assert after.restarts == 1
    assert eventually(lambda: answers(after.port))
    _, said = supervised.end()
    assert said.count("calm0 died (signal SIGKILL)") == 1


def test_sigterm_ends_every_process_and_succeeds(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(tmp_path, "calm", "calm").wait_until_ready()
    pids = supervised.pids()
    code, _ = supervised.end()
    assert code == 0
    assert not any(is_alive(pid) for pid in pids.values())
    assert not is_held(tmp_path)


def test_a_second_signal_does_not_wait_for_a_stubborn_process(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(tmp_path, "stubborn").wait_until_ready()
    pid = supervised.pids()["stubborn0"]
    supervised.process.send_signal(signal.SIGINT)
    assert eventually(lambda: supervised.state().state == "stopping")
    started = time.monotonic()
    code, said = supervised.end(signal.SIGINT)
    assert code == 0
    assert time.monotonic() - started < STOP_TIMEOUT_S
    assert "stubborn0 did not end in time: killed" in said
    assert not is_alive(pid)


def test_children_end_with_a_killed_supervisor(supervise: Supervise, tmp_path: Path) -> None:
    supervised = supervise(tmp_path, "calm", "calm").wait_until_ready()
    pids = supervised.pids()
    supervised.end(signal.SIGKILL)
    assert eventually(lambda: not any(is_alive(pid) for pid in pids.values()))


def test_the_next_start_ends_what_a_killed_supervisor_left(supervise: Supervise, tmp_path: Path) -> None:
    killed = supervise(tmp_path, "parent").wait_until_ready()
    run_id = killed.state().run_id
    killed.end(signal.SIGKILL)
    assert eventually(lambda: len(processes_of_run(run_id)) == 1)  # the grandchild, which nothing else ends
    successor = supervise(tmp_path, "calm").wait_until_ready()
    assert processes_of_run(run_id) == []
    _, said = successor.end()
    assert "cleared 1" in said


def test_a_process_that_cannot_start_ends_the_start_with_its_last_words(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervised = supervise(tmp_path, "calm", "broken")
    _, said = supervised.process.communicate(timeout=PATIENCE_S)
    assert supervised.process.returncode == 1
    assert "broken1 does not start. It said last:\nthis one cannot start" in said


def test_one_folder_holds_one_platform(supervise: Supervise, tmp_path: Path) -> None:
    first = supervise(tmp_path, "calm").wait_until_ready()
    second = supervise(tmp_path, "calm")
    _, said = second.process.communicate(timeout=PATIENCE_S)
    assert second.process.returncode == 2
    assert f"a platform already runs on {tmp_path} (process {first.process.pid})" in said
    assert first.end()[0] == 0


def test_two_folders_run_side_by_side(supervise: Supervise, tmp_path: Path) -> None:
    both = [supervise(tmp_path / name, "calm", "calm") for name in ("a", "b")]
    states = [supervised.wait_until_ready().state() for supervised in both]
    ports = {process.port for state in states for process in state.processes.values()}
    assert len(ports) == 4
    assert [supervised.end()[0] for supervised in both] == [0, 0]


@pytest.mark.parametrize("text", ["", "{", '{"run_id": 1}', "[]"])
def test_a_damaged_run_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, "utf-8")
    assert RunState.load(tmp_path) is None
