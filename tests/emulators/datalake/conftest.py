"""One emulator process for the tests that only use it; those that kill it start their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.filedatalake import FileSystemClient

from tests.emulators.datalake.emulator import Emulator, Subscriber


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("lake"), "--faults")
    yield running
    assert running.stop() == 0


@pytest.fixture
def start_emulator(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Starts emulators of the test's own, and ends those still running."""
    started: list[Emulator] = []

    def start(*flags: str) -> Emulator:
        started.append(Emulator(tmp_path / "lake", *flags))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def container(emulator: Emulator) -> Iterator[ContainerClient]:
    """A new container, by the blob API."""
    with emulator.blobs() as service:
        yield service.create_container(f"c{uuid.uuid4().hex[:12]}")


@pytest.fixture
def file_system(emulator: Emulator) -> Iterator[FileSystemClient]:
    """A new file system, by the dfs API."""
    with emulator.lake() as service:
        yield service.create_file_system(f"f{uuid.uuid4().hex[:12]}")


@pytest.fixture
def subscribe() -> Iterator[Callable[..., Subscriber]]:
    started: list[Subscriber] = []

    def start(**options: Any) -> Subscriber:
        started.append(Subscriber(**options))
        return started[-1]

    yield start
    for subscriber in started:
        subscriber.close()
