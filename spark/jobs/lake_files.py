"""Small files of the lake beside its tables, read, looked for and written by the file systems of the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spark.jobs.context import RunContext
from spark.jobs.tables import LOCAL


def read_file(context: RunContext, path: str) -> bytes | None:
    """The bytes at a lake path, None where nothing is."""
    uri = context.lake.uri(path)
    if uri.startswith(LOCAL):
        file = Path(uri.removeprefix(LOCAL))
        return file.read_bytes() if file.exists() else None
    system, place = _opened(context, uri)
    if not system.exists(place):
        return None
    stream = system.open(place)
    try:
        return bytes(context.spark._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
    finally:
        stream.close()


def write_file(context: RunContext, path: str, data: bytes) -> None:
    """Puts the bytes at a lake path, over what lies there."""
    uri = context.lake.uri(path)
    if uri.startswith(LOCAL):
        file = Path(uri.removeprefix(LOCAL))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return
    system, place = _opened(context, uri)
    stream = system.create(place, True)
    try:
        stream.write(bytearray(data))
    finally:
        stream.close()


def is_there(context: RunContext, path: str) -> bool:
    """Whether the lake has a file or a folder of this path."""
    system, place = _opened(context, context.lake.uri(path))
    return bool(system.exists(place))


def _opened(context: RunContext, uri: str) -> tuple[Any, Any]:
    jvm: Any = context.spark._jvm
    place = jvm.org.apache.hadoop.fs.Path(uri)
    return place.getFileSystem(context.spark._jsparkSession.sessionState().newHadoopConf()), place
