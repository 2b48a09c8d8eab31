"""The whole platform in one process over stores in memory that can fail, with a clock that stands."""

from __future__ import annotations

import dataclasses
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from shared.adapters.memory.clock import MemoryClock, SeededRandomness
from shared.adapters.memory.faults import Failure, FaultyLake, FaultyRecords, Script
from shared.adapters.memory.lake import MemoryLake
from shared.adapters.memory.records import MemoryRecords
from shared.adapters.memory.streams import MemoryStreams
from shared.adapters.process.jobs import ProcessJobs
from shared.bootstrap import Adapters, Services
from shared.domain.access.caller import Caller
from shared.domain.access.scopes import parse_scopes
from shared.domain.fhir import json
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.validator import R4Validator
from shared.domain.ingest.stream_record import StreamRecord
from shared.domain.records import Item
from shared.names import HUB_CLINICAL_EVENTS
from shared.ports.validator import Validator
from shared.services.fact_reader import FactReader
from shared.services.rebuild import Comparison, Rebuild, compare
from shared.services.rebuild_models import ModelReplay, ReplayClock, ask_onset, compare_models
from shared.services.replicate import Replicate
from shared.services.said_by_models import ModelsOfThen, Said
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
TENANT = "ward"
VITAL_SIGNS = [
    {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                "code": "vital-signs",
            }
        ]
    }
]
START = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))


class Killed(BaseException):
    """The process is gone: nothing catches this, and every later call of it fails too."""


class Lenient:
    """Takes every resource of a known type: for tests of what happens to resources, not of what they hold."""

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        if not isinstance(resource.get("resourceType"), str):
            return [error("structure", "resourceType is missing.", "resourceType")]
        return []


class Stores:
    """What outlives a process."""

    def __init__(self, clock: MemoryClock | None = None) -> None:
        self.clock = clock or MemoryClock(START)
        self.records = MemoryRecords()
        self.lake = MemoryLake(self.clock)
        self.dropped = MemoryLake(self.clock)
        self.streams = MemoryStreams()


class World(Services):
    """One process over stores; a second one over the same stores is another instance, or the next after a crash."""

    def __init__(
        self, stores: Stores | None = None, *, validator: Validator | None = None, seed: int = 7
    ) -> None:
        self.stores = stores or Stores()
        self.script = Script()
        self.moving = self.stores.clock
        adapters = Adapters(
            records=FaultyRecords(self.stores.records, self.script),
            lake=FaultyLake(self.stores.lake, self.script),
            dropped=FaultyLake(self.stores.dropped, self.script),
            streams=self.stores.streams,
            jobs=ProcessJobs(""),
            validator=validator or Lenient(),
            clock=self.stores.clock,
            randomness=SeededRandomness(seed),
        )
        super().__init__(Settings(link_key="k" * 32, default_tenant=TENANT), adapters)

    def send(self, *bodies: bytes | dict[str, Any], first: int = 0, hub: str = HUB_CLINICAL_EVENTS) -> Any:
        """Bodies through the stream door, as one batch of partition 0."""
        return self.stream_door.receive(hub, "0", events(bodies, first=first, at=self.clock.now()))

    def drop(self, path: str, *chunks: bytes) -> str:
        """A file in the landing file system."""
        self.stores.dropped.put(path, b"".join(chunks))
        return path

    def current(self, type_: str = "") -> list[Item]:
        """Current, not deleted items straight from the store."""
        return [
            item
            for item in self.stores.records.every()
            if item["kind"] == "current" and not item["deleted"] and type_ in ("", item["type"])
        ]

    def kinds(self, kind: str) -> list[Item]:
        """All items of a kind."""
        return [item for item in self.stores.records.every() if item["kind"] == kind]

    def react(self, since: int = 0) -> int:
        """What the change feed does: score and land what changed; the new position."""
        changes = self.stores.records.changes[since:]
        self.score_vitals.react(changes)
        self.land_commits.land(changes)
        return since + len(changes)

    def kill_at(self, number: int, *, after: bool = False) -> None:
        """Die at the N-th store write from now (from 1), before it or right after it was applied."""
        left = number
        dead = False

        def plan(_name: str, writes: bool) -> Failure | None:
            nonlocal left, dead
            if dead:
                return Failure(Killed())
            left -= writes
            if writes and left == 0:
                dead = True
                return Failure(Killed(), applied=after)
            return None

        self.script.plan = plan

    def rebuilt(self) -> Comparison:
        """Everything made anew from raw and compared with what is live."""
        empty = World(Stores(self.moving), validator=self.adapters.validator)
        # Raw is read, bodies and dead letters go to the empty side.
        ingest, scores = empty.ingest, empty.score_vitals
        replicate = Replicate(empty.records, empty.intents.writer, empty.bodies)
        result = Comparison()
        Rebuild(self.lake, empty.records, empty.bodies, ingest, replicate, scores).run(result)
        compare(self.stores.records, self.bodies, empty.stores.records, empty.bodies, result)
        theirs = Said.of(self.stores.records, self.bodies)
        replay = World(Stores(MemoryClock(self.clock.now())), validator=self.adapters.validator)
        clock = ReplayClock(self.clock.now())
        replay.adapters = dataclasses.replace(replay.adapters, clock=clock)
        replay.models = ModelsOfThen(theirs, self.models, clock)
        again = Replicate(replay.records, replay.intents.writer, replay.bodies)
        reactions = (replay.score_sepsis.react, replay.score_readmission.react, replay.watch_falls.react)
        replayed = ModelReplay(empty.records, empty.bodies, replay.records, again, clock)
        replayed.run(reactions, theirs, replay.score_sepsis.at_the_hour)
        ours = Said.of(replay.records, replay.bodies)
        ask_onset(theirs, replay.models, FactReader(empty.records, empty.intents.writer, empty.bodies), ours)
        compare_models(self.stores.records, replay.records, theirs, ours, result)
        return result


