"""The same platform on AWS's protocols: moto's server, then workers that stand in for Lambda and what drives it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local import plan
from local.ports import HOST, free_ports
from local.processes import ProcessSpec
from local.run_state import RunState
from shared import names

EMULATOR: Final = "aws"
WORKERS: Final = ("http", "ingest", "reactions")
REGION: Final = "eu-central-1"
_KEY: Final = "local"
"""An access key is asked for and never checked."""


def chosen_ports(port: int, before: RunState | None) -> dict[str, int]:
    """A port for each process: the first worker's as asked, the others as they were the last time where they are free."""
    others = [EMULATOR, *WORKERS[1:]]
    known = before.processes if before is not None else {}
    taken = [known[name].port for name in others if name in known and known[name].port != port]
    return {"http": port, **dict(zip(others, free_ports(len(others), taken), strict=True))}


def emulator_specs(ports: Mapping[str, int], data: Path) -> list[ProcessSpec]:
    """moto's server, which keeps what it holds in a folder."""
    arguments = ("--port", str(ports[EMULATOR]), "--host", HOST, "--data", str(data / EMULATOR))
    return [ProcessSpec(EMULATOR, "local.emulators.aws", arguments, ports[EMULATOR])]


def worker_specs(ports: Mapping[str, int], data: Path) -> list[ProcessSpec]:
    """The functions in three processes, as on Azure."""
    return [
        ProcessSpec(
            name,
            "local.lambdas",
            ("--listen", name, "--host", HOST, "--port", str(ports[name]), "--data", str(data)),
            ports[name],
            processor=plan.PROCESSORS.get(name),
        )
        for name in WORKERS
    ]


def app_settings(ports: Mapping[str, int], data: Path) -> dict[str, str]:
    """The settings by which the app reaches the emulator."""
    return {
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _KEY,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{ports[EMULATOR]}",
        "GALEN_CLOUD": "aws",
        "GALEN_TABLE": "galen-records",
        "GALEN_LAKE_BUCKET": "galen-lake",
        "GALEN_LANDING_BUCKET": "galen-landing",
        "GALEN_STREAMS": json.dumps({hub: f"galen-{hub}" for hub in names.HUBS}),
        **plan.common_settings(ports, data),
    }
