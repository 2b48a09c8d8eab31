"""Starts the emulator as a process of its own, on a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey

from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from tests.patience import PATIENCE_S

_ROOT = Path(__file__).parents[3]


class Emulator:
    """A running emulator; `kill` and `start` again keep its data and port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[str] | None = None
        self._clients: list[CosmosClient] = []

    def start(self) -> None:
        """Starts it and waits for its line."""
        command = [sys.executable, "-m", "local.emulators.cosmos", "--data", str(self.data), "--faults"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert "ready" in self._process.stdout.readline()

    def kill(self) -> None:
        """Ends it without warning."""
        assert self._process is not None
        self._process.kill()
        self._ended()

    def stop(self) -> int:
        """Asks it to end and returns its exit code."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        code = process.wait(timeout=PATIENCE_S)
        if process.stdout:
            process.stdout.close()
        return code

    def client(self, **options: Any) -> CosmosClient:
        """Returns a client with default options."""
        client = CosmosClient(self.url, WELL_KNOWN_KEY, **options)
        self._clients.append(client)
        return client


def select(container: ContainerProxy, query: str, **options: Any) -> list[Any]:
    """Returns what a query selects, all pages of it."""
    return list(container.query_items(query, **options))


@pytest.fixture
def own_emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that one test may kill and start again."""
    running = Emulator(tmp_path / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The emulator that all other tests share."""
    running = Emulator(tmp_path_factory.mktemp("cosmos"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def database(emulator: Emulator) -> DatabaseProxy:
    """A database."""
    return emulator.client().create_database("tests")


@pytest.fixture
def records(database: DatabaseProxy) -> ContainerProxy:
    """A container with a hierarchical key, its bodies outside the index."""
    return create_records(database)


def create_records(database: DatabaseProxy) -> ContainerProxy:
    """Creates a container as the application has it."""
    return database.create_container(
        uuid.uuid4().hex,
        PartitionKey(["/tenant", "/home"], kind="MultiHash"),
        indexing_policy={
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": "/*"}],
            "excludedPaths": [{"path": "/body/?"}, {"path": "/z/?"}],
            "compositeIndexes": [
                [{"path": "/date", "order": "descending"}, {"path": "/id", "order": "ascending"}]
            ],
        },
    )


@pytest.fixture
def items(database: DatabaseProxy) -> ContainerProxy:
    """A container with a plain key."""
    return database.create_container(uuid.uuid4().hex, PartitionKey("/pid"))
