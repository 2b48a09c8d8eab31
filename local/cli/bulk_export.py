"""`local bulk-export`: fetches the NDJSON that another FHIR server exports, and goes on after an interruption."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from local import exits
from local.cli.options import new_parser
from local.environment import say
from local.exits import CommandStopped
from spark.imports.bulk_data import BulkExport, ExportFailed

_EXAMPLES = """  python3 -m local bulk-export https://r4.example.org/fhir --into exported
  python3 -m local bulk-export https://r4.example.org/fhir --into exported --level Patient --types Patient,Condition
  python3 -m local send exported --door blob                           land what was fetched
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "bulk-export", "fetch what another FHIR server exports", _EXAMPLES)
    parser.add_argument("url", help="the base address of the FHIR server")
    parser.add_argument("--into", type=Path, required=True, help="the folder for the files and the state")
    parser.add_argument("--level", default="", help="Patient or Group/<id>; without it the whole system")
    parser.add_argument("--types", default="", help="resource types, with commas")
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="another origin that gets the token and may have a private address, such as the server's file store",
    )
    parser.add_argument("--since", default="", help="only what changed since this instant")


def run(args: argparse.Namespace) -> int:
    """Fetches all files. The bearer token, where one is needed, is in GALEN_BULK_TOKEN."""
    token = os.environ.get("GALEN_BULK_TOKEN", "")
    try:
        export = BulkExport(
            args.url,
            args.into,
            level=args.level,
            token=token,
            since=args.since,
            types=args.types,
            trusted=args.trust,
        )
        for file in export.run():
            say(f"{file.path}: {file.lines} lines of {file.type}")
    except ValueError as wrong:
        raise CommandStopped(str(wrong), exits.USAGE) from None
    except ExportFailed as failed:
        raise CommandStopped(str(failed), exits.FINDING) from None
    return exits.OK
