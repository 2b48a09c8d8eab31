"""`local train`: trains a shipped model on public data, tracks the run, publishes the artefact and writes its card."""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from pathlib import Path

from local import exits
from local.cli.options import new_parser
from local.environment import say
from local.layout import CHECKOUT, DEFAULT_DATA, runs_of
from local.training.data import ARCHIVES

_NOT_SERVED = frozenset({"readmission-store"})
_EXAMPLES = """  GALEN_TEST_DATA=/data python3 -m local train sepsis
  python3 -m local train readmission /data/diabetic_data.csv
  python3 -m local train sepsis /data/stays --out /tmp/trial --runs /tmp/trial

The data: physionet2019-setb (PhysioNet/CinC Challenge 2019) and uci-diabetes-readmission (UCI 296), both CC BY 4.0;
onset and readmission-store: FHIR R4 bundles, one of each patient (synthea-r4, simulated, Apache-2.0), or a lake with a
feature store. readmission-store is registered but published nowhere: readmission serves.
exit codes: 0 trained, 1 the data cannot be read, 2 wrong usage
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "train", "train and publish a model on public data", _EXAMPLES)
    parser.add_argument("model", choices=tuple(ARCHIVES))
    parser.add_argument(
        "data", nargs="?", metavar="PATH", help="archive, folder or file (default: in $GALEN_TEST_DATA)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="artefact, registry and card here (default: the shipped ones in the checkout, of readmission-store --runs)",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, default=runs_of(DEFAULT_DATA), metavar="DIR",
        help="where MLflow keeps its store (default .local/mlflow)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """0 where the model was trained; 2 for wrong usage."""
    from local.datasets.encounters import UnreadableEncounters
    from local.training.data import given_or_default, unpacked
    from spark.training.landmarks import UnreadablePatients

    path = given_or_default(args.model, args.data)
    try:
        with unpacked(path) as data:
            _train(args.model, data, args.out, args.runs)
    except (UnreadableEncounters, UnreadablePatients) as unreadable:
        raise exits.CommandStopped(str(unreadable)) from unreadable
    return exits.OK


def _train(name: str, data: Path, out: Path | None, runs: Path) -> None:
    from local.training.publish import SHIPPED, publish
    from local.training.words import WORDS
    from spark.training.card import card
    from spark.training.tracking import Store, Tracking

    trainer = importlib.import_module(f"local.training.{name.replace('-', '_')}")
    serves = name not in _NOT_SERVED
    tracking = Tracking(Store.in_folder(runs), name)
    started_s = time.monotonic()
    try:
        trained, evaluation, sample = trainer.train(data, _progress(started_s), runs / "work")
        tracking.record({**trainer.SETTINGS, "seeds": trainer.SEEDS}, trained.metrics, trained.data)
        folder = out or (SHIPPED if serves else runs / "not-served")
        model = publish(trained, tracking.run_id, folder)
        artefact = tracking.keep(folder / f"{name}.model.json.gz")
        tracking.register(artefact, model.sha256, champion=serves)
    except BaseException:
        tracking.end("FAILED")
        raise
    cards = out or CHECKOUT / "docs" / "models"
    cards.mkdir(parents=True, exist_ok=True)
    text = card(WORDS[name], model, evaluation.with_importance(model, sample))
    (cards / f"{name}.md").write_text(text, "utf-8")
    say(
        f"{name} {trained.version} is {'published' if serves else 'kept'} in {folder}, its card is {cards / f'{name}.md'}"
    )


def _progress(started_s: float) -> Callable[[str], None]:
    return lambda line: say(f"{time.monotonic() - started_s:6.0f} s  {line}")
