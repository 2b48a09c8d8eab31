"""What an alarm is: a number taken from metrics, a bound, and how long it must be beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Priority(StrEnum):
    """P1 wakes somebody, P2 is seen to today, P3 this week."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, the label values it is narrowed to (a regular expression each), and its CloudWatch namespace."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Increase:
    """How much a counter rose within the window, over all its series."""

    metric: Metric


@dataclass(frozen=True, slots=True)
class Percent:
    """What part of one counter's rise another's is, in percent; nothing where the whole did not rise."""

    part: Metric
    whole: Metric


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of a histogram's observations within the window."""

    metric: Metric
    quantile: float


@dataclass(frozen=True, slots=True)
class Highest:
    """The highest value of a gauge now."""

    metric: Metric


@dataclass(frozen=True, slots=True)
class Used:
    """What part of a limit a gauge is, in percent; the limit is a gauge too, or a number."""

    metric: Metric
    limit: Metric | float


@dataclass(frozen=True, slots=True)
class Until:
    """Seconds until the earliest of the instants that a gauge names; for CloudWatch the lowest value of a count of days."""

    metric: Metric


Signal = Increase | Percent | Quantile | Highest | Used | Until


@dataclass(frozen=True, slots=True)
class Bound:
    """The signal is beyond the threshold, above it or below, for some minutes; `window_min` is what a rise is taken over."""

    signal: Signal
    threshold: float
    above: bool = True
    window_min: int = 5
    for_min: int = 5


@dataclass(frozen=True, slots=True)
class ActivityLog:
    """An entry of Azure's activity log: its category, and in which status."""

    category: str
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlatformMetric:
    """A metric that an Azure service itself keeps, of the resources of one type."""

    resource_type: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class Alarm:
    """One rule. On Azure it is the Prometheus rule, unless `azure` names what the platform itself keeps."""

    name: str
    priority: Priority
    says: str
    act: str
    """What whoever is told does first."""
    prometheus: Bound
    cloudwatch: Bound
    azure: ActivityLog | PlatformMetric | None = None
