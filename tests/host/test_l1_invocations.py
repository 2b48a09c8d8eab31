"""L1: golden invocations of every trigger through Microsoft's decode and encode; both engines give the same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.host.engines import ENGINES, run_conformance

HERE = Path(__file__).parent
GOLDEN: list[dict[str, Any]] = json.loads((HERE / "golden" / "invocations.json").read_text())


@pytest.fixture(scope="module", params=ENGINES)
def invoked(request: pytest.FixtureRequest) -> dict[str, Any]:
    outcomes = run_conformance(request.param, "invoke", HERE / "apps" / "sample")
    return {outcome["label"]: outcome for outcome in outcomes}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: str(golden["label"]))
def test_invocation_gives_the_golden_data(invoked: dict[str, Any], golden: dict[str, Any]) -> None:
    assert invoked[golden["label"]] == golden


def test_every_golden_invocation_ran(invoked: dict[str, Any]) -> None:
    assert list(invoked) == [golden["label"] for golden in GOLDEN]
