"""`local publish`: makes a registered champion the one that a running platform serves."""

from __future__ import annotations

import argparse
from pathlib import Path

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.environment import say
from local.layout import DEFAULT_DATA
from local.run_state import find_platform

_EXAMPLES = """  python3 -m local publish sepsis
  python3 -m local publish readmission --runs /tmp/trial
  python3 -m local publish onset --version 3       what `python3 -m local spark train-onset` registered

What `train` or `--version` made champion of the registered model goes to ml-features/model-artifacts in the lake; every
process of the platform verifies its hash and serves it within a minute.
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
        "--runs", type=Path, default=DEFAULT_DATA / "mlflow", metavar="DIR",
        help="where MLflow keeps its store (default .local/mlflow)",
    )  # fmt: skip
    parser.add_argument("--version", metavar="N", help="make this registered version the champion first")


def run(args: argparse.Namespace) -> int:
    """0 where the champion is in the lake."""
    from local.running import services_of
    from shared.domain.models.artefact import RefusedModel, read_model
    from shared.domain.models.lake_layout import Alias, artefact_path
    from shared.services.served_models import publish_champion
    from spark.training.tracking import Store, champion_of, make_champion

    lake = services_of(find_platform(args.data, args.port)).lake
    store = Store.in_folder(args.runs)
    if args.version:
        try:
            make_champion(store, args.model, args.version)
        except LookupError as unknown:
            raise exits.CommandStopped(str(unknown)) from unknown
    champion = champion_of(store, args.model)
    if champion is None:
        raise exits.CommandStopped(
            f"no model {args.model} is registered in {args.runs}: run `python3 -m local train {args.model}` first"
        )
    try:
        version = read_model(champion.packed, champion.sha256).version
        publish_champion(lake, champion.packed, Alias(args.model, version, champion.sha256, champion.run_id))
    except RefusedModel as refused:
        raise exits.CommandStopped(f"nothing was published: {refused}") from refused
    say(f"{args.model} {version} is the champion in {artefact_path(args.model, champion.sha256)}")
    return exits.OK
