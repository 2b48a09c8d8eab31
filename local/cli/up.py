"""`local up`: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.layout import DEFAULT_PORT

_EXAMPLES = """  python3 -m local up                      the platform on port 7071, its state in .local
  python3 -m local up --fresh              delete that state first
  python3 -m local up --empty              do not feed the sample
  python3 -m local up --cloud aws --data /tmp/aws         the same on moto: API Gateway, Kinesis, S3, DynamoDB
  python3 -m local up --port 8071 --data /tmp/second      a second one beside the first
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "start the emulators and the functions host, run the main job on real data, then serve"
    parser = new_parser(subparsers, "up", summary, _EXAMPLES)
    add_platform_options(parser)
    parser.add_argument(
        "--cloud", choices=("azure", "aws"), default="azure", help="whose protocols the emulators speak"
    )
    parser.add_argument("--fresh", action="store_true", help="delete everything in --data first")
    parser.add_argument(
        "--empty", action="store_true", help="do not feed the sample that ships with the project"
    )
    parser.add_argument("--no-spark", action="store_true", help="do not run the Spark jobs in the background")


def run(args: argparse.Namespace) -> int:
    """Serves until it is told to stop; 0 after a clean end."""
    from local.platform_run import platform_on

    with platform_on(args.data, args.port or DEFAULT_PORT, fresh=args.fresh, cloud=args.cloud) as platform:
        platform.run(feed=not args.empty, spark=not (args.no_spark or args.empty))
    return exits.OK
