"""`local send`: files through one of the three doors, every resource accounted for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from local import exits
from local.cli.options import add_platform_options, door_of, new_parser
from local.run_state import find_platform

_EXAMPLES = """  python3 -m local send bundles/ --door http
  python3 -m local send patients.tar.xz more.ndjson.gz --door file
  python3 -m local send readings.ndjson --door stream      device readings go to the hub vital-signs
  python3 -m local send patients.zip --door stream --format json
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "send files through one of the three doors and account for every resource"
    parser = new_parser(subparsers, "send", summary, _EXAMPLES)
    add_platform_options(parser)
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH",
        help="bundles, resources, NDJSON (gz, xz or bz2), folders or archives of them (tar, zip)",
    )  # fmt: skip
    parser.add_argument(
        "--door",
        choices=("http", "stream", "file"),
        type=door_of,
        required=True,
        help="which way they go in",
    )
    parser.add_argument("--tenant", default="default", metavar="T", help="for which tenant (default default)")
    parser.add_argument(
        "--format", choices=("table", "json"), default="table",
        help="json: the account as one object on standard output (default: the table alone)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """0 where everything is recorded or accounted for as rejected, 1 where something is not or is unread; 2: usage."""
    from local.delivery.aftermath import settle
    from local.delivery.deliver import Delivery
    from local.delivery.show import print_accounts, progress
    from local.delivery.sources import documents
    from local.delivery.target import target_of
    from shared.domain.fhir.identity import is_valid_tenant

    state = find_platform(args.data, args.port)
    missing = [str(path) for path in args.paths if not path.exists()]
    if missing:
        raise exits.CommandStopped(f"there is no {missing[0]}", exits.USAGE)
    if not is_valid_tenant(args.tenant):
        raise exits.CommandStopped(
            "a tenant is lower-case letters, digits and inner hyphens, at most 64", exits.USAGE
        )
    target = target_of(state, args.tenant)
    if args.door == "stream":
        _require_hub_of(args.tenant, target.settings.tenant_of)
    with progress(args.door) as report:
        delivery = Delivery(target, args.door, report)
        account = delivery.run(delivery.ready(documents(args.paths, delivery.account.skip)))
    settle(target, account, delivery.started_at)
    print_accounts([account])
    if args.format == "json":
        print(json.dumps(account.as_json()))
    return exits.OK if account.settled and not account.unread else exits.FINDING


def _require_hub_of(tenant: str, tenant_of: Callable[[str], str]) -> None:
    """A hub belongs to one tenant by configuration, never by a property of an event."""
    from shared.names import HUB_CLINICAL_EVENTS

    owner = tenant_of(HUB_CLINICAL_EVENTS)
    if owner != tenant:
        raise exits.CommandStopped(
            f"the hubs of this platform belong to tenant {owner}: send by http or file, or set GALEN_HUB_TENANTS",
            exits.USAGE,
        )
