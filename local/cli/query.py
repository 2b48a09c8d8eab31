"""`local query`: SQL over the Delta tables of the local lake, now or as they were; statements for other engines."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from local import exits
from local.cli.options import add_platform_options, new_parser

_DIALECTS = ("synapse", "snowflake", "databricks")
_EXAMPLES = """  python3 -m local query                    the tables that there are
  python3 -m local query "select gender, count(*) from silver_patients group by all"
  python3 -m local query "select count(*) from silver_patients" --as-of 2026-01-31T12:00:00Z --format csv
  python3 -m local query --database 'select drug_name, count(*) from "PatientAdverseEventReport" group by 1'
  python3 -m local query --ddl databricks --root abfss://galen@account.dfs.core.windows.net

exit codes: 0 done, 2 no query, no such table or version, or wrong usage
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "ask the lake's tables by SQL, or print what shows them to another engine"
    parser = new_parser(subparsers, "query", summary, _EXAMPLES)
    parser.add_argument("sql", nargs="?", help="one SELECT of DuckDB's SQL; without it the tables are listed")
    parser.add_argument(
        "--as-of", metavar="WHEN", help="a version of the tables, or an instant (ISO 8601; UTC by default)"
    )
    parser.add_argument(
        "--format", choices=("table", "ndjson", "csv"), default="table",
        help="how rows are written on standard output (default: table)",
    )  # fmt: skip
    parser.add_argument(
        "--ddl", choices=_DIALECTS, help="print external tables and views for this engine instead"
    )
    parser.add_argument(
        "--database", action="store_true", help="ask the SQL database that the job sql fills, not the lake"
    )
    parser.add_argument("--root", metavar="URI", help="with --ddl: where the lake is for that engine")
    add_platform_options(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the query; raises CommandStopped with 2 where it cannot."""
    if args.sql and args.ddl:
        raise exits.CommandStopped("give a query or --ddl, not both", exits.USAGE)
    if args.database:
        return _ask_database(args)
    from local.lakehouse.tables import tables_of
    from local.spark_environment import lake_root

    lake: Path = lake_root(args.data)
    tables = tables_of(lake)
    if not tables:
        raise exits.CommandStopped(
            f"there is no Delta table below {lake} yet: `python3 -m local spark all` makes them", exits.USAGE
        )
    try:
        if args.ddl:
            from local.lakehouse.ddl import DEFAULT_ROOT, statements

            for statement in statements(args.ddl, tables, args.root or DEFAULT_ROOT):
                print(statement, end="\n\n")
        else:
            _answer(args, lake)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`). What Python would flush at the end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exits.OK


def _ask_database(args: argparse.Namespace) -> int:
    from local.lakehouse.sql_database import DatabaseAnswer, file_of, local_url, tables_in
    from local.views.writing import writer_for
    from shared.names import SQL_URL

    if args.ddl or args.as_of:
        raise exits.CommandStopped("--database goes with a query alone", exits.USAGE)
    path = file_of(os.environ.get(SQL_URL) or local_url(args.data))
    answer = DatabaseAnswer(path, args.sql) if args.sql else tables_in(path)
    writer = writer_for(args.format, answer.names)
    for row in answer:
        writer.row(row)
    writer.close()
    return exits.OK


def _answer(args: argparse.Namespace, lake: Path) -> None:
    from local.lakehouse.tables import as_of_in, tables_of
    from local.views.writing import writer_for

    try:
        as_of = as_of_in(args.as_of) if args.as_of else None
    except ValueError:
        raise exits.CommandStopped(
            "--as-of is a version (a number) or an instant in ISO 8601", exits.USAGE
        ) from None
    tables = tables_of(lake)
    if args.sql is None:
        writer = writer_for(args.format, ("table", "path", "version"))
        for table in tables:
            writer.row({"table": table.name, "path": table.path, "version": table.opened(as_of).version()})
    else:
        from local.lakehouse.query import ask

        answer = ask(args.sql, tables, as_of)
        writer = writer_for(args.format, answer.names)
        for row in answer:
            writer.row(row)
    writer.close()
