"""Schedules on Lambda: the sweeper, the walk along the chains. EventBridge calls them; the tables' job it starts itself."""

from typing import Any

from functions.aws.batches import counted
from functions.aws.telling import tell
from functions.needs import INSPECT, SWEEP, TAKE_FILES, WATCH

NEEDS = {
    "sweep": SWEEP,
    "sweep_files": TAKE_FILES,
    "watch": WATCH,
    "inspect": INSPECT,
}


def sweep(event: Any, context: Any) -> None:  # noqa: ARG001 - the signature of a handler
    """Finish what a crash or a lost notification left undone."""
    from shared.bootstrap import services

    def work() -> None:
        services().pulse.beat()
        services().sweep.run()

    counted(services(), work)


def sweep_files(event: Any, context: Any) -> None:  # noqa: ARG001 - the signature of a handler
    """Take up dropped files that no run is working on."""
    from shared.bootstrap import services

    counted(services(), services().sweep.take_files)


def watch(event: Any, context: Any) -> None:  # noqa: ARG001 - the signature of a handler
    """Measure how far behind the streams are, and tell CloudWatch the gauges of the whole platform."""
    from shared.bootstrap import services
    from shared.domain.observability.embedded import gauges

    counted(services(), services().watch.look)
    tell(gauges(services().metrics.snapshot(), services().clock.now()))


def inspect(event: Any, context: Any) -> None:  # noqa: ARG001 - the signature of a handler
    """Walk the chains, measure freshness, count dead letters."""
    from shared.bootstrap import services

    counted(services(), services().watch.inspect)
