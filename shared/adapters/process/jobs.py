"""Jobs as child processes, by a configured command line to which the job's name is added."""

from __future__ import annotations

import shlex
import subprocess
import threading
from typing import Final

from shared.errors import Unavailable

_QUIET: Final = subprocess.DEVNULL


class ProcessJobs:
    """One process a job. An empty command line starts nothing."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, name: str) -> bool:
        with self._lock:
            before = self._running.get(name)
            if not self._command or (before is not None and before.poll() is None):
                return False
            try:
                # The command is the operator's own setting, the name one of ours.
                started = subprocess.Popen([*self._command, name], stdin=_QUIET, stdout=_QUIET, stderr=_QUIET)  # noqa: S603
            except OSError as failure:
                raise Unavailable("The configured command for jobs cannot be started.") from failure
            self._running[name] = started
            return True
