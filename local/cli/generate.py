"""`local generate`: made up adverse event reports or vital signs to the platform's hub, at a rate, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import re
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.run_state import find_platform

if TYPE_CHECKING:
    from local.generate.event import Event
    from shared.bootstrap import Services

_EXAMPLES = """  python3 -m local generate safety-reports --rate 20                    until Ctrl-C
  python3 -m local generate safety-reports --rate 5 --for 2m --broken 0.05 --repeated 0.1
  python3 -m local generate safety-reports --rate 50 --from openfda.json reports/
  python3 -m local generate vitals --rate 50 --for 90s --patients 30 --seed 7
  python3 -m local generate vitals --rate 200 --for 1m --format json > figures.json

exit codes: 0 sent and landed (Ctrl-C is the usual end), 1 some of it is not landed, or the hub refused,
2 wrong usage, 3 no platform runs
"""
_KINDS: Final = ("safety-reports", "vitals")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_UNIT_S: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
_MOST_PER_S: Final = 100_000


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "send made up adverse event reports or vital signs to the hub, at a rate"
    parser = new_parser(subparsers, "generate", summary, _EXAMPLES)
    parser.add_argument(
        "kind", choices=_KINDS, help="reports to hub safety-reports, or readings to vital-signs"
    )
    parser.add_argument("--rate", type=_rate, required=True, metavar="N", help="events a second")
    parser.add_argument(
        "--for",
        dest="seconds",
        type=_duration,
        metavar="T",
        help="how long: 30s, 5m, 1h (default: until Ctrl-C)",
    )
    parser.add_argument(
        "--from", dest="files", nargs="+", type=Path, metavar="PATH",
        help="reports: not made up, but those of files, folders or archives (answers of openFDA), each once",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=_seed, metavar="N", help="the same number makes the same events (default: a new one)"
    )
    parser.add_argument(
        "--patients",
        type=_count,
        default=20,
        metavar="N",
        help="vitals: how many patients in turn (default 20)",
    )
    parser.add_argument(
        "--broken",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="reports: the share with a fault (default 0)",
    )
    parser.add_argument(
        "--repeated", type=_share, default=0.0, metavar="SHARE",
        help="reports: the share that comes again, perhaps after its follow-up (default 0)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("table", "json"), default="table",
        help="json: the summary as one object on standard output (default: the table alone)",
    )  # fmt: skip
    add_platform_options(parser)


def run(args: argparse.Namespace) -> int:
    """0 where all is sent and landed, 1 where something is not."""
    if args.files and args.kind != "safety-reports":
        raise exits.CommandStopped("--from is for safety-reports", exits.USAGE)
    for path in args.files or ():
        if not path.exists():
            raise exits.CommandStopped(f"there is no {path}", exits.USAGE)
    state = find_platform(args.data, args.port)
    from azure.eventhub import EventHubProducerClient
    from azure.eventhub.exceptions import EventHubError

    from local.delivery.target import target_of
    from local.generate.aftermath import outcome
    from local.generate.pace import EventHub, send_at_rate
    from local.generate.show import counter, print_outcome
    from shared import names
    from shared.domain.fhir.dates import instant_text
    from shared.settings import AWS, read_settings

    hub = names.HUB_SAFETY_REPORTS if args.kind == "safety-reports" else names.HUB_VITAL_SIGNS
    settings = read_settings(state.settings)
    if settings.cloud == AWS:
        raise exits.CommandStopped("generate sends to Event Hubs, and this platform has Kinesis", exits.USAGE)
    target = target_of(state, settings.tenant_of(hub))
    seed = secrets.randbits(32) if args.seed is None else args.seed
    since = instant_text(target.services.clock.now())
    producer: Any = EventHubProducerClient.from_connection_string(settings.event_hubs, eventhub_name=hub)
    with producer, stopped_by_signals() as stop:
        try:
            with counter(hub) as progress:
                sending = send_at_rate(
                    _events(args, seed, target.services), EventHub(producer), rate=args.rate, seconds=args.seconds,
                    stop=stop, progress=progress,
                )  # fmt: skip
        except ValueError:
            raise exits.CommandStopped("an event is larger than the 1 MB that a hub takes") from None
        except EventHubError as refused:
            raise exits.CommandStopped(f"the hub {hub} took no more: {type(refused).__name__}") from None
    found = outcome(target, hub, sending, since=since, seed=seed, asked=args.rate)
    print_outcome(found)
    if args.format == "json":
        print(json.dumps(found.as_json()))
    return exits.FINDING if found.waiting else exits.OK


def _events(args: argparse.Namespace, seed: int, services: Services) -> Iterator[Event]:
    from local.generate.from_files import reports_in
    from local.generate.safety_reports import SafetyReports
    from local.generate.vitals import Vitals

    now = services.clock.now
    if args.files:
        return reports_in(args.files)
    if args.kind == "vitals":
        return Vitals(seed, now, patients=args.patients)
    return SafetyReports(seed, lambda: now().date(), broken=args.broken, repeated=args.repeated)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second Ctrl-C ends the command as it always does."""
    stop = threading.Event()

    def heard(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if 0 < rate <= _MOST_PER_S:
        return rate
    raise argparse.ArgumentTypeError(
        f"{text!r} is no rate: give events a second, above 0 and up to {_MOST_PER_S}"
    )


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match and float(match[1]) > 0:
        return float(match[1]) * _UNIT_S[match[2]]
    raise argparse.ArgumentTypeError(f"{text!r} is no time: give for example 30s, 5m or 1h")


def _seed(text: str) -> int:
    if text.isdecimal() and int(text) < 1 << 32:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no seed: give a whole number below {1 << 32}")


def _count(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= 100_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of patients: give 1 to 100000")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if 0 <= share < 1:
        return share
    raise argparse.ArgumentTypeError(f"{text!r} is no share: give a number from 0 to below 1")
