"""`local score-dataset`: scores a public data set with a shipped model. It needs NumPy, and no scikit-learn."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from local import exits
from local.cli.options import new_parser
from local.environment import say

if TYPE_CHECKING:
    from shared.domain.models.artefact import PublishedModel

_EXAMPLES = """  python3 -m local score-dataset sepsis stays/ scored/
  python3 -m local score-dataset readmission diabetic_data.csv scored.csv
  python3 -m local score-dataset sepsis held-out/ scored/ --model trained/      what `train sepsis rest/ --out trained` wrote

sepsis: .psv files of the PhysioNet/CinC Challenge 2019 at any depth in; for each a file of the same name out, with
PredictedProbability|PredictedLabel for every hour, from that hour and earlier ones only.
readmission: the columns of diabetic_data.csv (UCI 296) in; encounter_id,probability out, in the same order.
A column with the outcome is not read. exit codes: 0 everything is scored, 1 a file or a line cannot be read, 2 wrong usage
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers, "score-dataset", "score a public data set with a shipped model", _EXAMPLES
    )
    models = parser.add_subparsers(dest="model", required=True, metavar="MODEL")
    sepsis = models.add_parser("sepsis", help="stays in intensive care, hour by hour")
    sepsis.add_argument("source", type=Path, metavar="IN_DIR")
    sepsis.add_argument("target", type=Path, metavar="OUT_DIR")
    readmission = models.add_parser("readmission", help="hospital encounters, at discharge")
    readmission.add_argument("source", type=Path, metavar="IN.csv")
    readmission.add_argument("target", type=Path, metavar="OUT.csv")
    for each in (sepsis, readmission):
        each.add_argument(
            "--model", type=Path, dest="trained", metavar="DIR",
            help="with the model that `train --out DIR` wrote, instead of the shipped one",
        )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """0 where everything is scored, 1 where a file cannot be read; 2 for wrong usage."""
    from shared.domain.models.artefact import RefusedModel

    started_s = time.monotonic()
    try:
        code = _sepsis(args) if args.model == "sepsis" else _readmission(args)
    except RefusedModel as refused:
        raise exits.CommandStopped(f"{refused}; nothing was scored with it") from refused
    except OSError as failure:
        text = f"{failure.filename or args.target}: {failure.strerror}: name an input that can be read and an output"
        raise exits.CommandStopped(f"{text} that can be written", exits.USAGE) from failure
    say(f"done after {time.monotonic() - started_s:.1f} s")
    return code


def _sepsis(args: argparse.Namespace) -> int:
    from local.datasets.score_stays import OUT_OF_ORDER, score_stays
    from local.datasets.stays import stay_files
    from shared.domain.stays.sepsis_risk import checked

    if not args.source.is_dir():
        raise exits.CommandStopped(f"there is no folder {args.source}", exits.USAGE)
    target = args.target.resolve()
    if target == args.source.resolve():
        raise exits.CommandStopped("the scores need a folder of their own: name another OUT_DIR", exits.USAGE)
    files = [path for path in stay_files(args.source) if target not in path.resolve().parents]
    if not files:
        raise exits.CommandStopped(f"there is no .psv file in {args.source}", exits.USAGE)
    result = score_stays(files, args.source, args.target, checked(_model(args)))
    for problem in result.problems:
        say(problem)
    out_of_order = result.not_counted.pop(OUT_OF_ORDER, 0)
    if out_of_order:
        say(
            f"{out_of_order} hours do not follow the one before by {OUT_OF_ORDER}: they are taken in the order of their file"
        )
    if result.not_counted:
        say(f"values that no patient has count as not measured: {_counts(result.not_counted)}")
    say(f"scored {result.hours} hours of {result.stays} stays into {args.target}")
    return exits.FINDING if result.problems else exits.OK


def _readmission(args: argparse.Namespace) -> int:
    from local.datasets.encounters import UnreadableEncounters
    from local.datasets.score_encounters import score_encounters
    from shared.domain.stays.readmission_risk import checked

    if not args.source.is_file():
        raise exits.CommandStopped(f"there is no file {args.source}", exits.USAGE)
    if args.target.resolve() == args.source.resolve():
        raise exits.CommandStopped("the scores need a file of their own: name another OUT.csv", exits.USAGE)
    try:
        result = score_encounters(args.source, args.target, checked(_model(args)))
    except UnreadableEncounters as unreadable:
        raise exits.CommandStopped(str(unreadable)) from unreadable
    for problem in result.problems:
        say(problem)
    if result.repeated:
        say(
            f"{result.repeated} encounters are there already: each line is answered, and history has each once"
        )
    if result.unreadable:
        say(f"values that the data set does not have count as not known: {_counts(result.unreadable)}")
    say(f"scored {result.encounters} encounters into {args.target}")
    return exits.FINDING if result.problems else exits.OK


def _model(args: argparse.Namespace) -> PublishedModel:
    from shared.domain.models.shipped import model_in, shipped_model

    return shipped_model(args.model) if args.trained is None else model_in(args.trained, args.model)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
