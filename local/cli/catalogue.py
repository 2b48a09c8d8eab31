"""`local catalogue`: writes the pages of all tables and all features from their declarations."""

from __future__ import annotations

import argparse

from local import exits
from local.cli.options import new_parser
from local.environment import say
from local.layout import CHECKOUT

PAGE = CHECKOUT / "docs" / "tables.md"
FEATURES = CHECKOUT / "docs" / "features.md"
_EXAMPLES = """  python3 -m local catalogue               write docs/tables.md and docs/features.md
  python3 -m local catalogue --check       change nothing; exit code 1 where one of them is out of date
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers,
        "catalogue",
        "write the pages of all tables and features from their declarations",
        _EXAMPLES,
    )
    parser.add_argument("--check", action="store_true", help="only say whether they are up to date")


def run(args: argparse.Namespace) -> int:
    """Writes the pages, or compares them."""
    from spark.features.page import page as features
    from spark.schemas.catalogue import page as tables

    code = exits.OK
    for path, text in ((PAGE, tables()), (FEATURES, features())):
        name = path.relative_to(CHECKOUT)
        if not args.check:
            path.write_text(text, "utf-8")
            say(f"written: {name}")
        elif path.exists() and path.read_text("utf-8") == text:
            say(f"{name} is up to date")
        else:
            say(f"{name} is out of date: run `local catalogue`")
            code = exits.FINDING
    return code
