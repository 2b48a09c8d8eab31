"""The registry: what was trained last is the champion, and what the platform is given is what was registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lazily import lazily, require

require("mlflow", "the registry was not tested: MLflow is in the group ml")
registry = lazily("spark.training.tracking")


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_the_champion_is_the_model_that_was_registered_last_with_its_hash_and_run(tmp_path: Path) -> None:
    store = registry.Store.in_folder(tmp_path / "a store")
    assert registry.champion_of(store, "trial") is None
    artefact = tmp_path / "trial.model.json.gz"
    versions: list[str] = []
    for content in (b"first", b"second"):
        tracking = registry.Tracking(store, "trial")
        assert registry.champion_of(store, "another") is None
        artefact.write_bytes(content)
        tracking.record({"depth": 3}, {"auroc": 0.9}, {"rows": 5})
        versions.append(tracking.register(tracking.keep(artefact), content.hex(), champion=True))
    found = registry.champion_of(store, "trial")
    assert found is not None
    assert (found.packed, found.sha256, found.run_id) == (b"second", b"second".hex(), tracking.run_id)
    candidate = registry.Tracking(store, "trial")
    third = candidate.register(candidate.keep(artefact), b"third".hex(), champion=False)
    assert registry.champion_of(store, "trial").sha256 == b"second".hex()
    registry.make_champion(store, "trial", third)
    assert registry.champion_of(store, "trial").run_id == candidate.run_id
    assert versions == ["1", "2"]
    with pytest.raises(LookupError, match="no version 9 of trial"):
        registry.make_champion(store, "trial", "9")
