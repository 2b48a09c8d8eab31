"""The models that ship with the code: sound, small, and traceable to their data."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.models.artefact import RefusedModel
from shared.domain.models.shipped import model_in, registry, shipped_model

LICENCES = {"onset": "Apache-2.0", "readmission": "CC BY 4.0", "sepsis": "CC BY 4.0"}


@pytest.mark.parametrize("name", sorted(LICENCES))
def test_the_shipped_models_are_sound_and_say_where_they_come_from(name: str) -> None:
    model = shipped_model(name)
    assert model.name == name
    assert model.training["command"] == f"python3 -m local train {name}"
    assert LICENCES[name] in model.training["data"]["licence"]
    assert len(model.training["data"]["sha256"]) == 64
    assert model.training["run_id"]


def test_the_shipped_models_are_below_five_megabytes_together() -> None:
    assert sum(aliases["champion"]["bytes"] for aliases in registry().values()) < 5_000_000


def test_a_model_that_nobody_published_is_refused() -> None:
    with pytest.raises(RefusedModel, match="no model appendicitis"):
        shipped_model("appendicitis")


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"sepsis": {"champion"',
        "[1]",
        '"sepsis"',
        "7",
        '{"sepsis": []}',
        '{"sepsis": {"champion": "a.gz"}}',
        '{"sepsis": {"champion": {"sha256": "0"}}}',
        '{"sepsis": {"champion": {"file": 1, "sha256": "0"}}}',
        '{"sepsis": {"champion": {"file": "a\\u0000", "sha256": "0"}}}',
        "\udcff",
        "[" * 100_000,
    ],
    ids=range(12),
)
def test_a_registry_that_is_none_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "published.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RefusedModel, match=f"{file} is no registry of models"):
        model_in(tmp_path, "sepsis")
