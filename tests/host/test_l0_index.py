"""L0: apps are indexed by Microsoft's library and give the metadata, and the refusals, that are written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.host.engines import ENGINES, run_conformance

HERE = Path(__file__).parent
APPS = HERE / "apps"
REJECTED = sorted(path.parent.name for path in (APPS / "rejected").glob("*/function_app.py"))


@pytest.mark.parametrize("engine", ENGINES)
def test_indexes_the_sample_app_to_the_golden_metadata(engine: str) -> None:
    golden = json.loads((HERE / "golden" / "metadata.json").read_text())
    assert run_conformance(engine, "index", APPS / "sample") == golden


@pytest.mark.parametrize("engine", ENGINES)
def test_indexes_galen_itself_to_the_golden_metadata(engine: str) -> None:
    """After a wanted change of a trigger: `python tests/host/conformance.py library index .` prints the new golden file."""
    golden = json.loads((HERE / "golden" / "galen.json").read_text())
    assert run_conformance(engine, "index", HERE.parents[1]) == golden


@pytest.mark.parametrize("engine", ENGINES)
def test_refuses_every_app_that_the_real_indexer_refuses(engine: str) -> None:
    assert run_conformance(engine, "reject", APPS / "rejected") == dict.fromkeys(REJECTED, True)


@pytest.mark.parametrize("engine", ENGINES)
def test_accepts_what_only_looks_wrong(engine: str) -> None:
    assert set(run_conformance(engine, "reject", APPS / "accepted").values()) == {False}


def test_the_list_of_refused_apps_is_not_empty() -> None:
    assert len(REJECTED) >= 14
