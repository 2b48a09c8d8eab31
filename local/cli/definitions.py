"""`local definitions build`: HL7's definition files → the artefact that the validator reads."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local import exits
from local.cli.options import new_parser

_EXAMPLES = """  python3 -m local definitions build fhir-r4-definitions.tar.xz
  python3 -m local definitions build FOLDER --output /tmp/r4.definitions
  python3 -m local definitions build FOLDER --check    exit code 1 where the artefact says something else
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers,
        "definitions",
        "build what the validator knows of FHIR R4 from HL7's definitions",
        _EXAMPLES,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    build = actions.add_parser("build", help="write the artefact anew")
    build.add_argument(
        "source", type=Path, help="folder or tar archive of profiles-types.json and its siblings"
    )
    build.add_argument(
        "--output", type=Path, help="where to write (default: beside the reader in this checkout)"
    )
    build.add_argument("--check", action="store_true", help="write nothing; compare with what is there")


def run(args: argparse.Namespace) -> int:
    """Writes the artefact, or with --check names what differs."""
    from local.definitions.build import build
    from local.definitions.compare import differences
    from shared.domain.fhir.definitions.reader import R4_ARTEFACT

    packed = build(args.source)
    output = args.output or Path(R4_ARTEFACT)
    if not args.check:
        output.write_bytes(packed)
        print(f"{output}: {len(packed)} bytes", file=sys.stderr)
        return exits.OK
    found = differences(output.read_bytes() if output.exists() else b"", packed)
    for difference in found:
        print(difference)
    print(f"galen: {len(found)} differences", file=sys.stderr)
    return exits.FINDING if found else exits.OK
