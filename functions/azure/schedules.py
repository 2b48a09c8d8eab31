"""Schedules on Azure Functions: the sweeper, the walk along the chains, the tables. Timers are UTC."""

import azure.functions as func

from functions.needs import EVERY, INSPECT, SWEEP, TAKE_FILES, WATCH

schedules = func.Blueprint()
NEEDS = {
    "sweep": SWEEP,
    "sweep_files": TAKE_FILES,
    "watch": WATCH,
    "inspect": INSPECT,
    "tables": EVERY,
}


@schedules.function_name("sweep")
@schedules.timer_trigger(arg_name="timer", schedule="*/15 * * * * *", run_on_startup=True)
def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Finish what a crash or a lost notification left undone."""
    from shared.bootstrap import services

    services().pulse.beat()
    services().sweep.run()


@schedules.function_name("sweep_files")
@schedules.timer_trigger(arg_name="timer", schedule="5/15 * * * * *")
def sweep_files(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Take up dropped files that no run is working on."""
    from shared.bootstrap import services

    services().sweep.take_files()


@schedules.function_name("watch")
@schedules.timer_trigger(arg_name="timer", schedule="*/30 * * * * *")
def watch(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Measure how far behind the streams are."""
    from shared.bootstrap import services

    services().watch.look()


@schedules.function_name("inspect")
@schedules.timer_trigger(arg_name="timer", schedule="10 */15 * * * *")
def inspect_lake(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Walk the chains, measure freshness, count dead letters."""
    from shared.bootstrap import services

    services().watch.inspect()


@schedules.function_name("tables")
@schedules.timer_trigger(arg_name="timer", schedule="0 7 * * * *")
def tables(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Bring the tables of the lake up to date: bronze, silver, gold."""
    from shared.bootstrap import services

    services().jobs.start("all")
