"""Accepted by the indexer: takes the wire value as text."""

import azure.functions as func

app = func.FunctionApp()


@app.event_grid_trigger(arg_name="event")
def f(event: str) -> None:
    pass
