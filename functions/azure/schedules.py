"""Schedules on Azure Functions: the sweeper, the walk along the chains, the tables. Timers are UTC."""

import azure.functions as func

schedules = func.Blueprint()


@schedules.function_name("sweep")
@schedules.timer_trigger(arg_name="timer", schedule="*/15 * * * * *", run_on_startup=True)
def sweep(timer: func.TimerRequest) -> None:
    """Finish what a crash or a lost notification left undone."""
    from shared.bootstrap import services

    services().sweep.run()


@schedules.function_name("platform_check")
@schedules.timer_trigger(arg_name="timer", schedule="30 * * * * *")
def platform_check(timer: func.TimerRequest) -> None:
    """Walk the chains, measure lag and freshness."""
    from shared.bootstrap import services

    services().watch.run()
