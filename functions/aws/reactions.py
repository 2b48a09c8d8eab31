"""Reactions on Lambda: the changes of the records' table, as its stream hands them over, in order for each home.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from typing import TYPE_CHECKING, Any

from functions.aws.batches import Answer, Event, answered, counted
from functions.needs import REACT
from shared import names

if TYPE_CHECKING:
    from shared.bootstrap import Services

NEEDS = {names.REACTIONS_FUNCTION: REACT}


def follow(services: "Services", event: Event) -> Answer:
    """React to a page of changes; from where Lambda must hand over again, if from anywhere."""
    from shared.bootstrap import table_changes

    records = event["Records"]
    first = records[0]["dynamodb"]["SequenceNumber"]
    return answered(first, lambda: services.reactions.take(table_changes(records, services.lake)))


def react(event: Event, context: Any) -> Answer:  # noqa: ARG001 - the signature of a handler
    """Vital signs into scores and alerts; what was committed by HTTP into the lake."""
    from shared.bootstrap import services

    return counted(services(), lambda: follow(services(), event))
