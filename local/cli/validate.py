"""`local validate`: files against the whole of FHIR R4, with no platform running."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local import exits
from local.cli.options import new_parser

if TYPE_CHECKING:
    from local.validation.reading import Place, Text
    from local.validation.summary import Summary
    from shared.domain.fhir.validation.report import Report, Rules

_EXAMPLES = """  python3 -m local validate patients/ more.ndjson.gz
  python3 -m local validate export.zip --format ndjson > findings.ndjson
  python3 -m local validate export.tar.xz --format ndjson | grep '"valid":false'
  python3 -m local validate patients/ --load profiles/ --profile http://example.org/fhir/StructureDefinition/our-patient

exit codes: 0 all are valid (warnings allowed), 1 one at least is not or cannot be read, 2 wrong usage
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "validate files against FHIR R4 and sum up the findings by rule"
    parser = new_parser(subparsers, "validate", summary, _EXAMPLES)
    parser.add_argument(
        "paths", nargs="+", metavar="PATH",
        help="resources, bundles, NDJSON (gz, xz or bz2), folders or archives of them (tar, zip)",
    )  # fmt: skip
    parser.add_argument(
        "--best-practice", action="store_true",
        help="report what the specification recommends as warnings too, such as a narrative (dom-6)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("table", "ndjson"), default="table",
        help="ndjson: one line per resource on standard output (default: a table by rule)",
    )  # fmt: skip
    parser.add_argument(
        "--profile", action="append", default=[], metavar="URL",
        help="hold each resource of the profile's type against it, as if it claimed it; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--load", action="append", default=[], metavar="PATH",
        help="load the profiles (StructureDefinitions) of a file, folder or archive; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--values", action="store_true",
        help="end each finding with the value it is about, which may identify a patient (default: no values)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """0 where everything is valid, 1 where something is not or cannot be read; 2 for wrong usage."""
    missing = [path for path in (*args.paths, *args.load) if not Path(path).exists()]
    if missing:
        raise exits.CommandStopped(f"there is no {missing[0]}", exits.USAGE)
    from local.delivery.sources import KNOWN_ENDINGS, LINES, is_known
    from local.validation.reading import left_out, places_of
    from local.validation.show import headline, left_out_line, print_summary
    from shared.domain.fhir.validation.shown_values import ShownValues
    from shared.domain.fhir.validation.validator import R4Validator

    places = [place for path in args.paths for place in places_of(path)]
    started_s = time.monotonic()
    try:
        rules: Rules = R4Validator(best_practice=args.best_practice)
        if args.load or args.profile:
            rules = _with_profiles(rules, args)
        if args.values:
            rules = ShownValues(rules)
        summary = _validate(places, rules, as_lines=args.format == "ndjson")
        if not summary.resources:
            given = ", ".join(args.paths)
            if all(Path(path).is_file() and is_known(path, LINES) for path in args.paths):
                raise exits.CommandStopped(f"{given}: empty, there is nothing to validate")
            raise exits.CommandStopped(
                f"there is nothing to validate in {given}: {KNOWN_ENDINGS}", exits.USAGE
            )
        said = "\n".join(
            filter(
                None, (headline(summary, time.monotonic() - started_s), left_out_line(left_out(args.paths)))
            )
        )
        if args.format == "table":
            print_summary(summary, sys.stdout)
        print(said, file=sys.stdout if args.format == "table" else sys.stderr)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`). What Python would flush at the end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FINDING
    return exits.FINDING if summary.invalid else exits.OK


def _with_profiles(rules: Rules, args: argparse.Namespace) -> Rules:
    from local.validation.profiles import loaded_profiles
    from shared.domain.fhir.validation.loaded_profiles import ProfiledRules

    return ProfiledRules(rules, loaded_profiles(args.load, args.profile), args.profile)


def _validate(places: list[Place], rules: Rules, *, as_lines: bool) -> Summary:
    from local.validation.reading import entries_of, texts
    from local.validation.show import progress
    from local.validation.summary import Summary
    from shared.domain.fhir.validation.report import report_on, unreadable

    summary, read = Summary(), 0

    def on_bytes(count: int) -> None:
        nonlocal read
        read += count

    with progress(sum(place.size for place in places), beside_lines=as_lines) as show:
        for text in texts(places, on_bytes):
            report = unreadable(text.problem) if text.problem else report_on(text.body, rules)
            summary.add(text.place_of, report)
            summary.came_from(
                text.source, entries_of(text.body) if report.resource_type == "Bundle" else None
            )
            if as_lines:
                sys.stdout.buffer.write(_line(text, report))
            show(read, summary)
    return summary


def _line(text: Text, report: Report) -> bytes:
    import orjson

    # A name on disk need not be UTF-8: what of it is no character is shown escaped.
    source = text.source.encode("utf-8", "backslashreplace").decode()
    found = {"source": source, "line": text.line, **report.as_json()}
    return orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)
