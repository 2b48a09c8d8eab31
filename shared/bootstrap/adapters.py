"""Which adapter stands behind each port, by the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from shared import names
from shared.adapters.system import SystemClock, SystemRandomness
from shared.domain.observability.meter import ProcessMeter
from shared.domain.records import Kind
from shared.ports.clock import Clock, Randomness
from shared.ports.jobs import Jobs
from shared.ports.lake import Lake
from shared.ports.live import LiveUpdates
from shared.ports.records import Records
from shared.ports.streams import Streams
from shared.ports.validator import Validator
from shared.services.reactions import Change
from shared.settings import AWS, Settings

_KEY_DIGITS: Final = 32


@dataclass(frozen=True)
class Adapters:
    """Every outside thing, as ports."""

    records: Records
    lake: Lake
    dropped: Lake
    streams: Streams
    jobs: Jobs
    validator: Validator
    clock: Clock
    randomness: Randomness
    live: LiveUpdates | None = None


def adapters_of(settings: Settings, meter: ProcessMeter | None = None) -> Adapters:
    """The ports on the cloud that the settings choose."""
    return aws_adapters(settings, meter) if settings.cloud == AWS else azure_adapters(settings, meter)


def azure_adapters(settings: Settings, meter: ProcessMeter | None = None) -> Adapters:
    """The ports on Azure, or on emulators that speak its protocols."""
    from shared.adapters.azure.connections import blob_service, event_hub_consumer, records_container
    from shared.adapters.azure.lake import DataLake
    from shared.adapters.azure.records import CosmosRecords
    from shared.adapters.azure.streams import EventHubsStreams

    blobs = blob_service(settings)
    return Adapters(
        records=CosmosRecords(records_container(settings), _busy_counter(meter)),
        lake=DataLake(blobs.get_container_client(names.LAKE_FILE_SYSTEM)),
        dropped=DataLake(blobs.get_container_client(names.LANDING_FILE_SYSTEM)),
        jobs=_jobs(settings),
        streams=EventHubsStreams(lambda hub: event_hub_consumer(settings, hub)),
        validator=_validator(),
        clock=SystemClock(),
        randomness=SystemRandomness(),
        live=_web_pubsub(settings) if settings.live_url else None,
    )


def _web_pubsub(settings: Settings) -> LiveUpdates:
    from shared.adapters.azure.connections import web_pubsub_token
    from shared.adapters.azure.live import WebPubSubLive

    return WebPubSubLive(settings.live_url, web_pubsub_token(settings))


def aws_adapters(settings: Settings, meter: ProcessMeter | None = None) -> Adapters:
    """The ports on AWS, or on an emulator that speaks its protocols."""
    from shared.adapters.aws.connections import AwsPlace, client
    from shared.adapters.aws.lake import S3Lake
    from shared.adapters.aws.live import ApiGatewayLive, LivePlace
    from shared.adapters.aws.records import DynamoRecords
    from shared.adapters.aws.streams import KinesisStreams

    place = AwsPlace(settings.region, settings.endpoint)
    files = client("s3", place)
    lake = S3Lake(files, settings.lake_bucket)
    table = client("dynamodb", place)
    return Adapters(
        records=DynamoRecords(table, settings.table, lake, on_busy=_busy_counter(meter)),
        lake=lake,
        dropped=S3Lake(files, settings.landing_bucket),
        jobs=_jobs(settings),
        streams=KinesisStreams(client("kinesis", place), settings.streams),
        validator=_validator(),
        clock=SystemClock(),
        randomness=SystemRandomness(),
        # Addresses are made here; a function of its own rings (shared/bootstrap/live.py).
        live=ApiGatewayLive(LivePlace(settings.live_url, key=settings.link_key), SystemClock())
        if settings.live_url
        else None,
    )


def table_changes(told: Iterable[Mapping[str, Any]], lake: Lake) -> list[Change]:
    """What a page of a DynamoDB stream tells of, in order; items that were removed are not told."""
    from shared.adapters.aws.stored import address_of, item_of

    images = ((each["dynamodb"]["Keys"], each["dynamodb"].get("NewImage")) for each in told)
    return [Change(*address_of(keys), partial(item_of, image, lake)) for keys, image in images if image]


def tenants_of_alerts(told: Iterable[Mapping[str, Any]]) -> list[str]:
    """Whose alerts a page of a DynamoDB stream tells of: the entries that number their changes."""
    from shared.adapters.aws.stored import address_of

    images = (each["dynamodb"].get("NewImage") or {} for each in told)
    return [address_of(image)[0] for image in images if image.get("k", {}).get("S") == Kind.TOLD]


def _busy_counter(meter: ProcessMeter | None) -> Callable[[], None]:
    def on_busy() -> None:
        if meter is not None:
            meter.count("galen_store_busy_total", store="records")

    return on_busy


def _validator() -> Validator:
    from shared.domain.fhir.validation.validator import R4Validator

    # What the specification merely recommends, such as a narrative, is true of nearly every resource there is.
    return R4Validator(best_practice=False)


def _jobs(settings: Settings) -> Jobs:
    """Where jobs run: a workspace, an application, or this machine."""
    new_key = partial(SystemRandomness().hex, _KEY_DIGITS)
    if settings.jobs_databricks:
        from shared.adapters.azure.connections import databricks_token
        from shared.adapters.databricks.jobs import DatabricksJobs

        token = databricks_token(settings) if not settings.jobs_token else lambda: settings.jobs_token
        return DatabricksJobs(settings.jobs_databricks, token, new_key)
    if settings.jobs_emr:
        from shared.adapters.emr.jobs import EmrPlace, EmrServerlessJobs
        from shared.adapters.emr.signature import of_environment

        place = EmrPlace(**settings.jobs_emr)
        return EmrServerlessJobs(place, partial(of_environment, os.environ), SystemClock(), new_key)
    from shared.adapters.process.jobs import ProcessJobs

    return ProcessJobs(settings.jobs_command)
