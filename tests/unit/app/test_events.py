"""Batches of Event Hubs as azure-functions decodes them, read as records of a stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import azure.functions as func
import pytest
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum

from functions.azure import streams
from functions.azure.events import stream_records

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def decoded(context: dict[str, str] | None, first: dict[str, str] | None = None) -> list[func.EventHubEvent]:
    system = [
        {
            "EnqueuedTimeUtc": "2026-03-29T01:30:00.5Z",
            "PartitionKey": "k",
            "SequenceNumber": number,
            "Offset": "9",
        }
        for number in (7, 8)
    ]
    metadata = {
        "SystemPropertiesArray": Datum(json.dumps(system), "json"),
        "PropertiesArray": Datum(json.dumps([first or {"traceparent": TRACE, "ward": "3"}, {}]), "json"),
    }
    if context is not None:
        metadata["PartitionContext"] = Datum(json.dumps(context), "json")
    bodies = Datum(SimpleNamespace(bytes=[b"{}", b"\xff"]), "collection_bytes")
    return list(EventHubTriggerConverter.decode(bodies, trigger_metadata=metadata))


def test_each_event_keeps_its_own_properties_trace_and_bytes() -> None:
    partition, records = stream_records(decoded({"PartitionId": "3"}))
    assert partition == "3"
    assert [record.sequence for record in records] == [7, 8]
    assert [record.traceparent for record in records] == [TRACE, ""]
    assert records[0].properties == {"traceparent": TRACE, "ward": "3"}
    assert [record.body for record in records] == [b"{}", b"\xff"]
    assert records[0].enqueued_at.isoformat() == "2026-03-29T01:30:00.500000+00:00"


def test_a_batch_of_no_partition_is_refused_rather_than_guessed() -> None:
    with pytest.raises(KeyError):
        stream_records(decoded(None))


@pytest.mark.parametrize("name", ["traceparent", "Diagnostic-Id"])
@pytest.mark.parametrize("text", ["\x1b[2JJohn Doe", f"{TRACE} John", TRACE.upper(), f"{TRACE}\n", "|a.b"])
def test_a_trace_of_another_form_is_none(name: str, text: str) -> None:
    _, records = stream_records(decoded({"PartitionId": "3"}, {name: text}))
    assert records[0].traceparent == ""
    assert records[0].properties == {name: text}


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-01-02T03:04:05Z", 0),
        ("2026-01-02T03:04:05.678Z", 678_000),
        ("2026-01-02T03:04:05.6781239Z", 678_123),
        ("2026-01-02T03:04:05.678+00:00", 678_000),
    ],
)
def test_the_enqueued_time_is_read_with_every_number_of_digits_the_host_writes(
    text: str, microsecond: int
) -> None:
    assert EventHubTriggerConverter._parse_datetime is streams._enqueued
    read = EventHubTriggerConverter._parse_datetime(text)
    assert read == datetime(2026, 1, 2, 3, 4, 5, microsecond, UTC)


def test_an_enqueued_time_without_an_offset_is_read_as_by_azure_functions() -> None:
    read = EventHubTriggerConverter._parse_datetime("2026-01-02T03:04:05.6781239")
    assert read == datetime(2026, 1, 2, 3, 4, 5, 678_123)  # noqa: DTZ001


def test_an_enqueued_time_that_is_none_is_refused_as_by_azure_functions() -> None:
    assert EventHubTriggerConverter._parse_datetime(None) is None
    with pytest.raises(ValueError, match="does not match"):
        EventHubTriggerConverter._parse_datetime("yesterday Z")
