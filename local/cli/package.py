"""`local package`: builds the function package, weighs it, times its imports and has it indexed from its zip."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from local import exits
from local.cli.options import new_parser
from local.exits import CommandStopped
from local.interpreters import find_python
from local.layout import DEFAULT_DATA

_SHOWN = 8
_EXAMPLES = """  python3 -m local package azure                       .local/packages/azure.zip
  python3 -m local package azure --into build --python 3.12
  az functionapp deployment source config-zip --src .local/packages/azure.zip --name APP --resource-group GROUP
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "package", "build, weigh and index the function package", _EXAMPLES)
    parser.add_argument("cloud", choices=("azure",), help="whose functions")
    parser.add_argument(
        "--into",
        type=Path,
        default=DEFAULT_DATA / "packages",
        metavar="DIR",
        help="where it is built (default: %(default)s)",
    )
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    parser.add_argument(
        "--python",
        choices=("3.11", "3.12", "3.13"),
        default=here,
        help="the version of Python it is for; the stack says which (default: this one's)",
    )
    parser.add_argument(
        "--runs", type=int, default=5, metavar="N", help="processes that time each import (default 5)"
    )


def run(args: argparse.Namespace) -> int:
    """Builds it and prints what it is."""
    from local.packaging.build import build
    from local.packaging.measure import import_seconds, index_zip, weights

    python = find_python(args.python)
    if python is None:
        raise CommandStopped(
            f"there is no Python {args.python} here, which the bytecode is written with", exits.USAGE
        )
    args.into.mkdir(parents=True, exist_ok=True)
    package = build(args.into, python, args.python)
    found = weights(package.folder)
    zipped_mb = package.zip.stat().st_size / 1e6
    print(
        f"{package.zip}: {zipped_mb:.1f} MB, unpacked {sum(found.values()) / 1e6:.1f} MB, for {args.python}"
    )
    for part, size in found.most_common(_SHOWN):
        print(f"  {size / 1e6:6.1f} MB  {part}")
    print("\nimport of a fresh process, median:")
    for group, seconds in import_seconds(package.folder, python, args.runs).items():
        print(f"  {1000 * seconds:6.0f} ms  {group}")
    beside = os.environ.get("GALEN_PYTHON313")
    engines = [(python, "library"), *([(beside, "runtime")] if beside else [])]
    for interpreter, engine in engines:
        indexed = index_zip(package.zip, interpreter, engine)
        names = indexed["functions"]
        assert isinstance(names, list)
        print(f"\nindexed from the zip by {indexed['engine']}: {len(names)} functions\n  {', '.join(names)}")
    return exits.OK
