"""`local emulators`: the emulators without the app, for the tests and tools of anybody."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from local import exits
from local.cli.options import new_parser
from local.layout import CHECKOUT, DEFAULT_DATA
from local.plan import EMULATORS, connection_strings, emulator_specs, new_state
from local.ports import free_ports, is_free

_EXAMPLES = """  python3 -m local emulators
  python3 -m local emulators --only cosmos,datalake --port-base 9000
  python3 -m local emulators --only eventhubs --config Config.json    hubs in the official emulator's form
  python3 -m local emulators --settings local.settings.json    then `func start` in another terminal
  python3 -m local emulators --format json --data /tmp/e    one line {"eventhubs": …, "datalake": …, "cosmos": …}
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    summary = "start the emulators alone and print their connection strings"
    parser = new_parser(subparsers, "emulators", summary, _EXAMPLES)
    parser.add_argument(
        "--only",
        type=_names,
        action="extend",
        metavar="NAME,…",
        help=f"start these of {', '.join(EMULATORS)}; may be given again",
    )
    parser.add_argument(
        "--data", type=lambda text: Path(text).expanduser().absolute(), default=DEFAULT_DATA / "emulators",
        metavar="DIR", help="folder with their state (default .local/emulators in the checkout)",
    )  # fmt: skip
    parser.add_argument(
        "--port-base",
        type=int,
        metavar="N",
        help="listen on N, N+1 and N+2 in the order above (default: free ports)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="Config.json with the event hubs (default: the platform's)",
    )
    parser.add_argument(
        "--sync",
        choices=("normal", "full"),
        default="normal",
        help="full: what is acknowledged outlives a power cut too, at the price of speed (default normal)",
    )
    parser.add_argument("--faults", action="store_true", help="allow failures on demand at /_faults")
    parser.add_argument(
        "--enforce-throughput",
        action="store_true",
        help="Cosmos DB answers 429 beyond the throughput of a container or database (default: it is only kept)",
    )
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="provision the stores and write FILE for `func start`"
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how to print them (default text)"
    )


def run(args: argparse.Namespace) -> int:
    """Serves until a signal to stop arrives."""
    from local.data_folder import DataFolder
    from local.environment import say
    from local.supervisor import Stopped, Supervisor, clear_leftovers

    if args.config is not None and not args.config.is_file():
        raise exits.CommandStopped(f"--config {args.config} is no file", exits.USAGE)
    chosen = [name for name in EMULATORS if not args.only or name in args.only]
    folder = DataFolder.hold(args.data)
    clear_leftovers(args.data)
    ports = dict(zip(chosen, _ports(args.port_base, len(chosen)), strict=True))
    state = new_state(args.data, 0)
    state.settings = connection_strings(ports)
    state.save()
    supervisor = Supervisor(state, say, {})
    try:
        with contextlib.suppress(Stopped):
            config = args.config.absolute() if args.config else None
            supervisor.start(
                emulator_specs(
                    ports,
                    args.data,
                    config=config,
                    faults=args.faults,
                    sync=args.sync,
                    enforce_throughput=args.enforce_throughput,
                )
            )
            supervisor.wait_until(supervisor.all_answer, "an emulator")
            if args.settings is not None:
                _write_settings(args.settings, state.settings, args.data)
            state.state = "serving"
            supervisor.record()
            _print(connection_strings(ports), args.format)
            if args.settings is not None:
                say(f"wrote {args.settings}")
            say("serving until Ctrl-C")
            while True:
                supervisor.tend()
                supervisor.wait(1.0)
    finally:
        supervisor.stop()
        folder.release()
    return exits.OK


def _names(text: str) -> list[str]:
    chosen = [name.strip() for name in text.split(",")]
    for name in chosen:
        if name not in EMULATORS:
            raise argparse.ArgumentTypeError(f"{name!r} is no emulator: choose of {', '.join(EMULATORS)}")
    return chosen


def _ports(base: int | None, count: int) -> list[int]:
    if base is None:
        return free_ports(count)
    wanted = list(range(base, base + count))
    taken = [port for port in wanted if not is_free(port)]
    if taken:
        raise exits.CommandStopped(f"port {taken[0]} is in use: give another --port-base", exits.USAGE)
    return wanted


def _write_settings(file: Path, connections: Mapping[str, str], data: Path) -> None:
    """The example's settings with these connections; the host's own storage stays Azurite, for its queues."""
    from local.keys import access_settings
    from local.provision import provision_lake, provision_records
    from shared import names

    missing = sorted(set(EMULATORS) - set(connections))
    if missing:
        raise exits.CommandStopped(
            f"--settings needs all emulators, and {', '.join(missing)} is left out", exits.USAGE
        )
    provision_records(connections["cosmos"])
    provision_lake(connections["datalake"])
    settings = json.loads((CHECKOUT / "local.settings.json.example").read_text("utf-8"))
    settings["Values"] |= {
        names.EVENT_HUBS_CONNECTION: connections["eventhubs"],
        names.RECORDS_CONNECTION: connections["cosmos"],
        names.LAKE_CONNECTION: connections["datalake"],
        **access_settings(data),
    }
    file.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    file.chmod(0o600)


def _print(connections: dict[str, str], form: str) -> None:
    if form == "json":
        print(json.dumps(connections), flush=True)
        return
    for name, connection in connections.items():
        print(f"{name}: {connection}", flush=True)
