"""Reactions on Azure Functions: the change feed of the records, with a lease container.

`feed_poll_delay` in milliseconds: the default of five seconds alone would miss the goal of an alert within one. The
endless retry policy holds the feed while a store is busy or unreachable, which is all that the handler raises.
"""

import typing

import azure.functions as func

from functions.needs import REACT, RINGS
from shared import names

reactions = func.Blueprint()
NEEDS = {names.REACTIONS_FUNCTION: (*REACT, RINGS)}


@reactions.function_name(names.REACTIONS_FUNCTION)
@reactions.cosmos_db_trigger(
    arg_name="documents",
    database_name=names.DATABASE,
    container_name=names.RECORDS_CONTAINER,
    connection=names.RECORDS_CONNECTION,
    lease_database_name=names.DATABASE,
    lease_container_name=names.LEASES_CONTAINER,
    lease_container_prefix="reactions",
    feed_poll_delay=100,
    max_items_per_invocation=1000,
    start_from_beginning=typing.cast(typing.Any, True),  # declared as a time, read as the flag it is
)
@reactions.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:01")
def react(documents: func.DocumentList) -> None:
    """Vital signs into scores and alerts; what was committed by HTTP into the lake."""
    from shared.bootstrap import services

    services().reactions.react([document.data for document in documents])
