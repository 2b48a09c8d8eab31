"""Accepted by the indexer: indexes, though a single event is annotated for many: a trap."""

import azure.functions as func

app = func.FunctionApp()


@app.event_hub_message_trigger(arg_name="events", event_hub_name="h", connection="C", cardinality="many")
def f(events: func.EventHubEvent) -> None:
    pass
