"""What the app asks Kinesis itself: creation times, and the last sequence of each shard.

Kinesis does not tell a shard's last sequence: it is read from records, the newest window first, each window eight times as
long as the one before, and once a sequence is known from there on.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any, Final

from shared.adapters.aws.errors import translated
from shared.errors import Busy, Unavailable
from shared.ports.streams import Positions

_WINDOWS_S: Final = tuple(2.0 * 8**step for step in range(7))
"""From two seconds to six days: an idle shard is asked eight times at first, a busy one once."""
_MOST_READ: Final = 10_000
NOTHING: Final = -1


class KinesisStreams:
    """The streams of one region, by the name of their hub. A partition is a shard, open or closed, that has not expired."""

    def __init__(
        self, client: Any, names: Mapping[str, str], *, now: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._names = names
        self._now = now
        self._known: dict[tuple[str, str, str], int] = {}
        self._lock = threading.Lock()

    def generation(self, hub: str) -> str:
        with _asked():
            about = self._client.describe_stream_summary(StreamName=self._names[hub])
        created_at = about["StreamDescriptionSummary"]["StreamCreationTimestamp"]
        return str(created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f"))

    def positions(self, hub: str) -> Positions:
        generation = self.generation(hub)
        last = {}
        for shard in self._shards(self._names[hub]):
            key = (hub, generation, shard)
            last[shard] = found = self._last(self._names[hub], shard, self._known.get(key, NOTHING))
            with self._lock:
                self._known[key] = max(found, self._known.get(key, NOTHING))
        return Positions(generation, last)

    def _shards(self, stream: str) -> Iterator[str]:
        how = {"StreamName": stream}
        while True:
            with _asked():
                page = self._client.list_shards(**how)
            yield from (str(shard["ShardId"]) for shard in page["Shards"])
            if not page.get("NextToken"):
                return
            how = {"NextToken": page["NextToken"]}

    def _last(self, stream: str, shard: str, known: int) -> int:
        starts: list[dict[str, Any]] = [
            {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self._now() - window} for window in _WINDOWS_S
        ]
        starts.append({"ShardIteratorType": "TRIM_HORIZON"})
        if known != NOTHING:
            after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(known)}
            starts = [starts[0], after]
        for start in starts:
            if (found := self._newest(stream, shard, start)) != NOTHING:
                return found
        return known

    def _newest(self, stream: str, shard: str, start: Mapping[str, Any]) -> int:
        """The last sequence from a place on, as far as there are records."""
        found = NOTHING
        with _asked():
            place = self._client.get_shard_iterator(StreamName=stream, ShardId=shard, **start)[
                "ShardIterator"
            ]
            while place:
                page = self._client.get_records(ShardIterator=place, Limit=_MOST_READ)
                if page["Records"]:
                    found = int(page["Records"][-1]["SequenceNumber"])
                if not page.get("MillisBehindLatest"):
                    break
                place = page.get("NextShardIterator")
        return found


@contextmanager
def _asked() -> Iterator[None]:
    """As `translated`; a stream that asks to wait counts as one that cannot be reached: the port knows no Busy."""
    try:
        with translated():
            yield
    except Busy as busy:
        raise Unavailable from busy
