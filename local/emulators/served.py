"""Emulators as processes of one's own: started on free ports, asked for their connection strings, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from local.layout import CHECKOUT
from local.plan import EMULATORS, connection_strings, emulator_specs
from local.ports import free_ports

_ENDS_WITHIN_S = 10


class ServedEmulators:
    """A context in which the chosen emulators answer; `connections` holds a connection string for each."""

    def __init__(
        self,
        data: Path,
        only: Sequence[str] = EMULATORS,
        *,
        config: Path | None = None,
        faults: bool = False,
        sync: str = "normal",
        enforce_throughput: bool = False,
    ) -> None:
        chosen = [name for name in EMULATORS if name in only]
        self.ports = dict(zip(chosen, free_ports(len(chosen)), strict=True))
        self.connections = connection_strings(self.ports)
        self._specs = emulator_specs(
            self.ports, data, config=config, faults=faults, sync=sync, enforce_throughput=enforce_throughput
        )
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> ServedEmulators:
        try:
            for spec in self._specs:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", spec.module, *spec.arguments],
                        cwd=CHECKOUT,
                        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                )
            for process in self._processes:
                assert process.stdout is not None
                if not process.stdout.readline():
                    raise RuntimeError("an emulator ended before it was ready: its own lines above say why")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def memory_mb(self) -> float:
        """How much memory the processes hold now; what Linux tells of each."""
        held_kb = 0
        for process in self._processes:
            status = Path(f"/proc/{process.pid}/status").read_text("ascii")
            held_kb += int(status.partition("VmRSS:")[2].split()[0])
        return held_kb / 1024

    def processor_s(self) -> float:
        """How much processor time the processes have taken so far; what Linux tells of each."""
        ticks = 0
        for process in self._processes:
            told = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
            ticks += int(told[11]) + int(told[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Asks each to end and waits until it has."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._processes.clear()
