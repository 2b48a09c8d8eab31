"""`local publish`: makes a registered champion the one that a running platform serves."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.environment import say
from local.layout import runs_of
from local.run_state import find_platform
from shared.domain.models.artefact import PublishedModel, RefusedModel, read_model
from shared.domain.models.champion import verified
from shared.domain.models.lake_layout import Alias, artefact_path
from shared.ports.lake import Lake

if TYPE_CHECKING:  # loading MLflow takes seconds
    from spark.training.tracking import Store

_EXAMPLES = """  python3 -m local publish sepsis
  python3 -m local publish readmission --runs /tmp/trial
  python3 -m local publish onset --version 3       what `python3 -m local spark train-onset` registered

What `train` made champion of the registered model, or the version that is named, is verified and goes to
ml-features/model-artifacts in the lake; every process of the platform serves it within a minute. A version that was
published is the registry's champion from then on; of one that is refused nothing changes.
exit codes: 0 published, 1 refused, 3 no platform runs
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers, "publish", "publish a registered champion to the lake of a running platform", _EXAMPLES
    )
    add_platform_options(parser)
    parser.add_argument("model", choices=("sepsis", "readmission", "onset"))
    parser.add_argument(
        "--runs", type=Path, default=None, metavar="DIR",
        help="where MLflow keeps its store (default `mlflow` in the folder of --data)",
    )  # fmt: skip
    parser.add_argument(
        "--version",
        metavar="N",
        help="publish this registered version, which becomes the registry's champion",
    )


def run(args: argparse.Namespace) -> int:
    """0 where the champion is in the lake."""
    from local.running import services_of
    from spark.training.tracking import Store

    lake = services_of(find_platform(args.data, args.port)).lake
    published = publish(lake, Store.in_folder(runs_folder(args)), args.model, args.version)
    say(f"{args.model} {published.version} is the champion in {artefact_path(args.model, published.sha256)}")
    return exits.OK


def runs_folder(args: argparse.Namespace) -> Path:
    """Where `spark`, told the same `--data`, keeps what it trained; another folder where `--runs` names one."""
    return args.runs or runs_of(args.data)


def publish(lake: Lake, store: Store, model: str, version: str | None) -> PublishedModel:
    """Publishes a version, which becomes the registry's champion after that, or the one that is champion there.

    Raises CommandStopped with a sentence where nothing could be published.
    """
    from shared.bootstrap.use_cases import MODEL_CHECKS
    from shared.services.served_models import publish_champion
    from spark.training.tracking import champion_of, make_champion, registered

    try:
        found = registered(store, model, version) if version else champion_of(store, model)
        if found is None:
            raise LookupError(
                f"{store.uri} names no champion of {model}: run `python3 -m local train {model}` first"
            )
        alias = Alias(model, read_model(found.packed, found.sha256).version, found.sha256, found.run_id)
        verified(found.packed, alias, MODEL_CHECKS[model])
        published = publish_champion(lake, found.packed, alias)
    except (LookupError, RefusedModel) as refused:
        raise exits.CommandStopped(f"nothing was published: {refused}") from refused
    if version:
        try:
            make_champion(store, model, version)
        except LookupError as kept:
            raise exits.CommandStopped(
                f"version {version} is published, but no champion of the registry: {kept}"
            ) from kept
    return published
