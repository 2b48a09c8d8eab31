"""`local catalogue`: writes the page of all tables, docs/tables.md, from their declarations."""

from __future__ import annotations

import argparse

from local import exits
from local.cli.options import new_parser
from local.environment import say
from local.layout import CHECKOUT

PAGE = CHECKOUT / "docs" / "tables.md"
_EXAMPLES = """  python3 -m local catalogue               write docs/tables.md
  python3 -m local catalogue --check       change nothing; exit code 1 where the page is out of date
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers, "catalogue", "write the page of all tables from their declarations", _EXAMPLES
    )
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")


def run(args: argparse.Namespace) -> int:
    """Writes the page, or compares it."""
    from spark.schemas.catalogue import page

    text = page()
    if args.check:
        fits = PAGE.exists() and PAGE.read_text("utf-8") == text
        say(
            "docs/tables.md is up to date" if fits else "docs/tables.md is out of date: run `local catalogue`"
        )
        return exits.OK if fits else exits.FINDING
    PAGE.write_text(text, "utf-8")
    say(f"written: {PAGE.relative_to(CHECKOUT)}")
    return exits.OK
