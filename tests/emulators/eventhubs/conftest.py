"""One emulator for the tests that only use it, and one of their own for those that end it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from azure.eventhub import _client_base
from azure.eventhub._pyamqp import client as _pyamqp_client

from tests.emulators.eventhubs.clients import Emulator

HERE = "tests/emulators/eventhubs/"
HUBS = 48


def pytest_runtest_setup() -> None:
    """What was there before a test is left out of the collection after it, which else takes a second in a large process."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """The SDK leaves sockets of lost connections to the garbage collector, which then warns: collect them here."""
    yield
    gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(HERE):
            item.add_marker(
                pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning")
            )


@pytest.fixture(scope="session", autouse=True)
def short_sleeps() -> Iterator[None]:
    """The SDK sleeps for 50 ms after each frame of a handshake and for a second when a consumer ends: here less."""

    def sleep(seconds: float) -> None:
        time.sleep(seconds / 50)

    with pytest.MonkeyPatch.context() as patch:
        for module in (_client_base, _pyamqp_client):
            patch.setattr(module, "time", SimpleNamespace(sleep=sleep, time=time.time))
        yield


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    hubs = [f"hub{number}:4:scoring,landing" for number in range(HUBS)]
    emulator = Emulator(tmp_path_factory.mktemp("eventhubs"), *hubs).start()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def hub_numbers() -> Iterator[int]:
    return iter(count())


@pytest.fixture
def hub(hub_numbers: Iterator[int]) -> str:
    """A hub that no other test has used, with four partitions and the groups `scoring` and `landing`."""
    return f"hub{next(hub_numbers)}"


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Starts an emulator of the test's own on a folder that stays for the whole test."""
    started: list[Emulator] = []

    def start(*hubs: str, options: tuple[str, ...] = ()) -> Emulator:
        emulator = Emulator(tmp_path / "data", *hubs, options=options)
        started.append(emulator)
        return emulator.start()

    yield start
    for emulator in started:
        emulator.stop()
