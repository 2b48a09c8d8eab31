"""Starts the emulator: `python -m local.emulators.cosmos --data DIR --port N`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.callers import listens_locally
from local.emulators.faults import Faults

from .application import FAULT_CODES, TRANSPORT, Application
from .auth import WELL_KNOWN_KEY
from .offers import Offers
from .store import Store
from .throughput import Throughput

_HOUSEKEEPING_S = 1.0
_RECURSION_LIMIT = 4_000
_PAUSE_BETWEEN_STEPS_S = 0.002


class _Protocol(HttpToolsProtocol):
    """Lets the application close a connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope.setdefault("state", {})[TRANSPORT] = self.transport


class _Server(uvicorn.Server):
    """Says once that it is ready, and ends with exit code 0 on SIGTERM."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"cosmos is ready on http://{self.config.host}:{self.config.port}/", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.emulators.cosmos", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the data")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--key", default=WELL_KNOWN_KEY, help="master key; by default the emulators' well-known one"
    )
    parser.add_argument(
        "--sync", choices=("normal", "full"), default="normal", help="full: safe from a power cut too"
    )
    parser.add_argument("--faults", action="store_true", help="serve /_faults, for tests")
    parser.add_argument(
        "--enforce-throughput", action="store_true", help="429 beyond the throughput that offers give"
    )
    return parser.parse_args()


async def _keep_house(store: Store) -> None:
    """Completes the indexes of earlier runs, then empties the write-ahead log now and then."""
    for container in list(store.containers.values()):
        for spec in list(container.specs):
            for _ in store.build_by_steps(container, spec):
                await asyncio.sleep(_PAUSE_BETWEEN_STEPS_S)
    while True:
        await asyncio.sleep(_HOUSEKEEPING_S)
        if store.checkpoint_due():
            await asyncio.to_thread(store.checkpoint)


async def _serve(arguments: argparse.Namespace) -> None:
    # What is loaded stays: the collector need not look at it, neither now nor later.
    gc.disable()
    store = Store(arguments.data, fsync=arguments.sync == "full")
    gc.freeze()
    gc.enable()
    faults = Faults(FAULT_CODES) if arguments.faults else None
    throughput = Throughput(store, Offers(store)) if arguments.enforce_throughput else None
    application = Application(store, arguments.key, faults, listens_locally(arguments.host), throughput)
    config = uvicorn.Config(
        application,
        host=arguments.host,
        port=arguments.port,
        http=_Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=300,
        timeout_graceful_shutdown=2,
    )
    house = asyncio.create_task(_keep_house(store))
    try:
        await _Server(config).serve()
    finally:
        house.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await house
        store.close()


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    arguments = _arguments()
    # Items are many and form no cycles that die young: collect less often.
    gc.set_threshold(50_000, 20, 50)
    # A query of a hundred nested parentheses takes some seventeen calls for each.
    sys.setrecursionlimit(_RECURSION_LIMIT)
    asyncio.run(_serve(arguments))


if __name__ == "__main__":
    main()
