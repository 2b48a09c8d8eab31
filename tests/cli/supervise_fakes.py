"""Supervises stand-ins as `local up` supervises the platform: `python -m tests.cli.supervise_fakes DATA MOOD…`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from local.data_folder import DataFolder
from local.environment import say
from local.exits import CommandStopped
from local.plan import new_state
from local.ports import free_ports
from local.processes import ProcessSpec
from local.supervisor import Stopped, Supervisor, clear_leftovers
from tests.patience import PATIENCE_S


def main(data: Path, moods: list[str]) -> int:
    folder = DataFolder.hold(data)
    say(f"cleared {clear_leftovers(data)}")
    state = new_state(data, 0)
    state.save()
    supervisor = Supervisor(state, say, {})
    try:
        with contextlib.suppress(Stopped):
            for number, (mood, port) in enumerate(zip(moods, free_ports(len(moods)), strict=True)):
                specs = [ProcessSpec(f"{mood}{number}", "tests.cli.fake_child", (str(port), mood), port)]
                supervisor.start(specs)
                supervisor.wait_until(supervisor.all_answer, mood, PATIENCE_S)
            state.state = "serving"
            supervisor.record()
            print("ready", flush=True)
            while True:
                supervisor.tend()
                supervisor.wait(1.0)
    finally:
        supervisor.stop()
        folder.release()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
    except CommandStopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(stopped.exit_code)
