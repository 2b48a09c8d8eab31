"""Reads the command line and runs the chosen command."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

from local import exits
from local.cli.commands import COMMANDS

_EPILOG = """examples:
  python3 -m local up                      prepare everything, start it, feed the sample, serve
  python3 -m local up --port 8071 --data /tmp/second
  python3 -m local test                    pass the tests
  python3 -m local COMMAND --help          what a command takes

exit codes: 0 done, 1 something was found, 2 wrong usage, 3 the platform does not run"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command in `arguments` and returns its exit code; raises CommandStopped where it ends early."""
    chosen = COMMANDS.get(arguments[0]) if arguments else None
    parser = argparse.ArgumentParser(
        prog="python3 -m local",
        description="Galen on this machine: the whole platform, its emulators and its tests.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    if chosen is None:
        for command in COMMANDS.values():
            subparsers.add_parser(command.name, help=command.summary)
        parser.parse_args(arguments)
        parser.print_help()
        return exits.USAGE
    module = importlib.import_module(chosen.module)
    module.register(subparsers)
    args, rest = parser.parse_known_args(arguments)
    if rest and not chosen.passes_on:
        parser.error(f"unrecognized arguments: {' '.join(rest)}; see `{parser.prog} {chosen.name} --help`")
    args.rest = rest
    return int(module.run(args))
