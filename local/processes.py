"""One supervised process: how it is started, restarted and ended, and where its output goes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from local.layout import CHECKOUT
from local.ports import HOST
from local.processors import PLACE
from local.run_state import ProcessState

LOG_LIMIT_BYTES = 16 * 1024 * 1024
LOGS_KEPT = 3
# A first restart is immediate; one that keeps dying waits longer each time, and is forgiven after a calm while.
RESTART_DELAYS_S = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
CALM_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to start: a module of ours with its arguments, listening on `port`.

    `processor` is the place of the one that it stays on, among those the platform may use; None uses all.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "http"
    processor: int | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{self.scheme}://{HOST}:{self.port}"


class SupervisedProcess:
    """A process that is started again when it dies; in a session of its own, so that Ctrl-C reaches us alone."""

    def __init__(self, spec: ProcessSpec, logs: Path, environment: Mapping[str, str]) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        self.restarts = 0
        self.deaths_in_a_row = 0
        self.restart_at: float | None = None
        self._environment = {**os.environ, **environment, **spec.environment}
        if spec.processor is not None:
            self._environment[PLACE] = str(spec.processor)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = datetime.now(UTC)
        self._started_s = 0.0

    def start(self) -> None:
        """Starts it. Only the main thread may: the kernel ends a child with the thread that made it."""
        rotate(self.log)
        command = [
            sys.executable,
            "-m",
            "local.child",
            str(os.getpid()),
            self.spec.module,
            *self.spec.arguments,
        ]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started_at = datetime.now(UTC)
        self._started_s = time.monotonic()
        self.restart_at = None

    def restart(self) -> None:
        """Starts it again, on the same port."""
        self.restarts += 1
        self.start()

    def has_died(self) -> str | None:
        """How it died, said once, with the time of its restart set; None while it runs or waits for that."""
        if self._process is None or self._process.poll() is None:
            return None
        code = self._process.returncode
        self.end_group(signal.SIGKILL)
        self._process = None
        now = time.monotonic()
        self.deaths_in_a_row = 1 if now - self._started_s > CALM_AFTER_S else self.deaths_in_a_row + 1
        self.restart_at = now + RESTART_DELAYS_S[min(self.deaths_in_a_row, len(RESTART_DELAYS_S)) - 1]
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def ask_to_end(self) -> None:
        """Sends SIGTERM to it alone: what it started is its own to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process is None or self._process.poll() is not None

    def end_group(self, number: signal.Signals) -> None:
        """Sends a signal to it and to whatever it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def state(self) -> ProcessState:
        """What run.json says of it."""
        return ProcessState(
            name=self.spec.name,
            pid=0 if self._process is None else self._process.pid,
            port=self.spec.port,
            url=self.spec.url,
            log=str(self.log),
            started_at=self._started_at.isoformat(timespec="seconds"),
            restarts=self.restarts,
        )

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            text = self.log.read_bytes()[-8192:].decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def rotate(log: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Keeps a log below its limit: copied aside and cut, because the process that writes holds it open."""
    if not log.exists() or log.stat().st_size < limit_bytes:
        return
    for number in range(LOGS_KEPT - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
