"""Look at the platform as a whole: lag of the streams, freshness of the layers, open dead letters, faults in the chains."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import hub_chain
from shared.errors import Unavailable
from shared.names import HUB_RAW_ZONE, HUBS, Zone
from shared.ports.clock import Clock
from shared.ports.lake import Lake
from shared.ports.meter import Meter
from shared.ports.streams import Streams
from shared.services.dead_letters import OPEN
from shared.services.fhir.intents import Intents
from shared.services.landing import Landing
from shared.services.sweep import walk_chains
from shared.settings import Settings
from shared.telemetry import note

LAYERS: Final = (Zone.RAW, Zone.BRONZE, Zone.PROCESSED, Zone.CURATED)
STAGES: Final = ("land", "decode", "validate", "expand", "record")
FAULTS: Final = ("hole", "fork", "altered", "unnamed")
_log = logging.getLogger("galen.watch")


class Watch:
    """Sets the gauges."""

    def __init__(
        self,
        lake: Lake,
        landing: Landing,
        intents: Intents,
        streams: Streams,
        clock: Clock,
        meter: Meter,
        settings: Settings,
    ) -> None:
        self._lake = lake
        self._landing = landing
        self._intents_of = intents
        self._streams = streams
        self._clock = clock
        self._meter = meter
        self._settings = settings

    def look(self) -> None:
        """What costs little: the lag of the streams."""
        self._each(self._lag)

    def inspect(self) -> None:
        """What lists the lake: freshness, dead letters, chains."""
        self._each(self._freshness, self._dead_letters, self._intents, self._chains)

    @staticmethod
    def _each(*parts: Callable[[], None]) -> None:
        """What cannot be reached now is looked at the next time."""
        for part in parts:
            try:
                part()
            except Unavailable as failure:
                note(_log, logging.WARNING, "not looked at", part=part.__name__, error=type(failure).__name__)

    def _lag(self) -> None:
        for hub in HUBS:
            generation, tenant = self._streams.generation(hub), self._settings.tenant_of(hub)
            for partition, last in self._streams.last_sequences(hub).items():
                chain = hub_chain(HUB_RAW_ZONE[hub], hub, generation, tenant, partition)
                lag = max(0, last - self._landing.end_of(chain))
                self._meter.gauge("galen_stream_lag_events", lag, hub=hub, partition=partition)

    def _freshness(self) -> None:
        for layer in LAYERS:
            newest = max((file.modified_at for file in self._lake.list(str(layer))), default="")
            if newest:
                age = self._clock.now() - datetime.fromisoformat(newest).astimezone(UTC)
                self._meter.gauge("galen_freshness_seconds", age.total_seconds(), layer=layer)

    def _dead_letters(self) -> None:
        open_ = Counter(
            file.metadata.get("stage", "")
            for file in self._lake.list(str(Zone.QUARANTINE))
            if file.metadata.get("status") == OPEN
        )
        for stage in {*STAGES, *open_}:
            self._meter.gauge("galen_dead_letters_open", open_[stage], stage=stage)

    def _intents(self) -> None:
        unfinished = self._intents_of.unfinished(instant_text(self._clock.now()))
        self._meter.gauge("galen_intents_open", sum(1 for _ in unfinished))

    def _chains(self) -> None:
        faults = Counter(fault.kind for fault in walk_chains(self._lake))
        for kind in {*FAULTS, *faults}:
            self._meter.gauge("galen_chain_faults", faults[kind], kind=kind)
        if faults:
            note(_log, logging.ERROR, "chain faults", number=faults.total())
