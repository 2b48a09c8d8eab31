"""Tells the app of each file dropped into `landing`: an Event Grid topic on the lake, delivered to the function `landing`.

What Event Grid gives up on after a day, the sweeper finds by comparing listing and ledger; so there is no dead letter here.
https://learn.microsoft.com/azure/event-grid/handler-functions
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import eventgrid, storage, web

from infra.components.azure.observability import Observability
from infra.config import Classification, StackConfig
from shared.names import LANDING_FILE_SYSTEM, LANDING_FUNCTION


@dataclass(frozen=True, slots=True)
class LandingSubscriptionArgs:
    """The account that is watched and the app that is told."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    account: storage.StorageAccount
    app: web.WebApp
    observability: Observability


class LandingSubscription(pulumi.ComponentResource):
    """Always the topic; the subscription once the app is published, for it needs the function to be there."""

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
                event_delivery_schema="EventGridSchema",
                destination=eventgrid.AzureFunctionEventSubscriptionDestinationArgs(
                    endpoint_type="AzureFunction",
                    resource_id=pulumi.Output.concat(args.app.id, "/functions/", LANDING_FUNCTION),
                    max_events_per_batch=1,
                ),
                filter=eventgrid.EventSubscriptionFilterArgs(
                    included_event_types=["Microsoft.Storage.BlobCreated"],
                    subject_begins_with=f"/blobServices/default/containers/{LANDING_FILE_SYSTEM}/blobs/",
                ),
                retry_policy=eventgrid.RetryPolicyArgs(
                    max_delivery_attempts=30, event_time_to_live_in_minutes=1440
                ),
                opts=child,
            )
        self.register_outputs({"topic_id": topic.id})
