"""Run some of the functions: `python -m local.lambdas --listen http --port 7071 --data DIR`, settings in the environment."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from infra.components.aws.function_plan import CHANGES_BATCH, KINESIS_BATCH, TIMES, FunctionPlan, plans
from local.host.server import bind, make_server
from local.lambdas.events import DroppedFiles, Schedule
from local.lambdas.function import Function
from local.lambdas.gateway import INSTANCES, Gateway
from local.lambdas.shards import KinesisSource, TableSource, readers_of
from shared import names
from shared.adapters.aws.connections import AwsPlace, client
from shared.settings import Settings, read_settings

GROUPS: Final = {
    "http": ("http",),
    "ingest": ("streams", "landing", "schedules"),
    "reactions": ("reactions",),
}
"""Which packages each worker has."""
_TRIGGERS: Final = {
    "http": {"type": "httpTrigger", "route": "{*route}", "methods": ["ANY"]},
    "streams": {"type": "kinesisTrigger"},
    "landing": {"type": "s3ObjectTrigger"},
    "schedules": {"type": "scheduleTrigger"},
    "reactions": {"type": "dynamodbStreamTrigger"},
}
_INSTANCES: Final = 40
_MINUTES: Final = re.compile(r"rate\((\d+) minutes?\)")
Runs = Callable[[threading.Event], None]


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.lambdas", description=__doc__)
    parser.add_argument("--listen", required=True, choices=GROUPS)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", required=True, type=Path)
    options = parser.parse_args()
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    mine = [plan for plan in plans(_INSTANCES) if plan.group in GROUPS[options.listen]]
    functions = {plan.name: Function(plan, INSTANCES if plan.group == "http" else None) for plan in mine}
    stop = threading.Event()
    listening = bind(options.host, options.port)
    for run in drivers(functions, read_settings(os.environ), options.data / "lambda"):
        threading.Thread(target=run, args=(stop,), daemon=True).start()
    gateway = Gateway(functions.get("api"), [_listed(plan) for plan in mine])
    server = make_server(gateway)

    def end(*_: object) -> None:
        stop.set()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    server.run(sockets=[listening])
    gateway.close()
    return 0


def drivers(functions: dict[str, Function], settings: Settings, folder: Path) -> Iterator[Runs]:
    """What calls these functions, one thread each."""
    place = AwsPlace(settings.region, settings.endpoint)
    for hub in names.HUBS:
        if function := functions.get(hub.replace("-", "_")):
            source = KinesisSource(client("kinesis", place), settings.region, settings.streams[hub])
            yield from readers_of(source, function, KINESIS_BATCH, folder)
    if function := functions.get(names.REACTIONS_FUNCTION):
        arn = client("dynamodb", place).describe_table(TableName=settings.table)["Table"]["LatestStreamArn"]
        changes = TableSource(client("dynamodbstreams", place), settings.region, arn)
        yield from readers_of(changes, function, CHANGES_BATCH, folder)
    if function := functions.get(names.LANDING_FUNCTION):
        told = folder / f"{function.plan.name}-told"
        yield DroppedFiles(client("s3", place), settings.landing_bucket, function, told).run
    for name, when in TIMES.items():
        if function := functions.get(name):
            yield Schedule(function, 60 * float(_MINUTES.fullmatch(when)[1])).run  # type: ignore[index]


def _listed(plan: FunctionPlan) -> dict[str, Any]:
    return {"name": plan.name, "config": {"bindings": [_TRIGGERS[plan.group]]}}


if __name__ == "__main__":
    sys.exit(main())
