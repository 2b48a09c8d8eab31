"""The stream door on Azure Functions: batches of Event Hubs events.

`data_type=binary` and cardinality many: one event that is not JSON must not fail the batch before our code sees it. The
endless retry policy holds the checkpoint while a store is busy or unreachable, which is all that the handler raises.
"""

import typing
from datetime import datetime

import azure.functions as func
from azure.functions.eventhub import EventHubTriggerConverter

from functions.azure.events import stream_records
from functions.needs import takes
from shared import names

streams = func.Blueprint()
NEEDS = {hub.replace("-", "_"): takes(hub) for hub in names.HUBS}
_by_formats = getattr(EventHubTriggerConverter, "_parse_datetime", None)


def _enqueued(text: typing.Optional[str]) -> typing.Any:
    """As azure-functions reads the enqueued time of an event, which tries up to sixteen formats one after another.

    That took a fifth of the processor time of a batch of readings. A time without an offset stays without one.
    """
    if text and text[10:11] == "T":
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            if not read.utcoffset():
                return read
    return _by_formats(text) if _by_formats else None


if _by_formats is not None:
    EventHubTriggerConverter._parse_datetime = staticmethod(_enqueued)  # type: ignore[method-assign, assignment]


def _on_events(hub: str) -> typing.Callable[[typing.Any], typing.Any]:
    """The function of a hub: its name, its trigger and its retries."""

    def bind(handler: typing.Any) -> typing.Any:
        trigger = streams.event_hub_message_trigger(
            arg_name="events",
            event_hub_name=hub,
            connection=names.EVENT_HUBS_CONNECTION,
            consumer_group=names.CONSUMER_GROUP,
            cardinality=func.Cardinality.MANY,
            data_type=func.DataType.BINARY,
        )
        retry = streams.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:01")
        return streams.function_name(hub.replace("-", "_"))(trigger(retry(handler)))

    return bind


def _receive(hub: str, events: typing.List[func.EventHubEvent]) -> None:
    from shared.bootstrap import services

    partition, records = stream_records(events)
    services().stream_door.receive(hub, partition, records)


@_on_events(names.HUB_CLINICAL_EVENTS)
def clinical_events(events: typing.List[func.EventHubEvent]) -> None:
    """FHIR resources and bundles."""
    _receive(names.HUB_CLINICAL_EVENTS, events)


@_on_events(names.HUB_VITAL_SIGNS)
def vital_signs(events: typing.List[func.EventHubEvent]) -> None:
    """Device readings."""
    _receive(names.HUB_VITAL_SIGNS, events)


@_on_events(names.HUB_SAFETY_REPORTS)
def safety_reports(events: typing.List[func.EventHubEvent]) -> None:
    """Adverse event reports: landed and judged; they become nobody's record."""
    _receive(names.HUB_SAFETY_REPORTS, events)
