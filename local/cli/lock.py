"""`local lock`: writes the lock files anew from the groups in pyproject.toml."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from local import exits
from local.cli.options import new_parser
from local.layout import CHECKOUT, lock_of

_OLDEST = "3.11"
_OLDEST_OF = {"conformance": "3.13"}
# Not installed beside Spark, and some not beside Pulumi, so they need not fit with them.
_FITS_ONLY = {
    "sdk-tests": ("function", "local", "test"),
    "aws": ("function", "local", "test"),
    "aws-emulator": ("function", "local", "test", "aws", "infra"),
    "lambda": ("function", "local", "test", "aws"),
    "lambda-http": ("function", "local", "test", "aws"),
    "audit": (),
    "conformance": ("function", "local", "test"),
}
_LINES_SHOWN = 20
_EXAMPLES = """  python3 -m local lock                    keep the versions, add what is new in pyproject.toml
  python3 -m local lock --upgrade          take the newest versions that pyproject.toml allows
  python3 -m local lock --check            change nothing; exit code 1 where a lock does not fit pyproject.toml
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers, "lock", "write the lock files anew from the groups in pyproject.toml", _EXAMPLES
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--upgrade", action="store_true", help="take the newest versions allowed")
    how.add_argument("--check", action="store_true", help="only say which locks are out of date")


def run(args: argparse.Namespace) -> int:
    """Compiles every group, each with the locks before it as constraints, so that they fit in one environment."""
    groups = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    done: list[str] = []
    changed: list[str] = []
    for group in groups:
        lock = lock_of(group)
        before = lock.read_bytes() if lock.exists() else b""
        _compile(group, lock, _FITS_ONLY.get(group, done), upgrade=args.upgrade)
        if lock.read_bytes() != before:
            changed.append(str(lock.relative_to(CHECKOUT)))
            if args.check:
                lock.write_bytes(before)
        done.append(group)
    verb = "out of date" if args.check else "written"
    print(
        f"{verb}: {', '.join(changed)}" if changed else f"all {len(done)} locks are up to date",
        file=sys.stderr,
    )
    return exits.FINDING if changed and args.check else exits.OK


def _compile(group: str, lock: Path, constraints: Sequence[str], *, upgrade: bool) -> None:
    command = [
        *(
            str(Path(sys.prefix) / "bin" / "uv"),
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--generate-hashes",
        ),
        *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        *("--python-version", _OLDEST_OF.get(group, _OLDEST)),
        *("--group", group, "--output-file", str(lock.relative_to(CHECKOUT))),
        *(
            part
            for other in constraints
            for part in ("--constraint", str(lock_of(other).relative_to(CHECKOUT)))
        ),
        *(["--upgrade"] if upgrade else []),
    ]
    compiled = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if compiled.returncode:
        said = "\n".join(compiled.stderr.splitlines()[-_LINES_SHOWN:])
        raise exits.CommandStopped(
            f"the group {group} in pyproject.toml cannot be resolved; uv said last:\n{said}"
        )
