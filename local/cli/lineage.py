"""`local lineage`: from a row of a table back to the raw file and line it came from, hashes checked."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from local import exits
from local.cli.options import add_platform_options, new_parser

if TYPE_CHECKING:
    from local.lakehouse.lineage import Row, Step

_EXAMPLES = """  python3 -m local lineage gold_patient_adverse_event_report 10003300
  python3 -m local lineage gold_patient_journeys patient_id=ID condition_code=44054006 --limit 5
  python3 -m local lineage silver_observations ID --values
  python3 -m local lineage gold_safety_signals drug_key=LETAIRIS reaction_key=DYSPNOEA --format json

A KEY is column=value, as many as it takes; a value alone is the row's id, patient or report number.
exit codes: 0 every way ends at the bytes that arrived, 1 no such row, or a hash that differs, 2 wrong usage
"""
_DEFAULT_LIMIT: Final = 3


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "follow a row of the lake's tables back to its raw bytes"
    parser = new_parser(subparsers, "lineage", summary, _EXAMPLES)
    parser.add_argument("table", metavar="TABLE", help="the table's name in `local query`")
    parser.add_argument("key", nargs="+", metavar="KEY", help="which row: column=value, or its id alone")
    parser.add_argument(
        "--limit", type=_limit, default=_DEFAULT_LIMIT, metavar="N",
        help=f"rows of a table that are followed at each step (default {_DEFAULT_LIMIT})",
    )  # fmt: skip
    parser.add_argument(
        "--values",
        action="store_true",
        help="show what the rows say, which names patients; without it only where they are",
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: one object on standard output"
    )
    add_platform_options(parser)


def run(args: argparse.Namespace) -> int:
    """0 where all that was followed is sound."""
    from local.lakehouse.lineage import Lineage, is_sound
    from local.spark_environment import lake_root

    lake: Path = lake_root(args.data)
    if not lake.is_dir():
        raise exits.CommandStopped(f"there is no lake in {args.data}", exits.USAGE)
    found = Lineage(lake, limit=args.limit, values=args.values).of(args.table, _key(args.key))
    sound = is_sound(found)
    if args.format == "json":
        print(json.dumps({**_step(found), "sound": sound}, default=str))
    else:
        for line in _lines(found):
            print(line)
    return exits.OK if sound else exits.FINDING


def _key(words: list[str]) -> dict[str, str]:
    key: dict[str, str] = {}
    for word in words:
        column, equals, value = word.partition("=")
        name, value = (column, value) if equals else ("", word)
        if name in key:
            raise exits.CommandStopped(f"{name or 'the id'} is given twice", exits.USAGE)
        key[name] = value
    return key


def _step(step: Step) -> dict[str, Any]:
    return {
        "table": step.table,
        "path": step.path,
        "version": step.version,
        "rows": step.total,
        "followed": [_row(row) for row in step.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    made_of = [_step(step) for step in row.made_of]
    raw = {"raw": {**asdict(row.raw), "sound": row.raw.is_sound}} if row.raw else {}
    return {"row": row.name, "columns": row.columns, **({"made_of": made_of} if made_of else {}), **raw}


def _lines(step: Step, depth: int = 0) -> list[str]:
    more = step.total - len(step.rows)
    left = f", {more} more not followed" if more else ""
    rows = "1 row" if step.total == 1 else f"{step.total} rows"
    lines = [f"{'  ' * depth}{step.table} (version {step.version}): {rows}{left}"]
    for row in step.rows:
        columns = ", ".join(f"{name} {value}" for name, value in row.columns.items() if value is not None)
        lines.append(f"{'  ' * (depth + 1)}row {row.name}{': ' if columns else ''}{columns}")
        if row.raw is not None:
            lines += [f"{'  ' * (depth + 2)}{text}" for text in _raw(row)]
        if row.is_lost:
            lines.append(f"{'  ' * (depth + 2)}what it was made of is MISSING from this lake")
        for each in row.made_of:
            lines += _lines(each, depth + 2) if each.total else []
    return lines


def _raw(row: Row) -> list[str]:
    raw = row.raw
    assert raw is not None
    if not raw.line:
        return [f"{raw.path}: the file or its line is MISSING"]
    sequence = "" if raw.sequence is None else f", sequence {raw.sequence}"
    bytes_ = f"the bytes {'match' if raw.state == 'matches' else 'DIFFER FROM'} SHA-256 {raw.sha256[:12]}…"
    content = {"": "", "matches": ", and give this row", "differs": ", and DO NOT GIVE this row"}[raw.content]
    return [f"{raw.path} line {raw.line}{sequence}", f"  {bytes_}{content}"]


def _limit(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= 1_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no limit: give 1 to 1000")
