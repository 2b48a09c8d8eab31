"""The emulators as pytest fixtures: `pytest -p local.emulators.pytest_plugin`, or named in `pytest_plugins`.

A test that takes `emulators` gets them as they are for the whole session; the marker `emulator_fault` lets one of
them fail for the length of a test.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulators.served import ServedEmulators
from local.ports import HOST


def pytest_configure(config: pytest.Config) -> None:
    """Tells pytest of the marker."""
    config.addinivalue_line(
        "markers",
        "emulator_fault(name, **rule): `cosmos`, `datalake` or `eventhubs` fails by the rule (local/emulators/faults.py)",
    )


@pytest.fixture(scope="session")
def running_emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEmulators]:
    """All three, with the door for faults open, on an empty folder."""
    with ServedEmulators(tmp_path_factory.mktemp("emulators"), faults=True) as served:
        yield served


@pytest.fixture
def emulators(running_emulators: ServedEmulators, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The connection strings by name; the faults that the test is marked with are in force."""
    marked = list(request.node.iter_markers("emulator_fault"))
    for mark in marked:
        _faults(running_emulators.ports[mark.args[0]], "POST", mark.kwargs)
    yield dict(running_emulators.connections)
    for mark in marked:
        _faults(running_emulators.ports[mark.args[0]], "DELETE", {})


def _faults(port: int, method: str, rule: dict[str, Any]) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request(method, "/_faults", json.dumps(rule))
        answer = connection.getresponse()
        said = answer.read().decode()
        if answer.status >= 300:
            raise ValueError(f"the fault was refused: {said}")
    finally:
        connection.close()
