"""A fresh world for each test."""

from __future__ import annotations

import pytest

from tests.unit.api.world import Client, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> Client:
    return Client(world)
