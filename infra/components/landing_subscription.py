"""Tells the app of each file dropped into `landing`: an Event Grid topic on the lake, delivered to the blob trigger.

A blob trigger with `source=EventGrid` is called through the host's own webhook, with the key of its blob extension:
https://learn.microsoft.com/azure/azure-functions/functions-event-grid-blob-trigger. What Event Grid gives up on after a
day, the sweeper finds by comparing listing and ledger; so there is no dead letter here.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import eventgrid, storage, web

from infra.components.observability import Observability
from infra.config import Classification, StackConfig
from shared.names import LANDING_FILE_SYSTEM

LANDING_FUNCTION = "landing"
"""The name of the blob-triggered function."""


@dataclass(frozen=True, slots=True)
class LandingSubscriptionArgs:
    """The account that is watched and the app that is told."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    account: storage.StorageAccount
    app: web.WebApp
    observability: Observability


class LandingSubscription(pulumi.ComponentResource):
    """Always the topic; the subscription once the app is published, because the webhook must answer when it is made."""

    def __init__(
        self, name: str, args: LandingSubscriptionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("galen:azure:LandingSubscription", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = eventgrid.SystemTopic(
            f"{name}-topic",
            resource_group_name=args.resource_group,
            location=args.config.location,
            source=args.account.id,
            topic_type="Microsoft.Storage.StorageAccounts",
            tags=args.config.tags(Classification.OPERATIONAL),
            opts=child,
        )
        args.observability.watch(name, topic.id)
        if args.config.subscribe_landing:
            eventgrid.SystemTopicEventSubscription(
                f"{name}-subscription",
                resource_group_name=args.resource_group,
                system_topic_name=topic.name,
                event_delivery_schema="CloudEventSchemaV1_0",
                destination=eventgrid.WebHookEventSubscriptionDestinationArgs(
                    endpoint_type="WebHook",
                    endpoint_url=_webhook(args),
                    minimum_tls_version_allowed="1.2",
                ),
                filter=eventgrid.EventSubscriptionFilterArgs(
                    included_event_types=["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"],
                    subject_begins_with=f"/blobServices/default/containers/{LANDING_FILE_SYSTEM}/blobs/",
                ),
                retry_policy=eventgrid.RetryPolicyArgs(
                    max_delivery_attempts=30, event_time_to_live_in_minutes=1440
                ),
                opts=child,
            )
        self.register_outputs({"topic_id": topic.id})


def _webhook(args: LandingSubscriptionArgs) -> pulumi.Output[str]:
    """The address of the blob trigger with its key, which Pulumi keeps encrypted."""
    keys = web.list_web_app_host_keys_output(name=args.app.name, resource_group_name=args.resource_group)
    key = pulumi.Output.secret(keys.system_keys.apply(lambda found: (found or {}).get("blobs_extension", "")))
    path = f"/runtime/webhooks/blobs?functionName=Host.Functions.{LANDING_FUNCTION}&code="
    return pulumi.Output.concat("https://", args.app.default_host_name, path, key)
