"""How far each part may grow, named once: the components take their bounds from here and a rule compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infra.config import StackConfig


@dataclass(frozen=True, slots=True)
class Scaling:
    """The bounds of one part, in its unit, and by what it grows."""

    least: float
    most: float
    unit: str
    grows_by: str


_DEVELOPMENT: Final = {
    "event streams": Scaling(1, 4, "throughput units", "traffic: auto-inflate"),
    "records": Scaling(0, 5_000, "request units a second", "use: serverless"),
    "spark": Scaling(1, 2, "workers", "pending tasks"),
    "reports": Scaling(0.5, 2, "cores", "load: serverless"),
    "live updates": Scaling(1, 1, "units", "connections"),
    "inference": Scaling(0, 2, "replicas", "requests at once"),
}
_PRODUCTION: Final = {
    "event streams": Scaling(
        2, 2, "processing units", "alarm on utilisation: the Premium tier is resized by hand"
    ),
    "records": Scaling(4_000, 40_000, "request units a second", "use: autoscale"),
    "spark": Scaling(2, 8, "workers", "pending tasks"),
    "reports": Scaling(1, 8, "cores", "load: serverless"),
    "live updates": Scaling(1, 10, "units", "connections"),
    "inference": Scaling(2, 10, "replicas", "requests at once"),
}


def scaling(config: StackConfig, part: str) -> Scaling:
    """The bounds of a part of a stack. Raises KeyError for a part that is not named."""
    if part == "functions app":
        return Scaling(1, config.maximum_instances, "instances", "events that wait and requests at once")
    return (_PRODUCTION if config.is_production else _DEVELOPMENT)[part]


PARTS: Final = ("functions app", *_DEVELOPMENT)
