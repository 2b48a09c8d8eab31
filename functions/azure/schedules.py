"""Schedules on Azure Functions: the sweeper, the walk along the chains, the tables. Timers are UTC."""

import azure.functions as func

schedules = func.Blueprint()


@schedules.function_name("sweep")
@schedules.timer_trigger(arg_name="timer", schedule="*/15 * * * * *", run_on_startup=True)
def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Finish what a crash or a lost notification left undone."""
    from shared.bootstrap import services

    services().sweep.run()


@schedules.function_name("platform_check")
@schedules.timer_trigger(arg_name="timer", schedule="30 * * * * *")
def platform_check(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Walk the chains, measure lag and freshness."""
    from shared.bootstrap import services

    services().watch.run()


@schedules.function_name("tables")
@schedules.timer_trigger(arg_name="timer", schedule="0 7 * * * *")
def tables(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding
    """Bring the tables of the lake up to date: bronze, silver, gold."""
    from shared.bootstrap import services

    services().jobs.start("all")
