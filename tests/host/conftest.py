"""Emulators and host processes for the host's tests: everything over the wire, nothing mocked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local.ports import free_ports
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "apps" / "sample"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
HUBS = ("vitals", "failing", "shared", "dying", "stubborn")


def eventually(condition: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """The first truthy value of the condition; fails the test when the time is over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail(f"not within {within_s} s: {condition}")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Emulators:
    """Connection strings of the three running emulators."""

    event_hubs: str
    cosmos: str
    lake: str


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    data = tmp_path_factory.mktemp("emulators")
    names = ("eventhubs", "cosmos", "datalake")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    processes = []
    for name, port in ports.items():
        hubs = [part for hub in HUBS for part in ("--hub", f"{hub}:4")] if name == "eventhubs" else []
        command = [sys.executable, "-m", f"local.emulators.{name}", "--data", str(data / name)]
        processes.append(subprocess.Popen([*command, "--port", str(port), *hubs], cwd=ROOT))
    for port in ports.values():
        eventually(partial(listens, port))
    address = f"http://127.0.0.1:{ports['datalake']}/devstoreaccount1"
    yield Emulators(
        f"Endpoint=sb://127.0.0.1:{ports['eventhubs']};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
        f"AccountEndpoint=http://127.0.0.1:{ports['cosmos']}/;AccountKey={COSMOS_KEY};",
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={ACCOUNT_KEY};BlobEndpoint={address};",
    )
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(PATIENCE_S)


@dataclass
class Host:
    """One host process running the sample app."""

    process: subprocess.Popen[str]
    port: int
    seen_file: Path
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def seen(self, kind: str) -> list[dict[str, Any]]:
        """What functions of that kind have noted so far."""
        if not self.seen_file.exists():
            return []
        whole, _, _ = self.seen_file.read_text().rpartition("\n")  # a line may be half written
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if line["kind"] == kind]

    def log(self) -> str:
        return self.log_file.read_text()

    def stop(self) -> int:
        """SIGTERM, then the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


StartHost = Callable[..., Host]


def launch(folder: Path, arguments: Sequence[str], settings: dict[str, str], instance: str) -> Host:
    """A host that listens, or has ended already; functions note what they saw in `<folder>/seen`."""
    port, log, seen = (
        free_ports(1)[0],
        folder / f"{instance}-{len(list(folder.iterdir()))}.log",
        folder / "seen",
    )
    environment = {**os.environ, "SAMPLE_SEEN": str(seen), "SAMPLE_HUB": "vitals", **settings}
    command = [sys.executable, "-m", "local.host", "--app", str(SAMPLE), "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--instance", instance, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            text=True,
        )
    eventually(lambda: listens(port) or process.poll() is not None)
    return Host(process, port, seen, log)


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[StartHost]:
    """Start hosts that share one file of what was seen; they end with the test."""
    hosts: list[Host] = []

    def start(arguments: Sequence[str], settings: dict[str, str], *, instance: str = "one") -> Host:
        hosts.append(launch(tmp_path, arguments, settings, instance))
        return hosts[-1]

    yield start
    for host in hosts:
        if host.process.poll() is None:
            host.kill()


@pytest.fixture(scope="session")
def connections(emulators: Emulators) -> dict[str, str]:
    """The sample app's settings."""
    return {
        "SAMPLE_EVENT_HUBS": emulators.event_hubs,
        "SAMPLE_COSMOS": emulators.cosmos,
        "SAMPLE_LAKE": emulators.lake,
        "AzureWebJobsStorage": emulators.lake,
    }
