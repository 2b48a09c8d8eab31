"""`local token`: a bearer token of the local issuer, and nothing else, on standard output."""

from __future__ import annotations

import argparse

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.exits import CommandStopped
from local.run_state import find_platform

_EXAMPLES = """  python3 -m local token
  python3 -m local token --scope "system/Observation.rs system/Patient.r"
  curl -H "Authorization: Bearer $(python3 -m local token)" http://127.0.0.1:7071/fhir/Patient
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "token", "print a bearer token of the local issuer", _EXAMPLES)
    add_platform_options(parser)
    parser.add_argument("--client", default="local", metavar="C", help="the client it is for (default local)")
    parser.add_argument("--tenant", default="default", metavar="T", help="its tenant (default default)")
    parser.add_argument(
        "--scope",
        default="system/*.cruds",
        metavar="S",
        help="scopes, separated by spaces (default system/*.cruds)",
    )


def run(args: argparse.Namespace) -> int:
    """0 with the token; 2 where an argument is wrong; 3 where no platform runs."""
    from local.running import bearer, services_of
    from shared.domain.fhir.identity import is_valid_tenant

    state = find_platform(args.data, args.port)
    if not is_valid_tenant(args.tenant):
        raise CommandStopped(
            "a tenant is lower-case letters, digits and inner hyphens, at most 64", exits.USAGE
        )
    try:
        print(bearer(services_of(state), args.client, args.tenant, args.scope))
    except ValueError as wrong:
        raise CommandStopped(str(wrong), exits.USAGE) from None
    return exits.OK
