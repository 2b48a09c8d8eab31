"""`local spark`: runs the scheduled jobs over the emulated lake, with a line for each step and a table at the end."""

from __future__ import annotations

import argparse
import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.environment import say
from local.spark_environment import lake_root, prepare, run_job
from shared.domain.features.patient.known import Clock
from shared.domain.fhir.dates import parse_instant
from spark.jobs.graph import IMPORT, choices

_EXAMPLES = """  python3 -m local spark all               what is new in raw to bronze, silver and gold
  python3 -m local spark silver --full     make the silver tables anew from bronze
  python3 -m local spark events            one job alone
  python3 -m local spark features          features of each patient as known now, or --as-of 2026-01-31T08:00:00Z
  python3 -m local spark all --continuous  what is landed, as it comes, until Ctrl-C
  python3 -m local spark upkeep            compact, vacuum and comment every table
  python3 -m local spark synthea-csv --from DIR   folders of Synthea CSV or Parquet, each new file once
  python3 -m local spark all --data DIR    over the lake of another platform
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "spark", "run the Spark jobs over the lake", _EXAMPLES)
    parser.add_argument(
        "job",
        nargs="?",
        default="all",
        choices=choices(),
        help="a job, a layer, or all in their order (default all)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--full", action="store_true", help="make the tables anew from the layer below")
    how.add_argument("--incremental", action="store_true", help="add what is new (the default)")
    how.add_argument("--continuous", action="store_true", help="go on as files are landed, until Ctrl-C")
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="DIR", help="the folder that the job synthea-csv reads"
    )
    parser.add_argument(
        "--as-of", type=instant_text, action="append", default=[], metavar="INSTANT",
        help="with features: as known then, such as 2026-01-31T08:00:00Z (default: the newest in silver)",
    )  # fmt: skip
    parser.add_argument(
        "--known-by", choices=tuple(map(str, Clock)), default=str(Clock.PLATFORM),
        help="with features: since when a fact was known: by this platform's clock, or by the date its source states",
    )  # fmt: skip
    parser.add_argument(
        "--at-discharges", action="store_true",
        help="with features --known-by source: as known at the ends of each patient's stays",
    )  # fmt: skip
    add_platform_options(parser)


def instant_text(text: str) -> str:
    """The text of an instant with its zone. Raises ArgumentTypeError for anything less."""
    if parse_instant(text) is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no instant with its zone, such as 2026-01-31T08:00:00Z"
        )
    return text


def run(args: argparse.Namespace) -> int:
    """Runs the job; two runs over one lake follow each other."""
    lake = lake_root(args.data)
    _check_options(args)
    if args.source:
        args.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not args.continuous and not (lake / "raw").is_dir():
        say(f"nothing has been landed below {lake / 'raw'} yet: `python3 -m local up` feeds a sample")
        return exits.OK
    runtime = prepare(say=say)
    with _one_at_a_time(args.data):
        from local.spark_progress import JobProgress  # what it draws tables with may not be installed yet

        progress = JobProgress()
        how = ["--full"] if args.full else ["--continuous"] if args.continuous else []
        how += ["--from", str(args.source.resolve())] if args.source else []
        try:
            how += [word for each in args.as_of for word in ("--as-of", each)]
            how += ["--at-discharges"] if args.at_discharges else []
            run_job(
                runtime,
                [args.job, *how, "--known-by", args.known_by],
                lake,
                args.data / "logs" / "spark.log",
                progress.take,
            )
        except KeyboardInterrupt:
            if not args.continuous:
                raise
    progress.close()
    return exits.OK


def _check_options(args: argparse.Namespace) -> None:
    """Raises CommandStopped where the job and what it is told do not go together."""
    if args.at_discharges and (args.as_of or args.known_by != Clock.SOURCE):
        raise exits.CommandStopped(
            "--at-discharges goes with --known-by source and without --as-of", exits.USAGE
        )
    if (args.job == IMPORT) != bool(args.source):
        raise exits.CommandStopped(
            f"`--from DIR` belongs to the job {IMPORT}: `python3 -m local spark {IMPORT} --from DIR`",
            exits.USAGE,
        )
    if args.source and not args.source.is_dir():
        raise exits.CommandStopped(f"{args.source} is not a folder", exits.USAGE)
    if args.source and args.continuous:
        raise exits.CommandStopped(
            f"{IMPORT} ends when it took what is new: leave out --continuous", exits.USAGE
        )


@contextmanager
def _one_at_a_time(data: Path) -> Iterator[None]:
    with (data / "spark.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                "galen: another Spark run is at work on this lake: waiting for it",
                file=sys.stderr,
                flush=True,
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
