"""`local view`: the rows that a SQL-on-FHIR ViewDefinition makes of resources, with no platform running."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local import exits
from local.cli.options import new_parser

if TYPE_CHECKING:
    from local.views.reading import BadLines
    from local.views.writing import Writer
    from shared.domain.fhir.views import View

_EXAMPLES = """  python3 -m local view spark/views/patients.json patients.ndjson
  python3 -m local view view.json observations.ndjson.gz --format ndjson > rows.ndjson
  python3 -m local view view.json - --format csv < observations.ndjson
  python3 -m local view view.json observations.ndjson --engine spark --format ndjson

exit codes: 0 done, 1 a line holds no resource (it is named and left out), 2 the view is invalid or wrong usage
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "print the rows that a SQL-on-FHIR view makes of resources"
    parser = new_parser(subparsers, "view", summary, _EXAMPLES)
    parser.add_argument("view", type=Path, metavar="VIEW.json", help="a SQL-on-FHIR v2 ViewDefinition")
    parser.add_argument(
        "resources", nargs="+", metavar="RESOURCES.ndjson",
        help="resources, one a line (gz, xz or bz2); folders or archives of such files; - for standard input",
    )  # fmt: skip
    parser.add_argument(
        "--engine", choices=("python", "spark"), default="python",
        help="what runs the view; spark needs Java 17 (default: python)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("table", "ndjson", "csv"), default="table",
        help="how rows are written on standard output (default: table)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """0 where every line is a resource, 1 where one is not; raises CommandStopped with 2 for an invalid view."""
    missing = [path for path in args.resources if path != "-" and not Path(path).exists()]
    if missing:
        raise exits.CommandStopped(f"there is no {missing[0]}", exits.USAGE)
    from local.views.reading import BadLines, view_in
    from local.views.writing import writer_for

    view = view_in(args.view)
    for remark in view.definition.remarks:
        print(f"galen: warning: {remark}", file=sys.stderr)
    bad = BadLines()
    try:
        writer = writer_for(args.format, view.names)
        if args.engine == "spark":
            _run_spark(args.view, args.resources, writer, bad)
        else:
            _run_python(view, args.resources, writer, bad)
        writer.close()
    except BrokenPipeError:
        # The reader has seen enough (`| head`). What Python would flush at the end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FINDING
    if bad.count:
        said = (
            "1 line holds no resource and is"
            if bad.count == 1
            else f"{bad.count:,} lines hold no resource and are"
        )
        print(f"galen: {said} left out", file=sys.stderr)
    return exits.FINDING if bad.count else exits.OK


def _run_python(view: View, paths: list[str], writer: Writer, bad: BadLines) -> None:
    from local.views.reading import resources
    from shared.domain.fhir.views import ViewError

    for place, resource in resources(paths, bad):
        try:
            rows = view.rows(resource)
        except ViewError as failure:
            raise exits.CommandStopped(
                f"{place} shows that the view is invalid: {failure.text}", exits.USAGE
            ) from failure
        for row in rows:
            writer.row(row)


def _run_spark(view: Path, paths: list[str], writer: Writer, bad: BadLines) -> None:
    from local.views import spark_engine
    from local.views.writing import NdjsonWriter
    from shared.domain.fhir.json import decode_object

    if isinstance(writer, NdjsonWriter):
        spark_engine.run(view, paths, bad, writer.line)
    else:
        spark_engine.run(view, paths, bad, lambda line: writer.row(decode_object(line)))
