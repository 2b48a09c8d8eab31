"""Rejected by the indexer: `list[...]` instead of `typing.List` on a binding."""

import azure.functions as func

app = func.FunctionApp()


@app.event_hub_message_trigger(arg_name="events", event_hub_name="h", connection="C", cardinality="many")
def f(events: list[func.EventHubEvent]) -> None:
    pass
