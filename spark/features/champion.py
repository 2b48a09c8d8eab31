"""The model that a job asks: the champion in the lake, and the one that ships with the code where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.domain.models.artefact import PublishedModel, RefusedModel
from shared.domain.models.champion import Check, champion_in
from shared.domain.models.shipped import shipped_model
from spark.jobs.context import RunContext
from spark.jobs.tables import LOCAL


def champion(context: RunContext, name: str, check: Check) -> tuple[PublishedModel, list[str]]:
    """The model, and a note where the champion in the lake is refused, so that the shipped one is asked."""
    try:
        found = champion_in(lambda path: _read(context, path), name, check)
    except RefusedModel as refused:
        note = f"the champion of the model {name} is refused, the shipped one is asked: {refused}"
        return check(shipped_model(name)), [note]
    return found or check(shipped_model(name)), []


def _read(context: RunContext, path: str) -> bytes | None:
    """A small file of the lake, None where there is none."""
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


def is_there(context: RunContext, path: str) -> bool:
    """Whether the lake has a file or a folder of this path."""
    system, place = _opened(context, context.lake.uri(path))
    return bool(system.exists(place))


def _opened(context: RunContext, uri: str) -> tuple[Any, Any]:
    jvm: Any = context.spark._jvm
    place = jvm.org.apache.hadoop.fs.Path(uri)
    return place.getFileSystem(context.spark._jsparkSession.sessionState().newHadoopConf()), place
