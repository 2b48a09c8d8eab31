"""Run the Data Lake emulator: `python -m local.emulators.datalake --data DIR --port N`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

import uvicorn

from local.callers import Callers, listens_locally
from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY, SharedKey
from local.emulators.datalake.events import Events, Subscription, parse_subscription
from local.emulators.datalake.lake import Lake
from local.emulators.datalake.leases import Leases
from local.emulators.datalake.server import FAULT_CODES, App, Protocol
from local.emulators.datalake.store import Store
from local.emulators.faults import Faults

_SHUTDOWN_S = 5


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.emulators.datalake", description=__doc__)
    parser.add_argument("--data", required=True, help="folder that holds the lake, one subfolder a container")
    parser.add_argument("--port", required=True, type=int, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--account", default=WELL_KNOWN_ACCOUNT)
    parser.add_argument("--key", default=WELL_KNOWN_KEY, help="base64; default: the published emulator key")
    parser.add_argument(
        "--event-grid",
        action="append",
        default=[],
        type=_subscription,
        metavar="URL[;container=…;api=…;type=…;prefix=…;suffix=…]",
        help="webhook to send blob events to; may be repeated",
    )
    parser.add_argument("--faults", action="store_true", help="allow POST and DELETE /_faults")
    parser.add_argument(
        "--sync", choices=("normal", "full"), default="normal", help="full: safe from a power cut too"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="datalake: %(message)s")
    # uvicorn raises a caught signal again after its orderly end: that must not turn into a crash.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    asyncio.run(_serve(options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    os.makedirs(options.data, exist_ok=True)
    listener = socket.create_server((options.host, options.port), backlog=512, reuse_port=False)
    # Inherited by each connection: asyncio switches Nagle's algorithm off only where the socket's protocol is named, and
    # with it an answer whose head and body are written apart takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://{options.host}:{listener.getsockname()[1]}/{options.account}"
    store = Store(options.data, fsync=options.sync == "full")
    events = Events(options.account, url, options.event_grid)
    lake = Lake(url, store, Leases(store.database), events, SharedKey(options.account, options.key))
    app = App(lake, Faults(FAULT_CODES) if options.faults else None, Callers(listens_locally(options.host)))
    server = _Server(
        uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        ),
        ready=f"Data Lake ready at {url}",
    )
    events.start()
    try:
        await server.serve(sockets=[listener])
    finally:
        await events.stop()
        store.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._ready, flush=True)


def _subscription(text: str) -> Subscription:
    try:
        return parse_subscription(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
