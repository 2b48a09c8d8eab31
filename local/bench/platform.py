"""A platform to measure: the one that runs, or a temporary one with an empty store on free ports."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.environment import say
from local.exits import CommandStopped, NotRunning
from local.layout import CHECKOUT
from local.ports import free_ports
from local.run_state import RunState, find_platform
from shared.settings import AZURE

_STARTS_WITHIN_S: Final = 180.0
_STOPS_WITHIN_S: Final = 30.0


@contextlib.contextmanager
def measured_platform(data: Path, port: int | None, *, fresh: bool, cloud: str = AZURE) -> Iterator[RunState]:
    """The platform on `data` unless `fresh`; where none of that cloud runs, a temporary one that is gone afterwards."""
    if not fresh:
        with contextlib.suppress(NotRunning):
            found = find_platform(data, port)
            if found.settings.get("GALEN_CLOUD", AZURE) == cloud:
                yield found
                return
    folder = Path(tempfile.mkdtemp(prefix="galen-bench-"))
    try:
        with temporary_platform(folder, cloud) as state:
            yield state
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temporary_platform(folder: Path, cloud: str = AZURE) -> Iterator[RunState]:
    data, log = folder / "data", folder / "up.log"
    port = free_ports(1)[0]
    say(f"starting a platform with an empty store in {data}, port {port}")
    with log.open("wb") as output:
        command = [
            sys.executable,
            "-m",
            "local",
            "up",
            "--empty",
            "--no-spark",
            "--cloud",
            cloud,
            "--data",
            str(data),
            "--port",
            str(port),
        ]
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield _serving(process, data, log)
        finally:
            process.terminate()
            try:
                process.wait(_STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _serving(process: subprocess.Popen[bytes], data: Path, log: Path) -> RunState:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        state = RunState.load(data)
        if state is not None and state.state == "serving":
            return state
        time.sleep(0.2)
    raise CommandStopped(
        f"the platform to measure did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}"
    )
