"""Which processes make the platform, with which arguments and settings: the emulators, then the host's workers."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local.keys import access_settings
from local.layout import CHECKOUT
from local.ports import HOST, free_ports
from local.processes import ProcessSpec
from local.run_state import RunState
from shared import names
from shared.settings import OF_THE_OPERATOR

EMULATORS = ("eventhubs", "datalake", "cosmos")
FOLDERS = {"eventhubs": "eventhubs", "datalake": "lake", "cosmos": "cosmos"}
# The keys that Microsoft publishes for its own emulators; ours accept the same, so that tools need no change.
_LAKE_ACCOUNT = "devstoreaccount1"
_LAKE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
_EVENT_HUBS_KEY = "SAS_KEY_VALUE"


@dataclass(frozen=True, slots=True)
class Worker:
    """One process of the functions host and the triggers it listens for."""

    name: str
    triggers: tuple[str, ...]


# Apart, so that a burst on the streams does not hold up a request, nor a request an alert.
WORKERS = (
    Worker("http", ("httpTrigger",)),
    Worker("ingest", ("eventHubTrigger", "eventGridTrigger", "blobTrigger", "timerTrigger")),
    Worker("reactions", ("cosmosDBTrigger",)),
)
PROCESSORS = {"ingest": 0, "reactions": -1}
"""Places of the processors that the workers stay on whose threads take turns all the time, of either cloud."""


def new_state(data: Path, port: int) -> RunState:
    """The record of a platform that is about to start."""
    return RunState(
        run_id=secrets.token_hex(8),
        pid=os.getpid(),
        data=str(data),
        port=port,
        url=f"http://{HOST}:{port}",
        state="starting",
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def chosen_ports(port: int, before: RunState | None) -> dict[str, int]:
    """A port for each process: the host's as asked, the others as they were the last time where they are free."""
    others = [*EMULATORS, *(worker.name for worker in WORKERS if worker.name != "http")]
    known = before.processes if before is not None else {}
    taken = [known[name].port for name in others if name in known and known[name].port != port]
    return {"http": port, **dict(zip(others, free_ports(len(others), taken), strict=True))}


def emulator_specs(
    ports: Mapping[str, int],
    data: Path,
    *,
    config: Path | None = None,
    faults: bool = False,
    sync: str = "normal",
    enforce_throughput: bool = False,
) -> list[ProcessSpec]:
    """The emulators; a file dropped in `landing` is announced to the worker that listens for events, if there is one.

    `config` is a Config.json that names the event hubs in place of the platform's own.
    """
    hubs = [f"{hub}:{names.HUB_PARTITIONS}:{names.CONSUMER_GROUP}" for hub in names.HUBS]
    named = ["--config", str(config)] if config else [part for hub in hubs for part in ("--hub", hub)]
    breakable = [*(["--faults"] if faults else []), *(["--sync", sync] if sync != "normal" else [])]
    announced = []
    if "ingest" in ports:
        hook = f"http://{HOST}:{ports['ingest']}/runtime/webhooks/eventgrid?functionName={names.LANDING_FUNCTION}"
        announced = [
            "--event-grid",
            f"{hook};container={names.LANDING_FILE_SYSTEM};type=Microsoft.Storage.BlobCreated",
        ]
    own: dict[str, list[str]] = {
        "eventhubs": [*named, *breakable],
        "datalake": [*announced, *breakable],
        "cosmos": [*breakable, *(["--enforce-throughput"] if enforce_throughput else [])],
    }
    return [
        ProcessSpec(
            name,
            f"local.emulators.{name}",
            ("--data", str(data / FOLDERS[name]), "--port", str(ports[name]), "--host", HOST, *own[name]),
            ports[name],
            scheme="amqp" if name == "eventhubs" else "http",
        )
        for name in EMULATORS
        if name in ports
    ]


def worker_specs(ports: Mapping[str, int]) -> list[ProcessSpec]:
    """The host's workers on this app; each keeps its name, so that a restarted one takes its leases again at once."""
    return [
        ProcessSpec(
            worker.name,
            "local.host",
            (
                *("--app", str(CHECKOUT)),
                *("--settings", str(_settings_file())),
                *("--host", HOST),
                *("--port", str(ports[worker.name])),
                *("--listen", ",".join(worker.triggers)),
                *("--instance", worker.name),
            ),
            ports[worker.name],
            processor=PROCESSORS.get(worker.name),
        )
        for worker in WORKERS
    ]


def _settings_file() -> Path:
    own = CHECKOUT / "local.settings.json"
    return own if own.exists() else CHECKOUT / "local.settings.json.example"


def connection_strings(ports: Mapping[str, int]) -> dict[str, str]:
    """The connection string of each emulator that has a port."""
    every = {
        "eventhubs": "Endpoint=sb://{host}:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        f"SharedAccessKey={_EVENT_HUBS_KEY};UseDevelopmentEmulator=true;",
        "datalake": f"DefaultEndpointsProtocol=http;AccountName={_LAKE_ACCOUNT};AccountKey={_LAKE_KEY};"
        f"BlobEndpoint=http://{{host}}:{{port}}/{_LAKE_ACCOUNT};"
        f"DfsEndpoint=http://{{host}}:{{port}}/{_LAKE_ACCOUNT};",
        "cosmos": f"AccountEndpoint=http://{{host}}:{{port}}/;AccountKey={_COSMOS_KEY};",
    }
    return {name: text.format(host=HOST, port=ports[name]) for name, text in every.items() if name in ports}


def app_settings(ports: Mapping[str, int], data: Path) -> dict[str, str]:
    """The settings by which the app reaches the emulators; what else it needs is in local.settings.json.example."""
    connections = connection_strings(ports)
    return {
        names.EVENT_HUBS_CONNECTION: connections["eventhubs"],
        names.LAKE_CONNECTION: connections["datalake"],
        names.RECORDS_CONNECTION: connections["cosmos"],
        "AzureWebJobsStorage": connections["datalake"],
        "GALEN_JOBS_COMMAND": shlex.join(
            [sys.executable, str(CHECKOUT / "local"), "spark", "--data", str(data)]
        ),
        **common_settings(ports, data),
    }


def common_settings(ports: Mapping[str, int], data: Path) -> dict[str, str]:
    """Those that are the same whichever cloud's protocols the emulators speak."""
    return {
        "GALEN_URL": f"http://{HOST}:{ports['http']}",
        "GALEN_LOCAL_DATA": str(data),
        **access_settings(data),
        **_of_the_operator(),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), _without_proxy()),
    }


def _of_the_operator() -> dict[str, str]:
    """What the environment or local.settings.json chooses: kept with the run, so that other commands judge alike."""
    values = json.loads(_settings_file().read_text("utf-8")).get("Values") or {}
    chosen = {**values, **os.environ}
    return {name: chosen[name] for name in OF_THE_OPERATOR if chosen.get(name)}


def _without_proxy() -> str:
    """The emulators are on this machine, whatever proxy leads out of it."""
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    return ",".join(filter(None, [named, HOST, "localhost"]))
