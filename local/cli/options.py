"""Options that every command shares, and how a command finds the running platform."""

from __future__ import annotations

import argparse
from pathlib import Path

from local.layout import DEFAULT_DATA, DEFAULT_PORT
from spark.paths import unfit_folder


def add_platform_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--port` and `--data`, by which a command finds its platform.

    `--port` is None where it is not given, so that the port of the platform in `--data` counts.
    """
    parser.add_argument(
        "--port",
        type=_port,
        default=None,
        metavar="N",
        help=f"port of the functions host (default {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--data",
        type=_folder,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="folder with the platform's state (default .local in the checkout)",
    )


def new_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    examples: str = "",
) -> argparse.ArgumentParser:
    """A subparser in the house's form: the summary on top, examples at the end as they were written."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n{examples.rstrip()}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def door_of(word: str) -> str:
    """The door's name: files used to go in by `blob`."""
    return "file" if word == "blob" else word


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")


def _folder(text: str) -> Path:
    folder = Path(text).expanduser().absolute()
    if wrong := unfit_folder(str(folder)):
        raise argparse.ArgumentTypeError(wrong)
    return folder
