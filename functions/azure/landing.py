"""The file door on Azure Functions: Event Grid tells of a dropped file.

An Event Grid trigger, not a blob trigger: the latter hands the whole file to the worker in memory, and a file may have 1 GB.
"""

import azure.functions as func

from functions.needs import TAKE_FILES
from shared import names

landing = func.Blueprint()
NEEDS = {names.LANDING_FUNCTION: TAKE_FILES}
_PREFIX = f"/blobServices/default/containers/{names.LANDING_FILE_SYSTEM}/blobs/"


@landing.function_name(names.LANDING_FUNCTION)
@landing.event_grid_trigger(arg_name="event")
def dropped_file(event: func.EventGridEvent) -> None:
    """A file was written to `landing/<tenant>/`. What is lost here the sweeper finds."""
    from shared.bootstrap import services

    # Whatever the annotation says, an event in the CloudEvents schema is decoded as such, and has `type` instead.
    kind = getattr(event, "event_type", None) or getattr(event, "type", "")
    subject = event.subject or ""
    created = kind == "Microsoft.Storage.BlobCreated" and subject.startswith(_PREFIX)
    # The Data Lake endpoint tells of an empty file first, and again when it is flushed.
    if created and event.get_json().get("api") != "CreateFile":
        services().file_door.receive(subject.removeprefix(_PREFIX))
