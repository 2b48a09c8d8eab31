"""Look at the platform as a whole: lag of the streams, freshness of the layers, open dead letters, faults in the chains.

No look lists the whole lake: chains are walked where they grew and slice by slice, tables tell by their logs, and of what
was committed by HTTP two days are looked at. Dead letters are listed whole, five thousand a call: they are the exception.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import Chain, hub_chain
from shared.errors import Unavailable
from shared.names import (
    EXPECTATIONS_UNMET,
    HUB_RAW_ZONE,
    HUBS,
    LANDED_TO_GOLD,
    LANDED_TO_GOLD_P95,
    MODEL_OUT_OF_BOUNDS,
    MODEL_WATCH,
    QUALITY_RESULTS,
    TABLES,
    UPKEEP_OPERATIONS,
    Zone,
)
from shared.ports.clock import Clock
from shared.ports.lake import Lake, LakeFile
from shared.ports.meter import Meter
from shared.ports.streams import Streams
from shared.services.chain_walk import ChainFault, RecentWalk, RollingWalk
from shared.services.dead_letters import OPEN
from shared.services.fhir.intents import Intents
from shared.services.file_door import FileDoor
from shared.services.land_commits import LandCommits
from shared.services.landing import Landing
from shared.settings import Settings
from shared.telemetry import note

LAYERS: Final = (Zone.RAW, Zone.BRONZE, Zone.PROCESSED, Zone.CURATED)
FAULTS: Final = ("hole", "fork", "altered", "unnamed")
_COMMITS_READ: Final = 20
"""Upkeep adds some a day where nothing is written."""
_log = logging.getLogger("galen.watch")


class Watch:
    """Sets the gauges."""

    def __init__(
        self,
        lake: Lake,
        landing: Landing,
        files: FileDoor,
        commits: LandCommits,
        intents: Intents,
        streams: Streams,
        clock: Clock,
        *,
        meter: Meter,
        settings: Settings,
        stages: Sequence[str],
        rules: Callable[[], Mapping[str, int]],
    ) -> None:
        self._lake = lake
        self._landing = landing
        self._files = files
        self._commits = commits
        self._intents_of = intents
        self._streams = streams
        self._clock = clock
        self._meter = meter
        self._settings = settings
        self._stages = stages
        self._rules = rules
        self._recent = RecentWalk(lake)
        self._rolling = RollingWalk(lake, clock)
        self._faults: list[tuple[str, ChainFault]] = []
        self._newest: dict[str, str] = {}

    def look(self) -> None:
        """What costs little: the lag of the streams."""
        self._each(self._lag)

    def inspect(self) -> None:
        """What lists parts of the lake: chains, freshness, dead letters."""
        self._each(
            self._chains,
            self._freshness,
            self._landed_to_gold,
            self._expectations,
            self._models,
            self._dead_letters,
            self._intents,
            self._policies,
        )

    @staticmethod
    def _each(*parts: Callable[[], None]) -> None:
        """What cannot be reached now is looked at the next time."""
        for part in parts:
            try:
                part()
            except Unavailable as failure:
                note(_log, logging.WARNING, "not looked at", part=part.__name__, error=type(failure).__name__)

    def _hub_chains(self) -> Iterator[tuple[str, str, Chain, int]]:
        """Hub, partition, chain and the last sequence enqueued."""
        for hub in HUBS:
            positions, tenant = self._streams.positions(hub), self._settings.tenant_of(hub)
            for partition, last in positions.last.items():
                zone = HUB_RAW_ZONE[hub]
                yield (
                    hub,
                    partition,
                    hub_chain(zone, hub, positions.generation, tenant, partition),
                    last,
                )

    def _lag(self) -> None:
        for hub, partition, chain, last in self._hub_chains():
            lag = max(0, last - self._landing.end_of(chain))
            if chain.has_gaps:
                lag = min(lag, 1)  # no count of events, but whether any waits
            self._meter.gauge("galen_stream_lag_events", lag, hub=hub, partition=partition)

    def _chains(self) -> None:
        now = instant_text(self._clock.now())
        for _, _, chain, _ in self._hub_chains():
            faults = list(self._recent.run(chain, self._landing.near_end(chain)))
            self._faults += [(now, fault) for fault in faults]
            head = self._recent.head(chain)
            written = self._lake.look(head.path) if head else None
            if written:
                self._seen(Zone.RAW, written.modified_at)
        everywhere, whole_since = self._rolling.run()
        # What was found lately counts until a whole round that began later has looked there too.
        self._faults = [(at, fault) for at, fault in self._faults if at >= whole_since]
        faults_now = everywhere | Counter(fault.kind for _, fault in self._faults)
        for kind in {*FAULTS, *faults_now}:
            self._meter.gauge("galen_chain_faults", faults_now[kind], kind=kind)
        if faults_now:
            note(_log, logging.ERROR, "chain faults", number=faults_now.total())

    def _freshness(self) -> None:
        self._seen(Zone.RAW, self._files.last_landed_at(), self._commits.last_landed_at())
        for table in TABLES.values():
            layer = table.partition("/")[0]
            self._seen(layer, self._written_at(table, after=self._newest.get(layer, "")))
        for layer in LAYERS:
            if newest := self._newest.get(layer):
                age = self._clock.now() - datetime.fromisoformat(newest).astimezone(UTC)
                self._meter.gauge("galen_freshness_seconds", age.total_seconds(), layer=layer)

    def _landed_to_gold(self) -> None:
        """As the newest commit of its table that has it says; nothing where no run of the gold tables has measured it."""
        if seconds := self._said(LANDED_TO_GOLD, LANDED_TO_GOLD_P95):
            self._meter.gauge("galen_landed_to_gold_seconds", float(seconds), percentile="95")

    def _expectations(self) -> None:
        """By layer as the newest commit of the results that speaks of it says; nothing of a layer that nobody judged yet."""
        unmet: dict[str, float] = {}
        for file in self._commits_of(QUALITY_RESULTS):
            unmet = self._metadata_of(file).get(EXPECTATIONS_UNMET, {}) | unmet
        for layer, number in unmet.items():
            self._meter.gauge("galen_expectations_unmet", float(number), layer=layer)

    def _models(self) -> None:
        """As the newest commit of the table that has it says; nothing where no model was watched yet."""
        for kind, figures in (self._said(MODEL_WATCH, MODEL_OUT_OF_BOUNDS) or {}).items():
            self._meter.gauge("galen_model_out_of_bounds", float(figures), kind=kind)

    def _said(self, table: str, name: str) -> Any:
        """What the newest commit of a Delta table that says something under a name says; None where none does."""
        for file in self._commits_of(table):
            said = self._metadata_of(file)
            if name in said:
                return said[name]
        return None

    def _metadata_of(self, commit: LakeFile) -> dict[str, Any]:
        """What a job said with a commit."""
        return dict(json.loads(self._commit_info(commit).get("userMetadata") or "{}"))

    def _written_at(self, table: str, *, after: str) -> str:
        """When rows of a Delta table were last written, if after an instant: upkeep makes nothing fresh."""
        for file in self._commits_of(table):
            if file.modified_at <= after:
                break
            if self._commit_info(file).get("operation") not in UPKEEP_OPERATIONS:
                return file.modified_at
        return ""

    def _commits_of(self, table: str) -> list[LakeFile]:
        """The newest commits of a Delta table, newest first."""
        log = [file for file in self._lake.list(f"{table}/_delta_log") if file.path.endswith(".json")]
        return sorted(log, key=lambda file: file.path, reverse=True)[:_COMMITS_READ]

    def _commit_info(self, commit: LakeFile) -> dict[str, Any]:
        actions = map(json.loads, self._lake.read(commit.path).splitlines())
        return next((dict(action["commitInfo"]) for action in actions if "commitInfo" in action), {})

    def _seen(self, layer: str, *instants: str) -> None:
        self._newest[layer] = max([self._newest.get(layer, ""), *instants])

    def _dead_letters(self) -> None:
        open_ = Counter(
            file.metadata.get("stage", "")
            for file in self._lake.list(str(Zone.QUARANTINE))
            if file.metadata.get("status") == OPEN
        )
        for stage in {*self._stages, *open_}:
            self._meter.gauge("galen_dead_letters_open", open_[stage], stage=stage)

    def _intents(self) -> None:
        unfinished = self._intents_of.unfinished(instant_text(self._clock.now()))
        self._meter.gauge("galen_intents_open", sum(1 for _ in unfinished))

    def _policies(self) -> None:
        for rule, times in self._rules().items():
            self._meter.gauge("galen_policy_violations", times, rule=rule)
