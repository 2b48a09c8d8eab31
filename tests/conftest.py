"""Fixtures that every suite may use, and how processes share the work."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from xdist.scheduler import LoadFileScheduling

from shared.bootstrap import GC_ALLOCATIONS
from tests.delivery.world import World
from tests.patience import PATIENCE_S

for _part in ("connect", "read", "write", "pool"):  # httpx's own patience is five seconds
    setattr(DEFAULT_TIMEOUT_CONFIG, _part, PATIENCE_S)

EVERYTHING = "GALEN_TEST_EVERYTHING"
SPARK = "tests/spark/"
TORN = "platform that is torn"
SERVED = "platform that serves"
TOGETHER = {
    SPARK: SPARK,
    "tests/e2e/test_kills.py": "",
    "tests/e2e/test_canary.py": "",
    "tests/e2e/test_first_start.py": "",
    "tests/e2e/test_kills_on_aws.py": "",
    "tests/e2e/test_killed_transactions.py": TORN,
    "tests/e2e/test_restarts.py": TORN,
    "tests/e2e/": SERVED,
    "tests/contract/": "stores",
    "tests/emulators/cosmos/": "Cosmos DB",
    "tests/emulators/datalake/": "Data Lake",
    "tests/emulators/eventhubs/": "Event Hubs",
    "tests/host/test_process_": "hosts",
    "tests/infra/": "stacks",
}
"""What is one piece of work, since its files share what is dear to start; "" is a piece of its own."""
LONGEST_FIRST = (
    SPARK,
    "tests/e2e/test_kills.py",
    "tests/e2e/test_kills_on_aws.py",
    TORN,
    SERVED,
    "Event Hubs",
    "stores",
    "stacks",
    "hosts",
    "tests/e2e/test_first_start.py",
    "tests/e2e/test_canary.py",
    "tests/cli/test_send.py",
    "tests/cli/test_score_dataset.py",
    "tests/cli/test_bootstrap.py",
    "Data Lake",
    "tests/delivery/test_order_of_arrival.py",
    "tests/cli/test_lambda_packages.py",
    "tests/delivery/test_simulated_partition.py",
)
"""Where processes share the work, no long piece may be what the others wait for in the end."""


def piece_of(nodeid: str) -> str:
    """The piece of work that a test belongs to: its file, unless that shares with others what is dear to start."""
    file = nodeid.partition("::")[0]
    return next((piece for start, piece in TOGETHER.items() if file.startswith(start)), "") or file


class Pieces(LoadFileScheduling):  # type: ignore[misc]
    """Processes share the work by pieces."""

    def _split_scope(self, nodeid: str) -> str:
        return piece_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Pieces:
    """How the processes share the work."""
    return Pieces(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process that shares the work the longest pieces come first; the order is otherwise as collected.

    What takes minutes is not collected where nobody asks for it: a skipped test is one that could not run.
    """
    if not os.environ.get(EVERYTHING):
        left_out = [item for item in items if item.get_closest_marker("everything")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if not hasattr(config, "workerinput"):
        return
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(piece_of(item.nodeid), len(rank)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What is collected, thousands of modules and tests, stays to the end: the garbage collector leaves it alone.

    And it looks less often at what tests make, as in the app's own processes.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS, 20, 50)
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """In a process that shares the work, what a piece has started ends with it: an idle platform takes its time too."""
    yield
    shares = hasattr(item.config, "workerinput")
    if shares and nextitem and piece_of(nextitem.nodeid) != piece_of(item.nodeid):
        item.session._setupstate.teardown_exact(None)


@pytest.fixture
def world() -> World:
    """A platform in memory that takes any resource."""
    return World()
