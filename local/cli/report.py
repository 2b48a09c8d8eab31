"""`local report`: writes one page of charts for each project from the gold tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.environment import say
from local.keys import TENANT
from local.spark_environment import lake_root

_EXAMPLES = """  python3 -m local report                  from the lake of `local up`, after `local spark all`
  python3 -m local report --out gold.html
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "report", "write a page of charts from the gold tables", _EXAMPLES)
    parser.add_argument(
        "--out", type=Path, default=Path("report.html"), help="the file (default report.html)"
    )
    parser.add_argument("--tenant", default=TENANT, help=f"whose rows (default {TENANT})")
    add_platform_options(parser)


def run(args: argparse.Namespace) -> int:
    """1 where there is no gold to report on."""
    from local.report.page import page
    from local.report.tables import Gold

    gold = Gold(lake_root(args.data), args.tenant)
    if not gold.exists:
        say(f"no gold tables below {lake_root(args.data)} yet: run `python3 -m local spark all`")
        return exits.FINDING
    args.out.write_text(
        page(gold, f"Tenant {args.tenant}, from the gold tables of this machine's lake."), "utf-8"
    )
    print(args.out)
    return exits.OK
