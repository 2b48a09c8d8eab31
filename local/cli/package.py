"""`local package`: builds the function packages, weighs them, times their imports; Azure's is indexed from its zip."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local import exits
from local.cli.options import new_parser
from local.exits import CommandStopped
from local.interpreters import find_python
from local.layout import DEFAULT_DATA

if TYPE_CHECKING:
    from local.packaging.build import Package

_SHOWN = 8
_EXAMPLES = """  python3 -m local package azure                       .local/packages/azure.zip
  python3 -m local package azure --into build --python 3.12
  python3 -m local package aws --python 3.12 --arch arm64     .local/packages/aws/http.zip and the others
  az functionapp deployment source config-zip --src .local/packages/azure.zip --name APP --resource-group GROUP
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "package", "build and weigh the function packages", _EXAMPLES)
    parser.add_argument("cloud", choices=("azure", "aws"), help="whose functions")
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
        "--arch",
        choices=("x86_64", "arm64"),
        help="the processor of Lambda; the stack has arm64 (default: this one's)",
    )
    parser.add_argument(
        "--runs", type=int, default=5, metavar="N", help="processes that time each import (default 5)"
    )


def run(args: argparse.Namespace) -> int:
    """Builds them and prints what they are."""
    python = find_python(args.python)
    if python is None:
        raise CommandStopped(
            f"there is no Python {args.python} here, which the bytecode is written with", exits.USAGE
        )
    args.into.mkdir(parents=True, exist_ok=True)
    return (_azure if args.cloud == "azure" else _aws)(args, python)


def _azure(args: argparse.Namespace, python: str) -> int:
    from local.packaging.build import build
    from local.packaging.measure import GROUPS, import_seconds, index_zip

    package = build(args.into, python, args.python)
    _print_weights(package, args.python)
    print("\nimport of a fresh process, median:")
    for group, imports in GROUPS.items():
        seconds = import_seconds(package.folder, imports, python, args.runs)
        print(f"  {1000 * seconds:6.0f} ms  {group}")
    beside = os.environ.get("GALEN_PYTHON313")
    engines = [(python, "library"), *([(beside, "runtime")] if beside else [])]
    for interpreter, engine in engines:
        indexed = index_zip(package.zip, interpreter, engine)
        names = indexed["functions"]
        assert isinstance(names, list)
        print(f"\nindexed from the zip by {indexed['engine']}: {len(names)} functions\n  {', '.join(names)}")
    return exits.OK


def _aws(args: argparse.Namespace, python: str) -> int:
    from local.packaging.build import THIS_MACHINE, build_lambda
    from local.packaging.measure import LAMBDA_IMPORTS, import_seconds

    packages = build_lambda(args.into, python, args.python, args.arch or THIS_MACHINE)
    for package in packages.values():
        _print_weights(package, f"{args.python} on {args.arch or THIS_MACHINE}")
    if args.arch and args.arch != THIS_MACHINE:
        print(f"\nimports are not timed: this machine is {THIS_MACHINE}")
        return exits.OK
    print("\nimport of a fresh process, median:")
    for group, package in packages.items():
        seconds = import_seconds(package.folder, LAMBDA_IMPORTS[group], python, args.runs)
        print(f"  {1000 * seconds:6.0f} ms  {group}")
    return exits.OK


def _print_weights(package: Package, built_for: str) -> None:
    from local.packaging.measure import weights

    found = weights(package.folder)
    zipped_mb = package.zip.stat().st_size / 1e6
    print(f"{package.zip}: {zipped_mb:.1f} MB, unpacked {sum(found.values()) / 1e6:.1f} MB, for {built_for}")
    for part, size in found.most_common(_SHOWN):
        print(f"  {size / 1e6:6.1f} MB  {part}")
