"""Fixtures that every suite may use."""

from __future__ import annotations

import pytest

from tests.delivery.world import World


@pytest.fixture
def world() -> World:
    """A platform in memory that takes any resource."""
    return World()
