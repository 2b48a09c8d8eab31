"""The whole of Galen on AWS: the same product, from the same code behind other bindings."""

from __future__ import annotations

from hashlib import sha256

import pulumi
import pulumi_aws as aws

from functions.needs import Access, Thing
from infra.components.aws.alarms import Alarms, Backups
from infra.components.aws.data_lake import ACCESS_LOGS, FAILURES, DataLake
from infra.components.aws.event_streams import EventStreams
from infra.components.aws.front import Front, FrontArgs
from infra.components.aws.function_plan import BELL_AGE_S, CHANGE_AGE_S, plans
from infra.components.aws.functions import ITEMS_ONLY, TOLD_ONLY, Functions, FunctionsArgs
from infra.components.aws.inference import Inference, InferenceArgs
from infra.components.aws.keys import ALARMS, LOGS, Keys
from infra.components.aws.live import Live
from infra.components.aws.network import Network
from infra.components.aws.observability import Observability
from infra.components.aws.records import Records
from infra.components.aws.reports import Reports
from infra.components.aws.rights import Place, Places, buckets
from infra.components.aws.schedules import Schedules, SchedulesArgs
from infra.components.aws.secrets import Secrets
from infra.components.aws.spark_jobs import SparkJobs
from infra.components.aws.surroundings import Surroundings
from infra.components.aws.users import Users
from infra.config import StackConfig
from shared.names import (
    CONNECTIONS_TABLE,
    HUBS,
    LAKE_FILE_SYSTEM,
    LANDING_FILE_SYSTEM,
    LIVE_HUB,
    REACTIONS_FUNCTION,
    RECORDS_CONTAINER,
)


def provision(config: StackConfig) -> None:
    """Declares every resource of one stack and exports what a deployment needs to know."""
    config.check()
    around = _surroundings(config)
    lake = DataLake(config.name("lake"), around)
    streams = EventStreams(config.name("streams"), around)
    records = Records(config.name("records"), around)
    secrets = Secrets(config.name("secrets"), around)
    live = Live(config.name("live"), around)
    places = _places(lake, streams, records, secrets, live)
    told = settings(config, lake, streams, records, live)
    functions = Functions(
        config.name("fn"),
        FunctionsArgs(
            around,
            plans(config.maximum_instances),
            places,
            told,
            secrets.arns,
            lake.buckets[FAILURES].arn,
            lake.key,
        ),
    )
    for hub in HUBS:
        functions.follow(hub.replace("-", "_"), hub, streams.streams[hub].arn)
    changes = records.table.stream_arn
    functions.follow(
        REACTIONS_FUNCTION, RECORDS_CONTAINER, changes, changes=ITEMS_ONLY, oldest_s=CHANGE_AGE_S
    )
    functions.follow("ring", RECORDS_CONTAINER, changes, changes=TOLD_ONLY, oldest_s=BELL_AGE_S)
    live.open(functions)
    front = Front(config.name("front"), FrontArgs(around, functions, lake.buckets[ACCESS_LOGS]))
    reports = Reports(config.name("reports"), around)
    jobs = SparkJobs(config.name("spark"), around, lake, places, reports)
    Schedules(
        config.name("clock"),
        SchedulesArgs(around, functions, jobs, lake.buckets[LANDING_FILE_SYSTEM].bucket),
    )
    Alarms(config.name("alarms"), around)
    Backups(config.name("backups"), around)
    Inference(config.name("models"), InferenceArgs(around, places, told, secrets.arns))
    users = Users(config.name("users"), around)
    pulumi.export("url", config.url)
    pulumi.export("distribution", front.host)
    pulumi.export("live", live.url)
    pulumi.export("issuer", users.issuer)
    pulumi.export("landing", lake.buckets[LANDING_FILE_SYSTEM].bucket)


def _surroundings(config: StackConfig) -> Surroundings:
    provider = aws.Provider(config.name("aws"), region=config.location)
    opts = pulumi.ResourceOptions(providers={"aws": provider})
    asked = pulumi.InvokeOptions(provider=provider)
    account = aws.get_caller_identity_output(opts=asked).account_id
    keys = Keys(config.name("keys"), config, account, opts)
    network = Network(config.name("private"), config, account, keys.of(LOGS), opts)
    observability = Observability(config.name("watch"), config, keys.of(LOGS), keys.always(ALARMS), opts)
    return Surroundings(config, account, network, observability, keys, opts)


def _places(
    lake: DataLake,
    streams: EventStreams,
    records: Records,
    secrets: Secrets,
    live: Live,
) -> Places:
    """Where the things are that functions need."""
    files: Places = dict(buckets(noun, bucket.arn, lake.key) for noun, bucket in lake.buckets.items())
    hubs: Places = {
        (Thing.STREAM, None, hub): Place((stream.arn,), streams.key)
        for hub, stream in streams.streams.items()
    }
    hidden: Places = {
        (Thing.SECRET, None, secret): Place((arn,), secrets.key) for secret, arn in secrets.arns.items()
    }
    return {
        **files,
        **hubs,
        **hidden,
        (Thing.RECORDS, None, RECORDS_CONTAINER): Place(
            (records.table.arn, pulumi.Output.concat(records.table.arn, "/index/*")), records.key
        ),
        (Thing.RECORDS, Access.FOLLOW, RECORDS_CONTAINER): Place((records.table.stream_arn,), records.key),
        (Thing.LIVE_UPDATES, None, LIVE_HUB): Place((live.callbacks_arn,)),
        (Thing.CONNECTIONS, None, CONNECTIONS_TABLE): Place((records.connections.arn,), records.key),
    }


def origin_access(config: StackConfig) -> pulumi.Input[str]:
    """By what the functions know CloudFront: a hash, because settings can be read by whoever may see a function."""
    if not config.origin_token:
        return "open"
    hashed = pulumi.Output.from_input(config.origin_token).apply(
        lambda token: sha256(token.encode()).hexdigest()
    )
    return pulumi.Output.unsecret(hashed)


def settings(
    config: StackConfig, lake: DataLake, streams: EventStreams, records: Records, live: Live
) -> dict[str, pulumi.Input[str]]:
    """The functions' settings: where each thing is."""
    return {
        "GALEN_CLOUD": "aws",
        "GALEN_TABLE": records.table.name,
        "GALEN_CONNECTIONS_TABLE": records.connections.name,
        "GALEN_LIVE_URL": live.url,
        "GALEN_LAKE_BUCKET": lake.buckets[LAKE_FILE_SYSTEM].bucket,
        "GALEN_LANDING_BUCKET": lake.buckets[LANDING_FILE_SYSTEM].bucket,
        "GALEN_STREAMS": pulumi.Output.json_dumps({hub: each.name for hub, each in streams.streams.items()}),
        "GALEN_METRICS_ACCESS": config.metrics_access,
        "GALEN_TRUSTED_ISSUERS": config.trusted_issuers,
        "GALEN_ORIGIN_ACCESS": origin_access(config),
        "GALEN_URL": config.url,
    }
