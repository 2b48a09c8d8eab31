"""The registry: what was trained last is the champion, and what the platform is given is what was registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lazily import lazily, require

require("mlflow", "the registry was not tested: MLflow is in the group ml")
registry = lazily("spark.training.tracking")


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_the_champion_is_the_model_that_was_registered_last_with_its_hash_and_run(tmp_path: Path) -> None:
    store = tmp_path / "a store"
    assert registry.champion_of(store, "trial") is None
    artefact = tmp_path / "trial.model.json.gz"
    for content in (b"first", b"second"):
        tracking = registry.Tracking(store, "trial")
        assert registry.champion_of(store, "another") is None
        artefact.write_bytes(content)
        tracking.record({"depth": 3}, {"auroc": 0.9}, {"rows": 5})
        tracking.finish(artefact, sha256=content.hex())
    found = registry.champion_of(store, "trial")
    assert found is not None
    assert (found.packed, found.sha256, found.run_id) == (b"second", b"second".hex(), tracking.run_id)
