"""A platform started as a user starts it: `python -m local up --no-spark`, in a temporary folder, on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from local.ports import free_ports
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
EMULATORS = ("eventhubs", "datalake", "cosmos")
WORKERS = ("http", "ingest", "reactions")


def eventually(look: Callable[[], T], what: str, within_s: float = PATIENCE_S, every_s: float = 0.1) -> T:
    """The first truthy answer of `look`; an AssertionError naming `what` where none came in time."""
    until = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"not within {within_s:.0f} s: {what}; last seen {found!r}")
        time.sleep(every_s)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is only waiting to be collected does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


class Platform:
    """The supervisor and what `<data>/run.json` says of its processes."""

    def __init__(self, data: Path, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = data.parent / f"{data.name}.out"
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[tuple[str, ...], str] = {}

    def start(self, *, sample: bool = False, cloud: str = "azure") -> Platform:
        """Starts it and waits until it serves; with the `sample` it goes on to feed that to an empty store."""
        command = [sys.executable, "-m", "local", "up", "--no-spark", *([] if sample else ["--empty"])]
        command += ["--cloud", cloud]
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.data), "--port", str(self.port)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        eventually(self._serves, f"the platform serves; it said {self.said()[-2000:]}")
        return self

    def _serves(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the platform ended: {self.said()[-2000:]}"
        return self.run_json().get("state") == "serving" and self.run_json()["pid"] == self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """All that the supervisor printed."""
        return self.output.read_text("utf-8", "replace") if self.output.exists() else ""

    def run_json(self) -> dict[str, Any]:
        """run.json, empty where there is none yet."""
        try:
            found: dict[str, Any] = json.loads((self.data / "run.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return found

    @property
    def settings(self) -> dict[str, str]:
        """The variables that lead to the emulators."""
        found: dict[str, str] = self.run_json()["settings"]
        return found

    def pid(self, name: str) -> int:
        """The process id of an emulator or worker; 0 while it is being restarted."""
        return int(self.run_json()["processes"][name]["pid"])

    def pids(self) -> list[int]:
        """The supervisor's and all its processes' ids."""
        state = self.run_json()
        return [state["pid"], *(each["pid"] for each in state["processes"].values())]

    def processor_s(self, name: str) -> float:
        """Processor time that a process has taken: unlike time on the clock, nearly the same on a busy machine."""
        fields = Path(f"/proc/{self.pid(name)}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def restarts(self, name: str) -> int:
        """How often a process was started again."""
        return int(self.run_json()["processes"][name]["restarts"])

    def kill(self, name: str) -> int:
        """SIGKILL to one process, which must be running; the id it had."""
        pid = eventually(lambda: self.pid(name), f"{name} runs")
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_supervisor(self) -> None:
        """SIGKILL to the supervisor alone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM to the supervisor, as a service manager does; its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def command(self, *arguments: str, timeout_s: float = 3 * PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Runs one of the other commands of `python -m local` on this platform."""
        return subprocess.run(
            [sys.executable, "-m", "local", *arguments, "--data", str(self.data)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def token(self, *arguments: str) -> str:
        """A bearer token, by the command a user has for it; it lasts longer than a test, so it is asked for once."""
        if arguments not in self._tokens:
            done = self.command("token", *arguments)
            assert done.returncode == 0, done.stderr
            self._tokens[arguments] = done.stdout.strip()
        return self._tokens[arguments]

    def logs(self) -> str:
        """Every log of every process."""
        return "\n".join(path.read_text("utf-8", "replace") for path in (self.data / "logs").glob("*"))


@contextlib.contextmanager
def running_platform(data: Path, *, cloud: str = "azure") -> Iterator[Platform]:
    """A platform that is stopped on leaving, whatever happened."""
    platform = Platform(data)
    try:
        yield platform.start(cloud=cloud)
    finally:
        platform.stop()
