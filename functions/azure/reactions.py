"""Reactions on Azure Functions: the change feed of the records, with a lease container.

Two functions with leases of their own, so that landing never waits for scoring. `feed_poll_delay` in milliseconds: the
default of five seconds alone would miss the goal of an alert within one. The endless retry policy holds the feed.
"""

import typing

import azure.functions as func

from shared import names

reactions = func.Blueprint()
_FEED: typing.Dict[str, typing.Any] = {
    "arg_name": "documents",
    "database_name": names.DATABASE,
    "container_name": names.RECORDS_CONTAINER,
    "connection": names.RECORDS_CONNECTION,
    "lease_database_name": names.DATABASE,
    "lease_container_name": names.LEASES_CONTAINER,
    "start_from_beginning": True,
}


@reactions.function_name("score")
@reactions.cosmos_db_trigger(
    lease_container_prefix="score", feed_poll_delay=100, max_items_per_invocation=2000, **_FEED
)
@reactions.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:01")
def score(documents: func.DocumentList) -> None:
    """Vital signs into scores and alerts."""
    from shared.bootstrap import services

    items = [dict(document) for document in documents]
    services().score_vitals.react(items)
    services().pulse.echo(items)


@reactions.function_name("land_commits")
@reactions.cosmos_db_trigger(
    lease_container_prefix="commits", feed_poll_delay=500, max_items_per_invocation=1000, **_FEED
)
@reactions.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:01")
def land_commits(documents: func.DocumentList) -> None:
    """What was committed by HTTP into the lake."""
    from shared.bootstrap import services

    services().land_commits.land([dict(document) for document in documents])
