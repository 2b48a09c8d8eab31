"""`local rebuild --check`: everything from raw alone, into an empty container, compared with what is live."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.exits import CommandStopped
from local.run_state import find_platform

if TYPE_CHECKING:
    from shared.bootstrap import Services
    from shared.services.rebuild import Comparison

_EXAMPLES = """  python3 -m local rebuild --check
  python3 -m local rebuild --check --format json    one JSON object a difference
"""
_SHOWN = 50
MB_PER_1000_VERSIONS = 7
"""Of memory for the rebuilt store and the comparison. Measured with Synthea resources: 5.2 MB of objects at the peak."""
_MEMORY = Path("/proc/meminfo")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "rebuild the records from raw alone and compare them with what is live"
    parser = new_parser(subparsers, "rebuild", summary, _EXAMPLES)
    add_platform_options(parser)
    parser.add_argument(
        "--check", action="store_true", help="compare; nothing live is changed (the only mode there is)"
    )
    parser.add_argument(
        "--memory",
        type=int,
        metavar="MB",
        help="refuse to begin where the rebuild would need more (default three quarters of what is free)",
    )
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="how to print differences"
    )


def run(args: argparse.Namespace) -> int:
    """0 where all is as raw says; 1 with each difference named; 3 where no platform runs, or a store did not answer."""
    from local.running import services_of

    if not args.check:
        raise CommandStopped(
            "say --check: the rebuild is compared with what is live, which it never changes", exits.USAGE
        )
    live = services_of(find_platform(args.data, args.port))
    return check(live, args.format, args.memory or free_memory_mb() * 3 // 4)


def check(live: Services, form: str, memory_mb: int = 0) -> int:
    """Compares and prints; the exit code. Raises CommandStopped as `compare_live`, with what was found printed.

    The gauge tells what was found until then too, but for a 0: nobody knows what the rest would have brought.
    """
    from shared.services.rebuild import Comparison

    result, ended = Comparison(), False
    try:
        compare_live(live, result, memory_mb)
        ended = True
    finally:
        _print(result, form)
        if ended or result.differences:
            live.meter.gauge("galen_rebuild_differences", len(result.differences))
            live.metrics.leave()
    print(f"galen: {_summary(result)}", file=sys.stderr)
    return exits.FINDING if result.differences else exits.OK


def compare_live(live: Services, result: Comparison, memory_mb: int = 0) -> None:
    """Adds to a result what differs between live and a rebuild that may take so much memory (0: any).

    Raises CommandStopped where it would need more, and where a store is busy, out of reach, or refuses a call: the
    result then has what was found until then.
    """
    from shared.domain.records import Kind
    from shared.errors import GalenError
    from shared.ports.records import Query

    try:
        versions = sum(live.records.count(Query(kind, None)) for kind in (Kind.CURRENT, Kind.HISTORY))
        require_memory(versions, memory_mb)
        _compare_all(live, result)
    except GalenError as failure:
        raise CommandStopped(f"{failure} {_how_far(result)}", exits.NOT_RUNNING) from failure


def _how_far(result: Comparison) -> str:
    compared = f"compared {', '.join(result.compared)}" if result.compared else "compared nothing"
    found = _differences(result) if result.differences else "no difference"
    return f"Until then it read {result.files} raw files and {compared}: {found}. Of the rest nothing can be said."


def _compare_all(live: Services, result: Comparison) -> None:
    from shared.adapters.memory.lake import MemoryLake
    from shared.adapters.memory.records import MemoryRecords
    from shared.bootstrap import Services
    from shared.services.rebuild import Rebuild, compare
    from shared.services.replicate import Replicate

    adapters = replace(live.adapters, records=MemoryRecords(), lake=MemoryLake(), dropped=MemoryLake())
    empty = Services(live.settings, adapters)
    replicate = Replicate(empty.records, empty.intents.writer, empty.bodies)
    rebuild = Rebuild(live.lake, empty.records, empty.bodies, empty.ingest, replicate, empty.score_vitals)
    rebuild.run(result, _progress())
    compare(live.records, live.bodies, empty.records, empty.bodies, result)
    _compare_models(live, empty, result)


def _compare_models(live: Services, empty: Services, result: Comparison) -> None:
    """What models and charted risks said, replayed from what was rebuilt, with the models that were live then."""
    from shared.adapters.memory.records import MemoryRecords
    from shared.bootstrap import Services
    from shared.services.fact_reader import FactReader
    from shared.services.rebuild_models import ModelReplay, ReplayClock, ask_onset, compare_models
    from shared.services.replicate import Replicate
    from shared.services.said_by_models import ModelsOfThen, Said

    clock = ReplayClock(live.clock.now())
    theirs = Said.of(live.records, live.bodies)
    replay = Services(live.settings, replace(empty.adapters, records=MemoryRecords(), clock=clock))
    replay.models = ModelsOfThen(theirs, live.models, clock)
    replicate = Replicate(replay.records, replay.intents.writer, replay.bodies)
    reactions = (replay.score_sepsis.react, replay.score_readmission.react, replay.watch_falls.react)
    again = ModelReplay(empty.records, empty.bodies, replay.records, replicate, clock)
    again.run(reactions, theirs, replay.score_sepsis.at_the_hour)
    ours = Said.of(replay.records, replay.bodies)
    ask_onset(theirs, replay.models, FactReader(empty.records, empty.intents.writer, empty.bodies), ours)
    compare_models(live.records, replay.records, theirs, ours, result)


def require_memory(versions: int, memory_mb: int) -> None:
    """Raises CommandStopped where so many versions of resources would not fit; 0 MB means that nobody knows."""
    needed_mb = versions * MB_PER_1000_VERSIONS // 1000
    if memory_mb and needed_mb > memory_mb:
        raise CommandStopped(
            f"the rebuilt store is kept in memory: {versions:,} versions need about {needed_mb:,} MB, and "
            f"{memory_mb:,} MB may be used. Run it on a machine with more, or allow more by --memory",
            exits.USAGE,
        )


def free_memory_mb() -> int:
    """What the system could give to a process, or 0 where it does not say."""
    try:
        found = re.search(r"MemAvailable: +(\d+) kB", _MEMORY.read_text("ascii"))
    except OSError:
        return 0
    return int(found[1]) // 1024 if found else 0


def _progress() -> Callable[[int], None]:
    if not sys.stderr.isatty():
        return lambda _: None

    def show(files: int) -> None:
        print(f"\rgalen: {files} raw files read", end="", file=sys.stderr, flush=True)

    return show


def _print(result: Comparison, form: str) -> None:
    if form == "json":
        for difference in result.differences:
            print(json.dumps(asdict(difference)))
    else:
        for difference in result.differences[:_SHOWN]:
            print(f"{difference.kind}: {difference.where}")
        if len(result.differences) > _SHOWN:
            print(f"… and {len(result.differences) - _SHOWN} more (--format json names all)")


def _differences(result: Comparison) -> str:
    count = len(result.differences)
    return f"{count} difference{'s' * (count > 1)}"


def _summary(result: Comparison) -> str:
    verdict = _differences(result) if result.differences else "identical to what raw says"
    return (
        f"{result.files} raw files; {result.current} current, {result.history} history, {result.assessments} risk "
        f"assessments, {result.alerts} alerts; {result.replayed} of {result.said} assessments by models replayed: {verdict}"
    )
