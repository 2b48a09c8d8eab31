"""Blobs as trigger input: which function a path belongs to, and what it is handed.

Path patterns: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger#blob-name-patterns;
metadata as webjobs storage
`BlobTriggerBinding.cs` gives it. The whole blob is read into memory, as the Python worker gets it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from local.host.checkpoints import blob_service
from local.host.engine import Datum, FunctionDefinition
from local.host.event_hub_metadata import iso_utc
from local.host.settings import connection, resolve

_NAME = re.compile(r"\{([^{}]+)\}")


def path_parameters(pattern: str, path: str) -> dict[str, str] | None:
    """Values of the pattern's names in `container/blob`, None if the path does not fit."""
    text, position, names = "", 0, []
    for found in _NAME.finditer(pattern):
        text += re.escape(pattern[position : found.start()])
        names.append(found[1])
        text += "(.+?)" if found.end() < len(pattern) else "(.+)"
        position = found.end()
    match = re.fullmatch(text + re.escape(pattern[position:]), path, re.DOTALL)
    return dict(zip(names, match.groups(), strict=True)) if match else None


def read_blob_input(function: FunctionDefinition, path: str) -> tuple[Datum, dict[str, Datum]] | None:
    """Content and metadata of the blob, None if it does not fit the function's path or is gone. Blocks."""
    from azure.core.exceptions import ResourceNotFoundError

    parameters = path_parameters(resolve(str(function.trigger["path"])), path)
    if parameters is None:
        return None
    container, _, name = path.partition("/")
    service = blob_service(connection(str(function.trigger.get("connection") or "Storage")))
    blob = service.get_blob_client(container, name)
    try:
        download = blob.download_blob()
        content = download.readall()
    except ResourceNotFoundError:
        return None
    metadata = _metadata(path, blob.url, download.properties)
    metadata.update({name: Datum(value, "string") for name, value in parameters.items()})
    return Datum(content, "bytes"), metadata


def _metadata(path: str, url: str, properties: Any) -> dict[str, Datum]:
    described = {
        "ContentLength": properties.size,
        "ETag": properties.etag,
        "LastModified": iso_utc(properties.last_modified),
        "ContentType": properties.content_settings.content_type,
    }
    return {
        "BlobTrigger": Datum(path, "string"),
        "Uri": Datum(url, "string"),
        "Properties": Datum(json.dumps(described), "json"),
        "Metadata": Datum(json.dumps(dict(properties.metadata or {})), "json"),
    }
