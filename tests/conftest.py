"""Fixtures that every suite may use."""

from __future__ import annotations

import pytest

from tests.delivery.world import World

LONGEST_FIRST = (
    "tests/spark/test_jobs.py",
    "tests/e2e/test_kills.py",
    "tests/spark/test_bad_input.py",
    "tests/spark/test_gold.py",
    "tests/e2e/test_restarts.py",
    "tests/spark/test_killed_driver.py",
    "tests/spark/test_safety_lake.py",
    "tests/e2e/test_killed_transactions.py",
    "tests/spark/test_roads.py",
    "tests/spark/test_published_views.py",
    "tests/spark/test_sql.py",
    "tests/spark/test_view_engines.py",
    "tests/infra/test_policies.py",
    "tests/e2e/test_first_start.py",
    "tests/contract/test_conditional_create_on_records.py",
    "tests/cli/test_bootstrap.py",
)
"""Where processes share the work by files, no long one may be what the others wait for in the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process that shares the work the longest files come first; the order is otherwise as collected."""
    if not hasattr(config, "workerinput"):
        return
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(config.rootpath).as_posix(), len(rank)))


@pytest.fixture
def world() -> World:
    """A platform in memory that takes any resource."""
    return World()
