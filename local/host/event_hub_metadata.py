"""What the Event Hubs trigger hands over beside the bodies.

azure-sdk-for-net `EventHubTriggerBindingStrategy.GetBindingData`; wire types by
azure-functions-host `GrpcMessageConversionExtensions.ToRpc`: `byte[][]`, `string[]` and `long[]` become collections
(empty strings are left out of `string[]`), everything else JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.host.engine import Collection, Datum

_OWN_ANNOTATIONS = frozenset(
    {"x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time", "x-opt-partition-key"}
)


def iso_utc(instant: datetime | None) -> str | None:
    """`2026-01-02T03:04:05.678Z`, as Json.NET writes a UTC DateTime."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def text_of(value: Any) -> Any:
    """AMQP values as JSON has them."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, dict):
        return {text_of(name): text_of(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [text_of(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def system_properties(event: Any) -> dict[str, Any]:
    """Other annotations and message properties of the event, then the four names the worker reads."""
    found = {text_of(name): text_of(value) for name, value in event.system_properties.items()}
    kept = {name: value for name, value in found.items() if name not in _OWN_ANNOTATIONS}
    return {
        **kept,
        "SequenceNumber": event.sequence_number,
        "Offset": text_of(event.offset),
        "PartitionKey": text_of(event.partition_key),
        "EnqueuedTimeUtc": iso_utc(event.enqueued_time),
    }


def body_of(event: Any) -> bytes:
    """The event's bytes; an event of several data sections is one body."""
    pieces = event.body
    return pieces if isinstance(pieces, bytes) else b"".join(pieces)


def batch_input(
    events: Sequence[Any], trigger: Mapping[str, Any], context: Mapping[str, str]
) -> tuple[Datum, dict[str, Datum]]:
    """Trigger data and metadata of a batch for cardinality many."""
    systems = [system_properties(event) for event in events]
    keys = [system["PartitionKey"] for system in systems if system["PartitionKey"]]
    metadata = {
        "PartitionContext": Datum(json.dumps(context), "json"),
        "PartitionKeyArray": Datum(Collection(string=keys), "collection_string"),
        "OffsetArray": Datum(
            Collection(string=[system["Offset"] for system in systems]), "collection_string"
        ),
        "SequenceNumberArray": Datum(
            Collection(sint64=[system["SequenceNumber"] for system in systems]), "collection_sint64"
        ),
        "EnqueuedTimeUtcArray": _json([system["EnqueuedTimeUtc"] for system in systems]),
        "PropertiesArray": _json([text_of(event.properties or {}) for event in events]),
        "SystemPropertiesArray": _json(systems),
    }
    return _bodies([body_of(event) for event in events], trigger), metadata


def _bodies(bodies: Sequence[bytes], trigger: Mapping[str, Any]) -> Datum:
    """Binary as it is; as strings the bytes are decoded with replacement and empty ones vanish.

    That last one makes the worker fail the batch: bodies and system properties no longer match in number.
    """
    if str(trigger.get("dataType", "")).upper() == "BINARY":
        return Datum(Collection(bytes_=bodies), "collection_bytes")
    texts = [body.decode("utf-8", errors="replace") for body in bodies if body]
    return Datum(Collection(string=texts), "collection_string")


def single_input(
    event: Any, trigger: Mapping[str, Any], context: Mapping[str, str]
) -> tuple[Datum, dict[str, Datum]]:
    """Trigger data and metadata of one event for cardinality one."""
    system = system_properties(event)
    metadata = {
        "PartitionContext": _json(context),
        "PartitionKey": Datum(
            system["PartitionKey"], "string" if system["PartitionKey"] is not None else None
        ),
        "Offset": Datum(system["Offset"], "string"),
        "SequenceNumber": _json(system["SequenceNumber"]),
        "EnqueuedTimeUtc": _json(system["EnqueuedTimeUtc"]),
        "Properties": _json(text_of(event.properties or {})),
        "SystemProperties": _json(system),
    }
    body = body_of(event)
    if str(trigger.get("dataType", "")).upper() == "BINARY":
        return Datum(body, "bytes"), metadata
    return Datum(body.decode("utf-8", errors="replace"), "string"), metadata


def _json(value: Any) -> Datum:
    return Datum(json.dumps(value), "json")
