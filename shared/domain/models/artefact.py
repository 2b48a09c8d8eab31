"""A published model: one gzipped JSON document, whose hash stands apart in `published.json` beside the shipped ones.

Data only: names, numbers and text. Reading it runs no code from it, and a byte that differs from the registered hash
refuses it (docs/decisions/016-models-as-data.md).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.models.calibration import Calibration, risk_index
from shared.domain.models.forest import Forest, Standing
from shared.domain.models.network import Activity, Inputs, Network, Networks

FORMAT: Final = "galen-model/1"


class RefusedModel(ValueError):
    """An artefact that is not what was published, or is no model; the last good one stays in service."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """How far one feature moved the log odds of one patient, and the value it had; None is a missing value."""

    feature: str
    value: float | None
    log_odds: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one row of features. `alert` is whether the probability reaches the operating point."""

    raw: float
    probability: float
    low: float
    high: float
    risk_index: float
    alert: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One row of features through trees and networks: what prediction and reasons are read from."""

    row: Sequence[float]
    trees: Standing
    networks: Activity | None


@dataclass(frozen=True)
class PublishedModel:
    """A model ready to score: trees, calibration, threshold, features, and where it came from."""

    name: str
    version: str
    sha256: str
    features: tuple[str, ...]
    forest: Forest
    calibration: Calibration
    operating_point: float
    networks: Networks | None = None
    # What the raw scores of forest and networks are multiplied by before they are added.
    blend: tuple[float, float] = (1.0, 0.0)
    tables: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, values: Sequence[float]) -> Prediction:
        """The prediction for features in the model's order; NaN is missing."""
        return self._predicted(self.raw_score(self._row(values)))

    def raw_score(self, values: Sequence[float]) -> float:
        """The score that the calibration starts from."""
        networks = None if self.networks is None else self.networks.score(values)
        return self._blended(self.forest.score(values), networks)

    def evaluate(self, values: Sequence[float], before: Evaluation | None = None) -> Evaluation:
        """A row for `judge` and `reasons`. One that resembles the row before costs a part of it, and comes to the same."""
        row = self._row(values)
        trees = self.forest.stand(row, before.trees if before else None)
        if self.networks is None:
            return Evaluation(row, trees, None)
        return Evaluation(row, trees, self.networks.activity(row, before.networks if before else None))

    def judge(self, evaluation: Evaluation) -> Prediction:
        """As `predict`, of a row that was evaluated."""
        networks = None if evaluation.networks is None else evaluation.networks.score
        return self._predicted(self._blended(evaluation.trees.score(), networks))

    def contributions(self, values: Sequence[float], most: int = 5) -> list[Contribution]:
        """The features that moved this row's score furthest, up or down, the furthest first."""
        return self.reasons(self.evaluate(values), most)

    def reasons(self, evaluation: Evaluation, most: int = 5) -> list[Contribution]:
        """As `contributions`, of a row that was evaluated."""
        values = evaluation.row
        share, other = self.blend
        moved = [share * change for change in evaluation.trees.contributions()]
        if evaluation.networks is not None:
            parts = evaluation.networks.contributions()
            moved = [change + other * part for change, part in zip(moved, parts, strict=True)]
        # The sort is stable, backwards too: of equal changes the feature that comes first.
        ranked = sorted(range(len(moved)), key=list(map(abs, moved)).__getitem__, reverse=True)[:most]
        return [
            Contribution(
                self.features[place], None if math.isnan(values[place]) else values[place], moved[place]
            )
            for place in ranked
            if moved[place]
        ]

    def _row(self, values: Sequence[float]) -> Sequence[float]:
        if len(values) != len(self.features):
            raise ValueError(f"{self.name} {self.version} needs {len(self.features)} features")
        return values

    def _blended(self, trees: float, networks: float | None) -> float:
        return trees if networks is None else self.blend[0] * trees + self.blend[1] * networks

    def _predicted(self, raw: float) -> Prediction:
        probability = self.calibration.probability(raw)
        low, high = self.calibration.interval(raw)
        index = risk_index(probability, self.operating_point)
        return Prediction(raw, probability, low, high, index, probability >= self.operating_point)


def pack(document: Mapping[str, Any]) -> bytes:
    """The bytes of an artefact; the same document gives the same bytes with the same zlib."""
    text = json.dumps({"format": FORMAT, **document}, allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def read_model(packed: bytes, sha256: str) -> PublishedModel:
    """The model in an artefact. Raises RefusedModel where its hash is not `sha256`, or where it is no sound model."""
    found = hashlib.sha256(packed).hexdigest()
    if found != sha256:
        raise RefusedModel(
            "the artefact is not the one that was published: its SHA-256 differs from the registry's"
        )
    try:
        document = json.loads(gzip.decompress(packed))
        return _model(document, found)
    except (KeyError, TypeError, ValueError, EOFError, OSError, zlib.error) as broken:
        raise RefusedModel(f"the artefact is no sound model of format {FORMAT}") from broken


def _model(document: Mapping[str, Any], sha256: str) -> PublishedModel:
    if document["format"] != FORMAT:
        raise ValueError("another format")
    trees = document["trees"]
    forest = Forest(
        roots=trees["roots"],
        feature=trees["feature"],
        threshold=trees["threshold"],
        right=trees["right"],
        missing_left=trees["missing_left"],
        cover=trees["cover"],
        baselines=trees["baselines"],
        members=trees["members"],
    )
    features = tuple(document["features"])
    forest.check(len(features))
    lines = document["calibration"]
    calibration = Calibration(lines["raw"], lines["log_odds"], lines["low"], lines["high"])
    calibration.check()
    networks, blend = _networks(document.get("networks"), len(features))
    operating_point = float(document["operating_point"])
    if not 0 < operating_point < 1:
        raise ValueError("the operating point is no probability")
    return PublishedModel(
        name=str(document["name"]),
        version=str(document["version"]),
        sha256=sha256,
        features=features,
        forest=forest,
        calibration=calibration,
        operating_point=operating_point,
        networks=networks,
        blend=blend,
        tables=document.get("tables", {}),
        training=document["training"],
    )


def _networks(part: Mapping[str, Any] | None, features: int) -> tuple[Networks | None, tuple[float, float]]:
    if part is None:
        return None, (1.0, 0.0)
    networks = Networks(Inputs(**part["inputs"]), [Network(**member) for member in part["members"]])
    networks.check(features)
    trees, share = part["blend"]
    return networks, (float(trees), float(share))
