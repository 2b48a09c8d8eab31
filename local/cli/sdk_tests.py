"""`local sdk-tests`: the tests that Microsoft ships with its SDKs, against the emulators."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local import exits
from local.cli.options import new_parser
from local.layout import CHECKOUT, DEFAULT_DATA

if TYPE_CHECKING:
    from local.sdk_tests.outcome import Outcome

_EXAMPLES = """  python3 -m local sdk-tests                           all selected files of all packages
  python3 -m local sdk-tests --package azure-cosmos
  python3 -m local sdk-tests test_crud.py -k query     of these files the tests that pytest's -k finds
  python3 -m local sdk-tests --everything              those that are out of scope too: they fail
  python3 -m local sdk-tests --shrink                  take what passes by now out of the expected failures
"""
_GROUPS = ("function", "test", "sdk-tests")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "run the tests of Microsoft's SDKs against the emulators"
    parser = new_parser(subparsers, "sdk-tests", summary, _EXAMPLES)
    parser.add_argument("files", nargs="*", metavar="FILE", help="test files (default: the selected ones)")
    parser.add_argument(
        "--package", action="append", metavar="NAME", help="of this package; may be given again"
    )
    parser.add_argument("-k", dest="expression", metavar="EXPRESSION", help="only tests that it finds")
    parser.add_argument("--shrink", action="store_true", help="take what passes out of the expected failures")
    parser.add_argument("--everything", action="store_true", help="run the tests that are out of scope too")
    parser.add_argument("--list", action="store_true", help="only print the files that would be run")
    parser.add_argument("--report", type=Path, metavar="FILE", help="keep what failed and why, as JSON")
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="json: on standard output"
    )


def run(args: argparse.Namespace) -> int:
    """0 where every failure was expected and no expected one passes, else 1."""
    from local.bootstrap import chosen_environment
    from local.sdk_tests.outcome import Listed, write_report
    from local.sdk_tests.run import STAND_IN, files_of, run_file
    from local.sdk_tests.sources import tests_of
    from local.sdk_tests.suites import SUITES

    environment = chosen_environment(base=str(chosen_environment().folder.with_name(".venv-sdk-tests")))
    environment.ensure(_GROUPS)
    expected = Listed(STAND_IN.parent / "expected_failures.txt")
    out_of_scope = Listed(STAND_IN.parent / "out_of_scope.txt")
    chosen = ["-k", args.expression] if args.expression else []
    outcomes: list[Outcome] = []
    for suite in SUITES:
        if args.package and suite.package not in args.package:
            continue
        tests = tests_of(suite, environment.python, DEFAULT_DATA / "sdk-tests")
        for name in files_of(suite, tests, args.files):
            if args.list:
                print(f"{suite.package}/{name}")
                continue
            apart = {} if args.everything else out_of_scope.of(suite.package, name)
            outcomes.append(run_file(suite, tests, name, environment.python, chosen, apart))
            _say(outcomes[-1])
            if args.report:
                write_report(args.report, outcomes)
    if args.list:
        return exits.OK
    if not outcomes:
        raise exits.CommandStopped("no such test file in the chosen packages", exits.USAGE)
    return _judge(outcomes, expected, args, whole=not chosen)


def _judge(outcomes: list[Outcome], expected: object, args: argparse.Namespace, *, whole: bool) -> int:
    from local.sdk_tests.outcome import Listed

    assert isinstance(expected, Listed)
    surprises: list[str] = []
    healed: set[str] = set()
    for each in outcomes:
        known = expected.of(each.package, each.file)
        surprises += [f"{each.package}/{each.file}::{name}" for name in each.failed if name not in known]
        healed |= {f"{each.package}/{each.file}::{name}" for name in known.keys() & each.passed}
    if args.shrink:
        expected.shrink(healed)
        healed = set()
    _print(outcomes, args.format)
    for name in surprises:
        print(f"galen: failed, and is not expected to: {name}", file=sys.stderr)
    for name in sorted(healed) if whole else ():
        print(
            f"galen: passes, and stands in the expected failures: {name} (--shrink takes it out)",
            file=sys.stderr,
        )
    return exits.FINDING if surprises or (healed and whole) else exits.OK


def _say(outcome: Outcome) -> None:
    from local.environment import say

    say(
        f"{outcome.package}/{outcome.file}: {len(outcome.passed)} passed, {len(outcome.failed)} failed, "
        f"{len(outcome.skipped)} skipped in {outcome.seconds:.0f} s"
    )


def _print(outcomes: list[Outcome], form: str) -> None:
    if form == "json":
        print(json.dumps([outcome.as_json() for outcome in outcomes]))
        return
    from rich.table import Table

    from local.delivery.show import console

    table = Table(
        "package", "file", "passed", "failed", "skipped", "out of scope", "why skipped or out of scope"
    )
    for each in outcomes:
        why = "; ".join(sorted({*each.skipped.values(), *each.out_of_scope.values()}))
        counts = (len(each.passed), len(each.failed), len(each.skipped), len(each.out_of_scope))
        table.add_row(each.package, each.file, *map(str, counts), why)
    passed = sum(len(each.passed) for each in outcomes)
    skipped = sum(len(each.skipped) for each in outcomes)
    collected = sum(each.collected for each in outcomes)
    failed = collected - passed - skipped
    apart = sum(len(each.out_of_scope) for each in outcomes)
    table.add_row("all", "", str(passed), str(failed), str(skipped), str(apart), "")
    out = console()
    out.print(table)
    ran = max(passed + failed, 1)
    out.print(
        f"{passed} of {ran} tests pass ({100 * passed / ran:.1f} %); {skipped} of {collected} skip by their own marks; "
        f"{apart} more are out of scope"
    )
    out.print(f"their output: {(DEFAULT_DATA / 'sdk-tests').relative_to(CHECKOUT)}")
