"""The file door on Lambda: EventBridge tells of an object made in the landing bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from typing import TYPE_CHECKING, Any

from functions.aws.batches import Event, counted
from functions.needs import TAKE_FILES
from shared import names

if TYPE_CHECKING:
    from shared.bootstrap import Services

NEEDS = {names.LANDING_FUNCTION: TAKE_FILES}


def receive(services: "Services", event: Event) -> None:
    """Take up the file that an event tells of. Raises Busy and Unavailable, after which Lambda calls again."""
    if event["source"] == "aws.s3" and event["detail-type"] == "Object Created":
        # In these events a key is as it is; in those of S3's own notifications it would be quoted.
        services.file_door.receive(event["detail"]["object"]["key"])


def landing(event: Event, context: Any) -> None:  # noqa: ARG001 - the signature of a handler
    """A file was written to `<tenant>/`. What is lost here the sweeper finds."""
    from shared.bootstrap import services

    counted(services(), lambda: receive(services(), event))
