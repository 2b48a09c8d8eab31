"""Published models: the hash decides, nothing half-read is served, and the calibration changes no ranking."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.models.artefact import RefusedModel, pack, read_model
from shared.domain.models.calibration import Calibration, risk_index
from tests.unit.models.test_forest import TREE


def document(**change: Any) -> dict[str, Any]:
    return {
        "name": "trial",
        "version": "1",
        "features": ["first", "second"],
        "trees": asdict(TREE),
        "calibration": {"raw": [-2, 0, 2], "log_odds": [-3, -1, 2], "low": [-4, -2, 1], "high": [-2, 0, 3]},
        "operating_point": 0.4,
        "training": {"data": {}},
        **change,
    }


def read(packed: bytes) -> Any:
    return read_model(packed, hashlib.sha256(packed).hexdigest())


def test_reads_what_was_packed_and_scores() -> None:
    model = read(pack(document()))
    found = model.predict((1.0, 0.0))
    assert found.raw == -1.5
    assert math.isclose(found.probability, 1 / (1 + math.exp(2.5)))
    assert found.low < found.probability < found.high
    assert not found.alert
    assert model.predict((2.0, 1.0)).alert


def test_names_the_features_that_moved_a_score_with_their_values() -> None:
    model = read(pack(document()))
    first, second = model.contributions((2.0, math.nan))
    assert (first.feature, first.value) == ("second", None)
    assert (second.feature, second.value) == ("first", 2.0)
    assert first.log_odds > second.log_odds > 0


def test_the_same_document_gives_the_same_bytes() -> None:
    assert pack(document()) == pack(document())


def test_a_tampered_artefact_is_refused() -> None:
    packed = pack(document())
    digest = hashlib.sha256(packed).hexdigest()
    text = gzip.decompress(packed).replace(b"-0.5", b"-0.6")
    with pytest.raises(RefusedModel, match="SHA-256 differs"):
        read_model(gzip.compress(text, mtime=0), digest)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other/1"},
        {"operating_point": 1.5},
        {"features": ["first"]},
        {"trees": {}},
        {"calibration": {"raw": [0, 0], "log_odds": [0, 1], "low": [0, 1], "high": [0, 1]}},
        {"calibration": {"raw": [0, 1], "log_odds": [1, 0], "low": [0, 1], "high": [0, 1]}},
    ],
)
def test_what_is_no_sound_model_is_refused_although_its_hash_is_right(change: dict[str, Any]) -> None:
    with pytest.raises(RefusedModel, match="no sound model"):
        read(pack(document(**change)))


@pytest.mark.parametrize(
    "packed",
    [b"", b"no gzip", gzip.compress(b"no json"), gzip.compress(b"[]")],
    ids=["empty", "no gzip", "no json", "a list"],
)
def test_bytes_that_are_no_artefact_are_refused(packed: bytes) -> None:
    with pytest.raises(RefusedModel):
        read(packed)


def test_refuses_a_row_of_another_width() -> None:
    with pytest.raises(ValueError, match="needs 2 features"):
        read(pack(document())).predict((1.0,))


def test_the_operating_point_is_0_8_on_the_risk_index_which_rises_with_the_probability() -> None:
    assert math.isclose(risk_index(0.07, 0.07), 0.8)
    indices = [risk_index(step / 1000, 0.07) for step in range(1001)]
    assert indices == sorted(indices)
    assert (indices[0], indices[-1]) == (0.0, 1.0)
    assert len(set(indices)) == len(indices)


def test_a_calibration_goes_on_beyond_its_knots_and_keeps_every_order() -> None:
    line = Calibration([-1.0, 0.0, 1.0], [-2.0, -1.9, 1.0], [-3, -2, 0], [-1, 0, 2])
    found = [line.probability(step / 10) for step in range(-60, 61)]
    assert all(before < after for before, after in pairwise(found))
    assert 0 < found[0] < found[-1] < 1


def test_an_artefact_is_data_as_text() -> None:
    assert json.loads(gzip.decompress(pack(document())))["format"] == "galen-model/1"
