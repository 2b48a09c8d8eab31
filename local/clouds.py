"""What a platform is made of, by the cloud whose protocols its emulators speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local import plan, plan_aws
from local.processes import ProcessSpec
from local.run_state import RunState
from shared.settings import AWS, AZURE

Ports = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cloud:
    """Its processes, its settings, and the module that makes what infra/ makes."""

    ports: Callable[[int, RunState | None], dict[str, int]]
    emulators: Callable[[Ports, Path], Sequence[ProcessSpec]]
    workers: Callable[[Ports, Path], Sequence[ProcessSpec]]
    worker_names: tuple[str, ...]
    settings: Callable[[Ports, Path], dict[str, str]]
    provision: str
    has_tables: bool
    """Whether the Spark jobs read its lake."""


CLOUDS: Final = {
    AZURE: Cloud(
        ports=plan.chosen_ports,
        emulators=plan.emulator_specs,
        workers=lambda ports, _data: plan.worker_specs(ports),
        worker_names=tuple(worker.name for worker in plan.WORKERS),
        settings=plan.app_settings,
        provision="local.provision",
        has_tables=True,
    ),
    AWS: Cloud(
        ports=plan_aws.chosen_ports,
        emulators=plan_aws.emulator_specs,
        workers=plan_aws.worker_specs,
        worker_names=plan_aws.WORKERS,
        settings=plan_aws.app_settings,
        provision="local.provision_aws",
        has_tables=False,
    ),
}
