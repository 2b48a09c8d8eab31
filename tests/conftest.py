"""Fixtures that every suite may use."""

from __future__ import annotations

import os
from typing import Any

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from xdist.scheduler import LoadFileScheduling

from tests.delivery.world import World
from tests.patience import PATIENCE_S

for _part in ("connect", "read", "write", "pool"):  # httpx's own patience is five seconds
    setattr(DEFAULT_TIMEOUT_CONFIG, _part, PATIENCE_S)

EVERYTHING = "GALEN_TEST_EVERYTHING"
SPARK = "tests/spark/"
SPARK_HALF, SPARK_LAST = "tests/spark/test_j", "tests/spark/test_t"
LONGEST_FIRST = (
    "tests/e2e/test_kills.py",
    "tests/e2e/test_restarts.py",
    "tests/e2e/test_killed_transactions.py",
    "tests/infra/test_policies.py",
    "tests/e2e/test_first_start.py",
    "tests/contract/test_conditional_create_on_records.py",
    "tests/cli/test_bootstrap.py",
)
"""Where processes share the work by files, no long one may be what the others wait for in the end."""


class Pieces(LoadFileScheduling):  # type: ignore[misc]
    """Processes share the work by files; Spark's are two pieces of like length, for those of a process share a session."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(SPARK):
            return f"{SPARK} {SPARK_HALF < nodeid < SPARK_LAST}"
        return str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Pieces:
    """How the processes share the work."""
    return Pieces(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process that shares the work Spark comes first, then the longest files; the order is otherwise as collected.

    What takes minutes is not collected where nobody asks for it: a skipped test is one that could not run.
    """
    if not os.environ.get(EVERYTHING):
        left_out = [item for item in items if item.get_closest_marker("everything")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if not hasattr(config, "workerinput"):
        return
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}

    def turn(item: pytest.Item) -> int:
        path = item.path.relative_to(config.rootpath).as_posix()
        return -1 if path.startswith(SPARK) else rank.get(path, len(rank))

    items.sort(key=turn)


@pytest.fixture
def world() -> World:
    """A platform in memory that takes any resource."""
    return World()
