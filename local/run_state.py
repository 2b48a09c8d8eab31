"""`<data>/run.json`: what runs on a data folder and where it listens, for every other command to find."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.data_folder import is_held
from local.exits import NotRunning

FILE = "run.json"
RUN_VARIABLE = "GALEN_RUN"
PROC = Path("/proc")


@dataclass(slots=True)
class ProcessState:
    """One process of the platform. `pid` is 0 while it is being restarted."""

    name: str
    pid: int
    port: int
    url: str
    log: str
    started_at: str
    restarts: int = 0


@dataclass(slots=True)
class RunState:
    """A platform: `state` is `starting`, `serving` or `stopping`.

    `run_id` is in the environment of each of its processes as GALEN_RUN, which tells them from strangers that
    got the same number. `settings` are the variables that an app or a tool needs to reach the emulators.
    """

    run_id: str
    pid: int
    data: str
    port: int
    url: str
    state: str
    started_at: str
    settings: dict[str, str] = field(default_factory=dict)
    processes: dict[str, ProcessState] = field(default_factory=dict)

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of its processes, but for those that are being restarted."""
        return {name: process.pid for name, process in self.processes.items() if process.pid}

    @property
    def data_folder(self) -> Path:
        """The folder with the platform's state."""
        return Path(self.data)

    def save(self) -> None:
        """Writes the file whole or not at all; only its owner may read it, for it holds connection strings."""
        partial = self.data_folder / f"{FILE}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")
        partial.replace(self.data_folder / FILE)

    @classmethod
    def load(cls, data: Path) -> RunState | None:
        """The state last written in `data`, whether that platform still runs or not; None where there is none."""
        try:
            content = json.loads((data / FILE).read_text("utf-8"))
            return cls._parse(content)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def _parse(cls, content: Mapping[str, Any]) -> RunState:
        processes = {name: ProcessState(**process) for name, process in content["processes"].items()}
        return cls(**{**content, "processes": processes})

    def is_alive(self) -> bool:
        """Whether its supervisor still runs, which is who holds the folder's lock."""
        return is_held(self.data_folder)


def find_platform(data: Path, port: int | None = None) -> RunState:
    """The platform that runs on `data`; raises NotRunning with what to do where there is none, or on another port."""
    state = RunState.load(data)
    if state is None or not state.is_alive():
        raise NotRunning(
            f"no platform runs on {data}: start one with `python3 -m local up` (--data names another folder)"
        )
    if port is not None and port != state.port:
        raise NotRunning(f"the platform on {data} listens on port {state.port}, not {port}")
    return state


def processes_of_run(run_id: str) -> list[int]:
    """The processes on this machine that carry the mark of a run, grandchildren included.

    Empty where there is no /proc; there a child watches its parent and ends by itself (local/child.py).
    """
    if not PROC.is_dir():
        return []
    return [
        int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal() and _carries_mark(entry, run_id)
    ]


def _carries_mark(process: Path, run_id: str) -> bool:
    try:
        variables = (process / "environ").read_bytes().split(b"\0")
        return f"{RUN_VARIABLE}={run_id}".encode() in variables and _lives(process)
    except OSError:  # gone meanwhile, or somebody else's
        return False


def _lives(process: Path) -> bool:
    state = (process / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
    return state not in ("Z", "X")
