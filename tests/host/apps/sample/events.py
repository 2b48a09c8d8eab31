"""Functions of the other triggers: each appends what it was handed to the file named by SAMPLE_SEEN."""

import os
from pathlib import Path
from typing import List

import azure.functions as func
from notes import note

events = func.Blueprint()


@events.function_name("vitals")
@events.event_hub_message_trigger(
    arg_name="batch",
    event_hub_name="%SAMPLE_HUB%",
    connection="SAMPLE_EVENT_HUBS",
    cardinality=func.Cardinality.MANY,
    consumer_group="$Default",
    data_type=func.DataType.BINARY,
)
def vitals(batch: List[func.EventHubEvent], context: func.Context) -> None:
    note(
        "vitals",
        bodies=[event.get_body().decode("latin-1") for event in batch],
        sequences=[event.sequence_number for event in batch],
        keys=[event.partition_key for event in batch],
        enqueued=[event.enqueued_time for event in batch],
        partition=batch[0].metadata["PartitionContext"]["PartitionId"],
        attempt=context.retry_context.retry_count,
    )
    if any(event.get_body() == b"raise" for event in batch):
        raise RuntimeError("asked to raise")


@events.function_name("stubborn")
@events.event_hub_message_trigger(
    arg_name="batch",
    event_hub_name="stubborn",
    connection="SAMPLE_EVENT_HUBS",
    cardinality=func.Cardinality.MANY,
    consumer_group="$Default",
    data_type=func.DataType.BINARY,
)
@events.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:01")
async def stubborn(batch: List[func.EventHubEvent], context: func.Context) -> None:
    note(
        "stubborn",
        sequences=[event.sequence_number for event in batch],
        attempt=context.retry_context.retry_count,
    )
    if not Path(os.environ["SAMPLE_SEEN"] + ".heal").exists():
        raise RuntimeError("not yet")


@events.function_name("changes")
@events.cosmos_db_trigger(
    arg_name="documents",
    container_name="records",
    database_name="sample",
    connection="SAMPLE_COSMOS",
    lease_container_name="leases",
    create_lease_container_if_not_exists=True,
    feed_poll_delay=100,
    max_items_per_invocation=100,
    start_from_beginning=True,
)
def changes(documents: func.DocumentList) -> None:
    note("changes", documents=[dict(document) for document in documents])
    if any(document.get("raise") for document in documents):
        raise RuntimeError("asked to raise")


@events.function_name("dropped")
@events.blob_trigger(
    arg_name="blob", path="landing/{tenant}/{name}", connection="SAMPLE_LAKE", source="EventGrid"
)
def dropped(blob: func.InputStream) -> None:
    note("dropped", name=blob.name, length=blob.length, uri=blob.uri, body=blob.read().decode("latin-1"))


@events.function_name("notified")
@events.event_grid_trigger(arg_name="event")
def notified(event: func.EventGridEvent) -> None:
    note("notified", id=event.id, subject=event.subject, event_type=getattr(event, "event_type", None))


@events.function_name("nightly")
@events.timer_trigger(arg_name="timer", schedule="0 0 2 * * *", run_on_startup=False, use_monitor=True)
async def nightly(timer: func.TimerRequest) -> None:
    note("nightly", past_due=timer.past_due)


@events.function_name("copies")
@events.event_grid_trigger(arg_name="event")
@events.blob_output(arg_name="copy", path="copies/{rand-guid}", connection="SAMPLE_LAKE")
def copies(event: func.EventGridEvent, copy: func.Out[str]) -> None:
    copy.set(event.subject)
    if event.subject == "raise":
        raise RuntimeError("asked to raise")
