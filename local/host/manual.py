"""The trigger data of a function that is started by hand, from the text of `{"input": …}`.

Each extension has a `ConvertFromString` for this (`EventHubTriggerBindingStrategy.cs`: one event of the text's bytes, no
system properties of a real one; `TimerTriggerBinding.cs`: the text is ignored).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from local.host.engine import Collection, Datum, FunctionDefinition
from local.host.timers import timer_datum


def manual_input(function: FunctionDefinition, text: str) -> tuple[Datum, dict[str, Datum]]:
    """Trigger data and metadata for that function."""
    if function.trigger_type == "timerTrigger":
        return timer_datum(past_due=False, status=None), {}
    if function.trigger_type == "eventHubTrigger":
        return _one_event(function, text)
    if function.trigger_type in ("cosmosDBTrigger", "eventGridTrigger"):
        return Datum(text or ("[]" if function.trigger_type == "cosmosDBTrigger" else "{}"), "json"), {}
    if function.trigger_type == "httpTrigger":
        return _request(text), {}
    return Datum(text, "string"), {}


def _request(text: str) -> Datum:
    empty: dict[str, Datum] = {}
    value = {"method": Datum("POST", "string"), "url": Datum("http://localhost/", "string"), "headers": empty}
    return Datum({**value, "params": empty, "query": empty, "body": Datum(text.encode(), "bytes")}, "http")


def _one_event(function: FunctionDefinition, text: str) -> tuple[Datum, dict[str, Datum]]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    properties = {"SequenceNumber": 0, "Offset": "0", "PartitionKey": None, "EnqueuedTimeUtc": now}
    context = Datum(
        json.dumps({"PartitionId": "0", "EventHubName": function.trigger.get("eventHubName")}), "json"
    )
    if str(function.trigger.get("cardinality", "MANY")).upper() == "ONE":
        metadata = {"SystemProperties": Datum(json.dumps(properties), "json"), "PartitionContext": context}
        return Datum(text.encode(), "bytes"), metadata
    metadata = {"SystemPropertiesArray": Datum(json.dumps([properties]), "json"), "PartitionContext": context}
    return Datum(Collection(bytes_=[text.encode()]), "collection_bytes"), metadata
