"""The stream door on AWS: records to the streams, partition key the home of the patient, which is a hash of it.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

from local.delivery.parcels import Parcel
from shared.adapters.aws.connections import AwsPlace, client
from shared.settings import Settings

MOST_RECORDS: Final = 500
MOST_BYTES: Final = 4 << 20
"""Of one request, a little below the service's 5 MB."""
NO_KEY: Final = "0"
_AGAIN_S: Final = 0.1


class KinesisDoor:
    """Sends parcels in order per patient. `accepted` hears of what the stream took."""

    def __init__(self, settings: Settings, accepted: Callable[[list[Parcel]], None]) -> None:
        self._client = client("kinesis", AwsPlace(settings.region, settings.endpoint))
        self._streams = settings.streams
        self._accepted = accepted
        self._waiting: dict[str, list[Parcel]] = {}

    def __enter__(self) -> KinesisDoor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def send(self, parcel: Parcel) -> None:
        """Keep it until a request is full or `flush` is called."""
        waiting = self._waiting.setdefault(parcel.hub, [])
        size = sum(len(each.body) for each in waiting) + len(parcel.body)
        if waiting and (len(waiting) >= MOST_RECORDS or size > MOST_BYTES):
            self._leave(parcel.hub)
        self._waiting[parcel.hub].append(parcel)

    def flush(self) -> None:
        """Send what waits; everything sent before is accepted when this returns."""
        for hub in list(self._waiting):
            self._leave(hub)

    def _leave(self, hub: str) -> None:
        parcels, self._waiting[hub] = self._waiting[hub], []
        rest = parcels
        while rest:
            records = [{"Data": each.body, "PartitionKey": each.key or NO_KEY} for each in rest]
            told = self._client.put_records(StreamName=self._streams[hub], Records=records)["Records"]
            refused = {each.key for each, said in zip(rest, told, strict=True) if "ErrorCode" in said}
            # What follows a refused record of a patient goes again with it: a double is harmless, another order is not.
            rest = [each for each in rest if each.key in refused]
            if rest:
                time.sleep(_AGAIN_S)
        self._accepted(parcels)