def events(bodies: Iterable[bytes | dict[str, Any]], *, first: int = 0, at: datetime) -> list[StreamRecord]:
    """Bodies as events of one partition."""
    raw = (body if isinstance(body, bytes) else json.encode(body).encode() for body in bodies)
    return [StreamRecord(body, first + number, at.astimezone(UTC)) for number, body in enumerate(raw)]


def caller(scope: str = "system/*.cruds", *, client: str = "gateway", tenant: str = TENANT) -> Caller:
    """Somebody with a token."""
    return Caller(client, tenant, parse_scopes(scope))


def anyone(_type: str, _interaction: str) -> None:
    """Authorises everything."""


def real_validator() -> Validator:
    """The product's own."""
    return R4Validator(best_practice=False)


@cache
def _sample() -> dict[str, dict[str, Any]]:
    with tarfile.open(ROOT / "local/demo/patients.tar.xz") as archive:
        members = [member for member in archive if member.isfile()]
        return {member.name: json.decode_object(archive.extractfile(member).read()) for member in members}  # type: ignore[union-attr]


def synthea_bundles() -> list[dict[str, Any]]:
    """The real Synthea patients that ship with the project, smallest first."""
    return sorted(_sample().values(), key=lambda bundle: len(bundle["entry"]))


def large_transaction(entries: int = 300) -> dict[str, Any]:
    """A transaction of at least so many entries: real patients one after another."""
    gathered: list[Any] = []
    for bundle in reversed(synthea_bundles()):
        gathered += bundle["entry"]
        if len(gathered) >= entries:
            break
    return {"resourceType": "Bundle", "type": "transaction", "entry": gathered}


def patient(id_: str | None = None, **more: Any) -> dict[str, Any]:
    """A valid Patient."""
    return {"resourceType": "Patient", **({"id": id_} if id_ else {}), "gender": "female", **more}


def observation(subject: str, id_: str | None = None, *, value: float = 80, **more: Any) -> dict[str, Any]:
    """A valid heart rate of `Patient/x` or another reference."""
    return {
        "resourceType": "Observation",
        **({"id": id_} if id_ else {}),
        "status": "final",
        "category": VITAL_SIGNS,
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": subject},
        "effectiveDateTime": "2026-03-29T01:00:00Z",
        "valueQuantity": {
            "value": value,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
        **more,
    }


def transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    """A transaction of entries."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def entry(method: str, url: str, resource: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One entry; `full_url` beside the request, everything else in it."""
    full_url = more.pop("full_url", "")
    return {
        **({"fullUrl": full_url} if full_url else {}),
        **({"resource": resource} if resource is not None else {}),
        "request": {"method": method, "url": url, **more},
    }
