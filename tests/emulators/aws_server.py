"""moto's server as a process of its own, on a free port."""

from __future__ import annotations

import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

from shared.adapters.aws.connections import AwsPlace
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"


class AwsServer:
    """A running emulator, which keeps what it holds where it is given a folder."""

    def __init__(self, data: Path | None = None) -> None:
        command = [sys.executable, "-m", "local.emulators.aws", "--port", "0", "--faults"]
        command += ["--data", str(data)] if data else []
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("AWS ready at"), line
        self.url = line.split()[-1]
        self.port = int(self.url.rpartition(":")[2])
        self.place = AwsPlace(REGION, self.url)

    def calls(self) -> dict[str, int]:
        """The actions that were asked for since it began or was told to forget them, and how often."""
        return self._ask("GET")

    def forget_calls(self) -> None:
        """Count from nothing again."""
        self._ask("DELETE")

    def calls_of_objects(self) -> dict[str, int]:
        """As `calls`, of S3 each with its bucket and path."""
        return self._ask("GET", "/_calls/objects")

    def _ask(self, method: str, path: str = "/_calls") -> dict[str, int]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path)
            told: dict[str, int] = json.loads(connection.getresponse().read())
            return told
        finally:
            connection.close()

    def stop(self, *, at_once: bool = False) -> None:
        """Ends it; `at_once` is SIGKILL."""
        (self.process.kill if at_once else self.process.terminate)()
        self.process.wait(timeout=PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
