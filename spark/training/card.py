"""The model card of a trained model, as Markdown: generated, so that it says what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.models.artefact import PublishedModel
from spark.training import metrics
from spark.training.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Words:
    """What a card says that no figure can: purpose, population, outcome, split, limits."""

    title: str
    purpose: str
    population: str
    outcome: str
    split: str
    operating_point: str
    limits: Sequence[str]


def card(words: Words, model: PublishedModel, evaluation: Evaluation) -> str:
    """The whole card."""
    parts = [
        f"# {words.title}",
        (
            f"Written by `{model.training['command']}`. All figures are out of fold: each row was forecast by "
            "models that saw no row of its patient."
        ),
        "## What it is for\n\n" + words.purpose,
        _origin(words, model),
        _figures(evaluation),
        _calibration(evaluation),
        _operating_point(words, evaluation),
        _subgroups(evaluation),
        _importance(evaluation),
        _compared(evaluation),
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in words.limits),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _origin(words: Words, model: PublishedModel) -> str:
    data, libraries = model.training["data"], model.training["libraries"]
    kind = (
        f"{len(model.forest.members)} gradient boosted ensembles of {len(model.forest.roots)} trees together"
    )
    if model.networks is not None:
        kind += f", {len(model.networks.members)} neural networks"
    rows = [
        ("model", f"{model.name} {model.version}"),
        ("kind", kind),
        ("features", str(len(model.features))),
        ("data", data["licence"]),
        ("SHA-256 of the data", f"`{data['sha256']}`"),
        ("rows", f"{data['rows']:,}"),
        *_events(data),
        ("SHA-256 of the artefact", f"`{model.sha256}`"),
        ("run", f"`{model.training['run_id']}`"),
        ("made with", ", ".join(f"{name} {version}" for name, version in libraries.items())),
        ("population", words.population),
        ("outcome", words.outcome),
        ("split", words.split),
    ]
    return "## Where it comes from\n\n" + _table(("what", "value"), rows)


def _events(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How many rows have the outcome, where the training says it."""
    if "events" not in data:
        return []
    return [
        ("rows with the outcome", f"{data['events']:,}"),
        ("patients", f"{data['patients']:,}, {data['patients_with_event']:,} of them with the outcome"),
    ]


def _figures(evaluation: Evaluation) -> str:
    rows = [(name.replace("_", " "), f"{value:.4f}") for name, value in evaluation.figures().items()]
    return "## Figures\n\n" + _table(("figure", "value"), rows)


def _calibration(evaluation: Evaluation) -> str:
    rows = [
        (str(number), f"{each.rows:,}", f"{each.forecast:.4f}", f"{each.seen:.4f}")
        for number, each in enumerate(
            metrics.calibration_bins(evaluation.labels, evaluation.probabilities), start=1
        )
    ]
    return "## Calibration\n\nTen bins of equal count.\n\n" + _table(
        ("bin", "rows", "forecast", "seen"), rows
    )


def _operating_point(words: Words, evaluation: Evaluation) -> str:
    found = metrics.burden(evaluation.labels, evaluation.alarms)
    return (
        f"## Operating point\n\n{words.operating_point} It lies at a probability of {evaluation.operating_point:.4f}, "
        f"which is 0.8 on the risk index. There, sensitivity is {found.sensitivity:.1%}, specificity "
        f"{found.specificity:.1%}, the positive predictive value {found.ppv:.1%}, and {found.flagged:.1%} of rows are "
        "flagged."
    )


def _subgroups(evaluation: Evaluation) -> str:
    rows = [
        (group, value, f"{count:,}", f"{auroc:.4f}", f"{bias:+.4f}")
        for group, value, count, auroc, bias in evaluation.subgroups()
    ]
    return "## Subgroups\n\n" + _table(("group", "value", "rows", "AUROC", "forecast − seen"), rows)


def _importance(evaluation: Evaluation) -> str:
    rows = [(name, f"{share:.4f}") for name, share in evaluation.importance]
    if not rows:
        return ""
    return (
        "## What moves it\n\nMean absolute contribution to the log odds over a sample of rows, the largest first.\n\n"
        + _table(("feature", "contribution"), rows)
    )


def _compared(evaluation: Evaluation) -> str:
    rows = [
        (name, *(f"{value:.4f}" for value in figures.values()))
        for name, figures in evaluation.compared.items()
    ]
    if not rows:
        return ""
    columns = next(iter(evaluation.compared.values()))
    return (
        "## Beside simpler models\n\nThe same features, one fold held out, every model trained once on the same rows.\n\n"
        + _table(("model", *columns), rows)
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
