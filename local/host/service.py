"""The host put together: index the app, listen with the triggers asked for, serve HTTP, stop cleanly."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.callers import Callers, listens_locally
from local.host.admin import Admin
from local.host.asgi import HostApp
from local.host.engine import AppRejected, FunctionDefinition, choose_engine
from local.host.http_trigger import HttpTrigger
from local.host.invoker import Invoker
from local.host.listing import function_list
from local.host.outputs import Outputs
from local.host.routes import Routes
from local.host.server import Server, bind, make_server
from local.host.settings import HostSettings, read_host_settings
from local.host.webhooks import Webhooks

log = logging.getLogger("host")

TRIGGERS = (
    "httpTrigger",
    "eventHubTrigger",
    "cosmosDBTrigger",
    "timerTrigger",
    "blobTrigger",
    "eventGridTrigger",
)
DRAIN_S = 8.0


class Listener(Protocol):
    """What a trigger that is not pushed to has to offer; both calls may come from any thread."""

    def start(self) -> None:
        """Begin in the background."""
        ...

    def stop(self, timeout_s: float) -> None:
        """End, after the work under way or the timeout."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    app_directory: Path
    host: str
    port: int
    listen: frozenset[str] | None
    functions: frozenset[str] | None
    engine: str
    instance: str


def chosen(functions: Sequence[FunctionDefinition], options: Options) -> list[FunctionDefinition]:
    """The functions this process listens for: one group of a Flex Consumption app, or all."""
    known = {function.name for function in functions}
    if options.functions is not None and (unknown := options.functions - known):
        raise AppRejected(f"--functions names what the app does not have: {', '.join(sorted(unknown))}")
    kept = []
    for function in functions:
        if function.trigger_type not in TRIGGERS:
            raise AppRejected(
                f"function {function.name}: {function.trigger_type} is not supported by the local host"
            )
        if options.functions is not None and function.name not in options.functions:
            continue
        if options.listen is not None and function.trigger_type not in options.listen:
            continue
        kept.append(function)
    return kept


def make_listeners(
    functions: Collection[FunctionDefinition], settings: HostSettings, invoker: Invoker, me: str
) -> list[Listener]:
    """A listener for every function whose trigger is polled; SDKs are imported only for those present."""
    listeners: list[Listener] = []
    for function in functions:
        if function.trigger_type == "eventHubTrigger":
            from local.host.event_hubs import EventHubTrigger

            listeners.append(EventHubTrigger(function, settings.event_hubs, invoker, me))
        elif function.trigger_type == "cosmosDBTrigger":
            from local.host.cosmos_feed import CosmosTrigger

            listeners.append(CosmosTrigger(function, invoker, me))
        elif function.trigger_type == "timerTrigger":
            from local.host.timers import TimerTrigger

            listeners.append(TimerTrigger(function, invoker, me))
    return listeners


async def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT; raises `AppRejected` or `SettingsRejected` before anything listens."""
    settings = read_host_settings(options.app_directory)
    engine = choose_engine(options.engine)
    functions = chosen(await engine.index(options.app_directory), options)
    for function in functions:
        Outputs.check(function)
    invoker = Invoker(engine, Outputs(), settings.retry)
    listeners = make_listeners(functions, settings, invoker, options.instance)
    server = make_server(_http_side(options, functions, settings, invoker, engine.name))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    socket = bind(options.host, options.port)
    port = socket.getsockname()[1]
    serving = loop.create_task(server.serve(sockets=[socket]))
    address = f"http://{options.host}:{port}"
    print(function_list(functions, address, settings.route_prefix), flush=True)
    log.info("%s, instance %s, listening on %s", engine.name, options.instance, address)
    for listener in listeners:
        listener.start()
    asked = loop.create_task(stopping.wait())
    await asyncio.wait([asked, serving], return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    await _shut_down(server, serving, listeners, invoker)
    await asyncio.to_thread(engine.close)


def _http_side(
    options: Options,
    functions: Sequence[FunctionDefinition],
    settings: HostSettings,
    invoker: Invoker,
    engine_name: str,
) -> HostApp:
    by_name = {function.name: function for function in functions}
    callers = Callers(listens_locally(options.host))
    return HostApp(
        Routes(functions, settings.route_prefix),
        HttpTrigger(invoker),
        Admin(by_name, invoker, engine_name, callers),
        Webhooks(by_name, invoker, callers),
    )


async def _shut_down(
    server: Server, serving: asyncio.Task[None], listeners: Sequence[Listener], invoker: Invoker
) -> None:
    """No new work, what is under way ends within `DRAIN_S`, checkpoints are written, leases given up."""
    log.info("Stopping: waiting for invocations under way")
    drained = asyncio.get_running_loop().create_task(invoker.drain(DRAIN_S))
    await asyncio.gather(*(asyncio.to_thread(listener.stop, DRAIN_S) for listener in listeners))
    server.should_exit = True
    if not await drained:
        log.warning("Invocations did not end within %.0f s; their events come again", DRAIN_S)
    await asyncio.wait([serving], timeout=DRAIN_S)
