"""The Event Hubs emulator as a process: `python -m local.emulators.eventhubs --data DIR --hub NAME:4`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

from local.emulators.faults import Faults

from .config import ConfigError, HubConfig, check_hubs, parse_hub, read_config
from .hub import Namespace, Storage
from .publish import FAULT_CONDITIONS
from .security import Policy
from .server import Server
from .throttle import Throttle

DEFAULT_POLICY = "RootManageSharedAccessKey"
DEFAULT_KEY = "SAS_KEY_VALUE"


def connection_string(host: str, port: int, policy: Policy) -> str:
    """What a client needs; the SDKs take a port from the endpoint when `UseDevelopmentEmulator` is `true`."""
    return (
        f"Endpoint=sb://{host}:{port};SharedAccessKeyName={policy.name};"
        f"SharedAccessKey={policy.key};UseDevelopmentEmulator=true;"
    )


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process where it is wrong."""
    parser = argparse.ArgumentParser(prog="local.emulators.eventhubs", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the logs; made where missing")
    parser.add_argument("--port", type=int, default=5672, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--config", type=Path, help="Config.json in the form of the official emulator")
    parser.add_argument("--hub", action="append", default=[], metavar="NAME:PARTITIONS[:GROUP,…]")
    parser.add_argument("--policy", default=DEFAULT_POLICY, help="access policy (default: %(default)s)")
    parser.add_argument("--key", default=DEFAULT_KEY, help="its key (default: %(default)s)")
    parser.add_argument("--retention-hours", type=float, default=24, help="default: %(default)s")
    parser.add_argument("--throughput-units", type=int, help="busy above so many (default: no limit)")
    parser.add_argument(
        "--sync", choices=("normal", "full"), default="normal", help="full: safe from a power cut too"
    )
    parser.add_argument("--faults", action="store_true", help="answer /_faults over HTTP at the same port")
    return parser.parse_args(arguments)


def hubs_of(options: argparse.Namespace) -> list[HubConfig]:
    """The hubs of both kinds of configuration; raises ConfigError."""
    hubs = read_config(options.config) if options.config else []
    return check_hubs(hubs + [parse_hub(text) for text in options.hub])


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT; raises ConfigError and OSError where it cannot start."""
    storage = Storage(
        options.data, retention_ms=int(options.retention_hours * 3_600_000), fsync=options.sync == "full"
    )
    throttle = (
        Throttle.of_units(options.throughput_units, time.monotonic) if options.throughput_units else None
    )
    hubs = hubs_of(options)
    policy = Policy(options.policy, options.key)
    faults = Faults(FAULT_CONDITIONS) if options.faults else None
    server = Server(Namespace(hubs, storage, throttle), policy, faults=faults)
    port = await server.start(options.host, options.port)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(f"Event Hubs ready: {connection_string(options.host, port, policy)}", flush=True)
    await stopped.wait()
    await server.stop()


def main() -> int:
    """Exit code 2 for a configuration that cannot be served."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    options = parse_arguments()
    try:
        asyncio.run(serve(options))
    except (ConfigError, OSError) as error:
        print(f"Event Hubs emulator: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
