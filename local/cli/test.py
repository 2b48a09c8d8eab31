"""`local test`: the tests, on the interpreter this was started with, with all that this machine offers them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from local import exits, java
from local.bootstrap import chosen_environment
from local.cli.options import new_parser
from local.environment import say
from local.interpreters import find_python
from local.layout import CHECKOUT

_CONFORMANCE_PYTHON = "3.13"
_CONFORMANCE_GROUPS = ("function", "local", "test", "conformance")
# The quick and telling ones first, those that start whole platforms last.
_ORDER = (
    "unit", "contract", "property", "golden", "docs", "infra", "host", "emulators", "cli", "delivery", "spark", "e2e"
)  # fmt: skip
_PROCESSES = 4
"""More than the two cores the suite is measured on, for many tests wait for processes they started. `tests/conftest.py`
says what stays in one process.

xdist would begin with the files of most tests and end with those of one long test; `tests/conftest.py` orders them.
"""
_ONE_PROCESS = frozenset({"-x", "--pdb", "-s", "--collect-only", "--co"})
_EXAMPLES = """  python3 -m local test
  python3 -m local test -k news2 -x        what this does not know goes to pytest
  python3 -m local test tests/unit
  GALEN_TEST_DATA=/path/to/data python3 -m local test
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "test", "run the tests; other arguments go to pytest", _EXAMPLES)
    parser.add_argument(
        "--no-conformance", action="store_true", help="leave out the levels that need Python 3.13"
    )
    parser.add_argument("--no-spark", action="store_true", help="leave out the Spark tests")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="fail where a conformance level, or with Java 17 a Spark test, is skipped",
    )


def run(args: argparse.Namespace) -> int:
    """pytest's verdict: 0 where all tests pass."""
    environment = dict(os.environ)
    # Hundreds of processes are started: what the first ones compile is for the others.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    required = []
    if not args.no_conformance:
        _offer_conformance(environment)
        required.append("conformance")
    if not args.no_spark and _offer_spark(environment):
        required.append("spark")
    if "GALEN_TEST_DATA" not in environment:
        say("GALEN_TEST_DATA is not set: tests on large real data are skipped")
    chosen = list(args.rest)
    if not any((CHECKOUT / argument.partition("::")[0]).exists() for argument in chosen):
        chosen += _folders_in_order(without_spark="spark" not in required)
    if args.strict:
        chosen += ["-p", "local.required_tests", *(f"--required={marker}" for marker in required)]
    if not any(argument.startswith("-n") or argument in _ONE_PROCESS for argument in chosen):
        chosen += ["-n", str(_PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen], cwd=CHECKOUT, env=environment, check=False
    )
    return exits.OK if done.returncode == 0 else exits.FINDING


def _offer_conformance(environment: dict[str, str]) -> None:
    """Tells the tests of an interpreter that has Microsoft's worker library, in an environment of its own."""
    if "GALEN_PYTHON313" in environment:
        return
    interpreter = find_python(_CONFORMANCE_PYTHON)
    if interpreter is None:
        say(
            f"no Python {_CONFORMANCE_PYTHON} was found: the conformance levels with azure-functions-runtime are "
            f"skipped; install it (`pyenv install {_CONFORMANCE_PYTHON}`) to run them"
        )
        return
    own = chosen_environment().folder
    base = own.with_name(f".venv{_CONFORMANCE_PYTHON.replace('.', '')}")
    beside = chosen_environment(interpreter, _CONFORMANCE_PYTHON, str(base))
    beside.ensure(_CONFORMANCE_GROUPS)
    environment["GALEN_PYTHON313"] = str(beside.python)


def _offer_spark(environment: dict[str, str]) -> bool:
    """Installs the Spark group and points to Java 17; False, said in one line, where there is none."""
    home = java.find_java()
    if home is None:
        say(f"the Spark tests are skipped, for no Java 17 was found: {java.WHAT_TO_DO}")
        return False
    chosen_environment().ensure(("spark", "lake", "quality"))
    environment["JAVA_HOME"] = str(home)
    return True


def _folders_in_order(*, without_spark: bool) -> list[str]:
    folders = sorted(
        path.name for path in (CHECKOUT / "tests").iterdir() if path.is_dir() and path.name[0] not in "_."
    )
    known = [name for name in _ORDER if name in folders]
    chosen = [*known, *(name for name in folders if name not in _ORDER and name != "data")]
    return [f"tests/{name}" for name in chosen if not (without_spark and name == "spark")]
