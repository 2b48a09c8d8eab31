"""`local bench sepsis`: real stays at a steady rate through the stream door, and how long a P1 of sepsis takes."""

from __future__ import annotations

import argparse
import json

from local import exits
from local.cli.options import add_platform_options


def add(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds the kind of bench."""
    parser = kinds.add_parser("sepsis", help="real stays replayed: vital sign to P1 of sepsis at /alerts")
    parser.add_argument(
        "--stays", type=int, default=200, metavar="N", help="half with an alert (default 200)"
    )
    parser.add_argument("--rate", type=float, default=200, metavar="R", help="values a second (default 200)")
    parser.add_argument(
        "--apart",
        action="store_true",
        help="the values of an hour spread over it: nearly each is scored by itself",
    )
    parser.add_argument(
        "--cloud", choices=("azure", "aws"), default="azure", help="whose protocols its emulators speak"
    )
    parser.add_argument("--fresh", action="store_true", help="a platform of its own even where one runs")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="PATH",
        help="archive or folder of stays (default: in $GALEN_TEST_DATA)",
    )
    add_platform_options(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """0 where every value is on record and all but a hundredth of the alerts were read within a second; 1 where not."""
    from local.bench.cpu_time import told as milliseconds
    from local.bench.figures import machine
    from local.bench.platform import measured_platform
    from local.bench.sepsis import GOAL_S, run_sepsis
    from local.bench.stays import chosen_stays
    from local.datasets.stays import stay_files
    from local.delivery.target import target_of
    from local.environment import say
    from local.keys import TENANT
    from local.training.data import given_or_default, unpacked
    from shared.domain.stays.sepsis_risk import sepsis_model

    with unpacked(given_or_default("sepsis", args.source)) as folder:
        say("choosing the stays")
        stays = chosen_stays(stay_files(folder), args.stays, sepsis_model())
    if not stays:
        raise exits.CommandStopped(
            f"there is no stay of {args.source or 'the default data'} to replay", exits.USAGE
        )
    with measured_platform(args.data, args.port, fresh=args.fresh, cloud=args.cloud) as state:
        result = run_sepsis(target_of(state, TENANT), stays, args.rate, state.pids, apart=args.apart)
    told = {"machine": machine(), "rate": args.rate, **result.as_json()}
    if args.format == "json":
        print(json.dumps(told))
    else:
        late = result.as_json()["vital_to_sepsis_alert"]
        shown = ", ".join(f"{name.removesuffix('_ms')} {late[name]} ms" for name in late if name != "samples")
        print(
            f"{result.stays} real stays, {told['sent']} values at {told['sent_per_s']}/s, {told['dropped']} dropped; "
            f"{told['alerts_seen']} alerts read, {told['alerts_at_the_expected_value']} of {told['alerts_expected']} at the "
            f"very value that was expected to raise one, {told['alerts_never_read']} never read "
            f"({told['alerts_that_went_on']} more told by the one before, {told['alerts_too_brief_to_expect']} too brief to "
            f"expect), "
            f"{told['alerts_of_no_value_sent']} of no value sent; vital → sepsis alert {shown} "
            f"(goal: p99 below {GOAL_S * 1000:.0f} ms); on {told['machine']}"
        )
        print(f"processor time of a value in ms: {milliseconds(result.cpu_ms)}")
    return exits.OK if result.reached else exits.FINDING
