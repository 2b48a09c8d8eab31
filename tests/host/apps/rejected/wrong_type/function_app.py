"""Rejected by the indexer: an annotation that is not the trigger's type."""

import azure.functions as func

app = func.FunctionApp()


@app.event_hub_message_trigger(arg_name="events", event_hub_name="h", connection="C", cardinality="many")
def f(events: func.HttpRequest) -> None:
    pass
