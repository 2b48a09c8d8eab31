"""`local bench`: throughput and latency of the platform, the validator beside others, and the time to import the app."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from local import exits
from local.bench.figures import machine
from local.cli import bench_freshness, bench_sepsis
from local.cli.options import add_platform_options, door_of, new_parser

if TYPE_CHECKING:
    from local.bench.ingest import DoorResult
    from local.bench.vitals import VitalsResult

    Kinds = argparse._SubParsersAction[argparse.ArgumentParser]

_DOORS = ("file", "stream", "http")
_EXAMPLES = """  GALEN_TEST_DATA=/data python3 -m local bench ingest
  python3 -m local bench ingest --door stream --resources 10000 --seconds 0
  python3 -m local bench ingest --fresh --format json > figures.json
  python3 -m local bench ingest --cloud aws --resources 2000
  python3 -m local bench validate /data/bundles --by-type
  python3 -m local bench import
  python3 -m local bench surveillance
  GALEN_TEST_DATA=/data python3 -m local bench lakehouse --multiples 1,4
  python3 -m local bench queries
  python3 -m local bench emulators
  python3 -m local bench freshness
  GALEN_TEST_DATA=/data python3 -m local bench sepsis
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "measure throughput and latency, everything on this machine"
    parser = new_parser(subparsers, "bench", summary, _EXAMPLES)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    for add in (
        _add_ingest, _add_import, _add_validate, _add_surveillance, _add_lakehouse, _add_queries, _add_emulators,
        bench_freshness.add, bench_sepsis.add,
    ):  # fmt: skip
        add(kinds).add_argument(
            "--format", choices=("table", "json"), default="table", help="json: on standard output"
        )


def _add_ingest(kinds: Kinds) -> argparse.ArgumentParser:
    ingest = kinds.add_parser("ingest", help="each door, and vital signs to alerts")
    ingest.add_argument(
        "--resources", type=int, default=6_000, metavar="N", help="at least, a door (default 6000)"
    )
    ingest.add_argument(
        "--door",
        choices=_DOORS,
        type=door_of,
        action="append",
        help="this door; may be given again (default all)",
    )
    ingest.add_argument(
        "--seconds", type=int, default=60, metavar="S", help="of vital signs, 0 for none (default 60)"
    )
    ingest.add_argument(
        "--patients", type=int, default=200, metavar="N", help="with vital signs (default 200)"
    )
    ingest.add_argument(
        "--rate", type=float, default=200, metavar="R", help="readings a second (default 200)"
    )
    ingest.add_argument(
        "--cloud", choices=("azure", "aws"), default="azure", help="whose protocols its emulators speak"
    )
    ingest.add_argument("--fresh", action="store_true", help="a platform of its own even where one runs")
    add_platform_options(ingest)
    return ingest


def _add_import(kinds: Kinds) -> argparse.ArgumentParser:
    imports = kinds.add_parser("import", help="import function_app in fresh processes")
    imports.add_argument("--runs", type=int, default=9, metavar="N", help="how often (default 9)")
    return imports


def _add_validate(kinds: Kinds) -> argparse.ArgumentParser:
    validate = kinds.add_parser("validate", help="the validator, fhir.resources and orjson side by side")
    validate.add_argument(
        "paths", nargs="*", metavar="PATH", help="files, folders or archives (default Synthea's bundles)"
    )
    validate.add_argument(
        "--resources",
        type=int,
        default=6_000,
        metavar="N",
        help="of the default data, at least (default 6000)",
    )
    validate.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="of which the median (default 5)"
    )
    validate.add_argument("--whole", action="store_true", help="Bundles whole, not entry by entry")
    validate.add_argument("--by-type", action="store_true", help="each resource type in the JSON too")
    return validate


def _add_surveillance(kinds: Kinds) -> argparse.ArgumentParser:
    surveillance = kinds.add_parser(
        "surveillance", help="outbreaks injected: delay and false alarms by method"
    )
    surveillance.add_argument(
        "--series", type=int, default=100, metavar="N", help="for each shape and size (default 100)"
    )
    return surveillance


def _add_lakehouse(kinds: Kinds) -> argparse.ArgumentParser:
    lakehouse = kinds.add_parser("lakehouse", help="raw to gold on real patients and multiples (needs Spark)")
    lakehouse.add_argument("--patients", type=int, default=60, metavar="N", help="in ×1 (default 60)")
    lakehouse.add_argument("--multiples", default="1,4,16", metavar="N,…", help="by size (default 1,4,16)")
    return lakehouse


def _add_queries(kinds: Kinds) -> argparse.ArgumentParser:
    queries = kinds.add_parser(
        "queries", help="what Z-order and gold gain, over copies of a lake's own tables"
    )
    queries.add_argument("--copies", type=int, default=16, metavar="N", help="of each row (default 16)")
    add_platform_options(queries)
    return queries


def _add_emulators(kinds: Kinds) -> argparse.ArgumentParser:
    emulators = kinds.add_parser("emulators", help="the emulators by themselves, through Microsoft's SDKs")
    for name, count, what in (
        ("events", 40_000, "of 1 KB"),
        ("items", 20_000, "in batches of 100"),
        ("files", 1_000, "of 2 KB"),
    ):
        emulators.add_argument(
            f"--{name}", type=int, default=count, metavar="N", help=f"{what} (default {count})"
        )
    return emulators


