"""The jobs as a stream: what is landed goes through all layers as it comes, until the run is told to end.

Structured Streaming watches raw and says that files came; which files a batch has stays with bronze's ledger, and what is
new in a layer with the commits of the next, so that a lost checkpoint costs one pass and loses nothing.
https://spark.apache.org/docs/4.1.0/streaming/apis-on-dataframes-and-datasets.html#using-foreach-and-foreachbatch
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pyspark.sql.streaming.query import StreamingQuery

from shared.names import Zone
from spark.jobs.context import RunContext

CHECKPOINT: Final = f"{Zone.AUDIT}/checkpoints/live"
_LOOK_S: Final = 0.5


def follow(
    context: RunContext, one_pass: Callable[[], None], *, every_s: float, ended: threading.Event
) -> None:
    """Does a pass now and one whenever raw files came, at most every so many seconds; ends after the pass that is at work.

    What a pass raises ends the stream and is raised here.
    """
    raised: list[BaseException] = []

    def on_files(_frame: object, _batch: int) -> None:
        try:
            one_pass()
        except BaseException as failure:
            raised.append(failure)  # the JVM would hand on its text alone
            raise

    one_pass()
    query = _watch(context, on_files, every_s)
    try:
        while query.isActive and not ended.wait(_LOOK_S):
            pass
    finally:
        query.stop()
    if raised:
        raise raised[0]
    if query.exception() is not None:
        raise query.exception()


def _watch(context: RunContext, on_files: Callable[..., None], every_s: float) -> StreamingQuery:
    """The names of new files only: no batch reads what it is handed."""
    lake = context.lake
    if lake.is_local:
        (Path(lake.root) / Zone.RAW).mkdir(parents=True, exist_ok=True)
    landed = (
        context.spark.readStream.format("text")
        .option("recursiveFileLookup", "true")
        .option("pathGlobFilter", "*.ndjson.gz")
        .load(lake.uri(Zone.RAW))
    )
    return (
        landed.writeStream.queryName("galen-live")
        .option("checkpointLocation", lake.uri(CHECKPOINT))
        .trigger(processingTime=f"{round(every_s * 1000)} milliseconds")
        .foreachBatch(on_files)
        .start()
    )
