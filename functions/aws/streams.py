"""The stream door on Lambda: batches of one shard of a Kinesis stream, in order, one at a time."""

from typing import TYPE_CHECKING, Any

from functions.aws.batches import Answer, Event, answered, counted, kinesis_records
from functions.needs import takes
from shared import names

if TYPE_CHECKING:
    from shared.bootstrap import Services

NEEDS = {hub.replace("-", "_"): takes(hub) for hub in names.HUBS}


def receive(services: "Services", hub: str, event: Event) -> Answer:
    """Land and record a batch of a hub; from where Lambda must hand over again, if from anywhere."""
    records = event["Records"]
    shard, found = kinesis_records(records)
    first = records[0]["kinesis"]["sequenceNumber"]
    return answered(first, lambda: services.stream_door.receive(hub, shard, found))


def _receive(hub: str, event: Event) -> Answer:
    from shared.bootstrap import services

    return counted(services(), lambda: receive(services(), hub, event))


def clinical_events(event: Event, context: Any) -> Answer:  # noqa: ARG001 - the signature of a handler
    """FHIR resources and bundles."""
    return _receive(names.HUB_CLINICAL_EVENTS, event)


def vital_signs(event: Event, context: Any) -> Answer:  # noqa: ARG001 - the signature of a handler
    """Device readings."""
    return _receive(names.HUB_VITAL_SIGNS, event)


def safety_reports(event: Event, context: Any) -> Answer:  # noqa: ARG001 - the signature of a handler
    """Adverse event reports: landed and judged; they become nobody's record."""
    return _receive(names.HUB_SAFETY_REPORTS, event)
