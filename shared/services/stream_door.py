"""The stream door: a batch of events of one partition, landed and handled before the checkpoint may move."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import SHARD, hub_chain
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from shared.domain.ingest.stream_record import StreamRecord
from shared.domain.records import Door
from shared.errors import Unavailable
from shared.names import HUB_RAW_ZONE
from shared.ports.clock import Clock
from shared.ports.meter import Meter
from shared.ports.streams import Streams
from shared.services.ingest import Ingest, Tally
from shared.services.landing import Forked, Landed, Landing

ASKED_AGAIN_AFTER: Final = timedelta(seconds=10)
"""Sequences of Kinesis go on rising in a stream that was made anew, so nothing in a batch shows it. To delete a stream, make
it again and write to it takes longer than this."""


class StreamDoor:
    """Takes batches of the hubs. Each hub belongs to one tenant and one source by configuration, never by the event."""

    def __init__(
        self,
        landing: Landing,
        ingest: Ingest,
        streams: Streams,
        clock: Clock,
        meter: Meter,
        tenants: Mapping[str, str],
        source: str,
    ) -> None:
        self._landing = landing
        self._ingest = ingest
        self._streams = streams
        self._clock = clock
        self._meter = meter
        self._tenants = tenants
        self._source = source
        self._generations: dict[str, tuple[str, datetime]] = {}
        self._asking = {hub: threading.Lock() for hub in tenants}

    def receive(self, hub: str, partition: str, records: Sequence[StreamRecord]) -> Tally:
        """Land all, then record each good one and set each bad one aside.

        Returns only when nothing of the batch can be lost any more; raises Busy or Unavailable, and then the same batch
        must be handed over again.
        """
        if not records:
            return Tally()
        with self._meter.span("receive stream", records[0].traceparent, hub=hub, partition=partition):
            try:
                landed = self._land(hub, partition, records)
            except Forked:
                # The hub was made anew since we asked: its sequences began again.
                self._generations.pop(hub, None)
                landed = self._land(hub, partition, records)
            self._ages("galen_landing_seconds", landed)
            tally = self._ingest.handle(landed)
            self._ages("galen_recorded_seconds", landed)
            return tally

    def _ages(self, name: str, landed: Sequence[Landed]) -> None:
        now = self._clock.now()
        oldest = datetime.fromisoformat(min(each.line.enqueued_at for each in landed))
        self._meter.observe(name, (now - oldest).total_seconds(), door=Door.STREAM)

    def _land(self, hub: str, partition: str, records: Sequence[StreamRecord]) -> list[Landed]:
        generation, tenant = self._generation(hub, partition), self._tenants[hub]
        lines = [self._line(hub, partition, generation, tenant, record) for record in records]
        return self._landing.land(hub_chain(HUB_RAW_ZONE[hub], hub, generation, tenant, partition), lines)

    def _generation(self, hub: str, partition: str) -> str:
        """Of the hub as it is now. One whose sequences begin anew shows that by a fork; others are asked now and then."""
        return self._known_generation(hub, partition) or self._asked_generation(hub, partition)

    def _asked_generation(self, hub: str, partition: str) -> str:
        """Partitions that begin together wait for one question, and for one time-out where the hub does not answer."""
        asking = self._asking[hub]
        if not asking.acquire(blocking=False):
            with asking:
                known = self._known_generation(hub, partition)
            if known is None:
                raise Unavailable
            return known
        try:
            known = self._known_generation(hub, partition)
            if known is None:
                now = self._clock.now()
                known = self._streams.generation(hub)
                self._generations[hub] = (known, now)
            return known
        finally:
            asking.release()

    def _known_generation(self, hub: str, partition: str) -> str | None:
        generation, asked = self._generations.get(hub, (None, None))
        if asked is None or (partition.startswith(SHARD) and self._clock.now() - asked > ASKED_AGAIN_AFTER):
            return None
        return generation

    def _line(self, hub: str, partition: str, generation: str, tenant: str, record: StreamRecord) -> RawLine:
        return RawLine(
            tenant=tenant,
            door=Door.STREAM,
            zone=HUB_RAW_ZONE[hub],
            source=self._source,
            stream=hub,
            generation=generation,
            partition=partition,
            sequence=record.sequence,
            enqueued_at=instant_text(record.enqueued_at.astimezone(UTC)),
            landed_at="",
            sha256=sha256_hex(record.body),
            body=record.body,
            key=record.key,
            content_type=record.content_type,
            traceparent=record.traceparent,
            properties=record.properties,
        )