def run(args: argparse.Namespace) -> int:
    """0 where everything was accounted for and goals were reached, 1 where not."""
    if args.kind in ("surveillance", "lakehouse", "queries", "emulators"):
        from local.cli import bench_measures

        return getattr(bench_measures, f"run_{args.kind}")(args)  # type: ignore[no-any-return]
    if args.kind == "freshness":
        return bench_freshness.run(args)
    if args.kind == "sepsis":
        return bench_sepsis.run(args)
    if args.kind == "validate":
        return _validate(args)
    return _imports(args) if args.kind == "import" else _ingest(args)


def _ingest(args: argparse.Namespace) -> int:
    from local.bench.ingest import portions, real_bundles, run_door
    from local.bench.platform import measured_platform
    from local.bench.vitals import run_vitals
    from local.delivery.target import target_of
    from local.keys import TENANT

    doors = args.door or ([] if args.resources == 0 else list(_DOORS))
    chosen = portions(real_bundles(), doors, args.resources) if doors else {}
    vitals = None
    with measured_platform(args.data, args.port, fresh=args.fresh, cloud=args.cloud) as state:
        target = target_of(state, TENANT)
        results = [run_door(target, door, chosen[door]) for door in doors]
        if args.seconds:
            vitals = run_vitals(
                target, state.pids, patients=args.patients, rate=args.rate, seconds=args.seconds
            )
    _print_ingest(results, vitals, args)
    lost = any(not each.account.settled for each in results) or (
        vitals is not None and vitals.sent > vitals.found
    )
    return exits.FINDING if lost else exits.OK


def _print_ingest(results: list[DoorResult], vitals: VitalsResult | None, args: argparse.Namespace) -> None:
    told: dict[str, Any] = {"machine": machine(), "doors": [each.as_json() for each in results]}
    if vitals:
        told["vitals"] = {"patients": args.patients, "rate": args.rate, **vitals.as_json()}
    if args.format == "json":
        print(json.dumps(told))
        return
    from local.bench.cpu_time import told as milliseconds
    from local.delivery.show import console, print_accounts

    print_accounts([each.account for each in results])
    out = console()
    out.print(f"on {told['machine']}, everything on it; real Synthea bundles, other patients for each door")
    for each in results:
        figures = each.as_json()
        late = figures["accepted_to_searchable"]
        out.print(
            f"{each.account.door}: {each.bundles} bundles, {figures['mb_per_s']} MB/s; accepted → searchable {_times(late)}"
        )
    if vitals:
        figures = vitals.as_json()
        out.print(
            f"vital signs: {figures['sent']} readings at {figures['sent_per_s']}/s, {figures['dropped']} dropped; "
            f"{figures['alert_changes_seen']} of {figures['alert_changes_expected']} alert changes read; "
            f"vital → alert {_times(figures['vital_to_alert'])}"
        )
        out.print(f"processor time of a reading in ms: {milliseconds(vitals.cpu_ms)}")


def _times(figures: dict[str, Any]) -> str:
    if not figures["samples"]:
        return "not measured"
    shown = ", ".join(f"{name[:3]} {figures[name]:.0f} ms" for name in ("p50_ms", "p95_ms", "p99_ms"))
    return f"{shown} of {figures['samples']}"


def _imports(args: argparse.Namespace) -> int:
    from local.bench.imports import GOAL_S, measure_imports

    figures = measure_imports(args.runs).as_json()
    if args.format == "json":
        print(json.dumps(figures))
        return exits.OK if figures["median_s"] <= GOAL_S else exits.FINDING
    from local.delivery.show import console

    out = console()
    out.print(
        f"import function_app: median {figures['median_s']} s of {figures['runs']} fresh processes "
        f"(from {figures['fastest_s']} to {figures['slowest_s']}; goal {GOAL_S}), {figures['modules']} modules"
    )
    for name, milliseconds in figures["packages_ms"].items():
        out.print(f"  {milliseconds:7.1f} ms  {name}")
    return exits.OK if figures["median_s"] <= GOAL_S else exits.FINDING


def _validate(args: argparse.Namespace) -> int:
    from local.bench.validate import LIMIT, NAMES, OURS, RIVAL, measure, synthea_texts, texts_of

    bodies = texts_of(args.paths, whole=args.whole) if args.paths else synthea_texts(args.resources)
    rates = measure(bodies, args.rounds)
    if not rates.counts:
        raise exits.CommandStopped("there is no resource to validate in what was given", exits.USAGE)
    if args.format == "json":
        print(json.dumps(rates.as_json(by_type=args.by_type)))
        return exits.OK
    from rich.table import Table

    from local.delivery.show import console

    table = Table(
        "type", "resources", "bytes", *(f"{name}/s" for name in NAMES), f"{OURS} MB/s", f"{LIMIT} MB/s"
    )
    for name, rate in rates.by_type.items():
        count = rates.counts[name]
        speeds = (f"{rates.mb_per_s(name, each):,.0f}" for each in (OURS, LIMIT))
        size = f"{rates.sizes[name] / count:,.0f}"
        table.add_row(name, f"{count:,}", size, *(f"{rate[each]:,.0f}" for each in NAMES), *speeds)
    whole = (f"{rates.total[each]:,.0f}" for each in NAMES)
    table.add_row("all", f"{sum(rates.counts.values()):,}", f"{rates.mean_bytes:,.0f}", *whole)
    out = console()
    out.print(table)
    out.print(
        f"on {machine()}; one process, its CPU time, parsing included, median of {args.rounds} rounds; {LIMIT} only parses; "
        f"{OURS} : {RIVAL} {rates.total[OURS] / rates.total[RIVAL]:.1f}"
    )
    if rates.skipped:
        out.print(f"{rates.skipped} left out: {RIVAL} has no model of their type")
    return exits.OK
