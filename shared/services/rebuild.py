"""Rebuild everything from raw, into an empty container, through the same handlers, and compare it with what is live."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import parse_instant
from shared.domain.fhir.identity import ResourceKey
from shared.domain.ingest.chain import unpack
from shared.domain.records import Door, Item, Kind, Provenance, resource_item, tombstone_item
from shared.domain.scores.risk_assessment import without_counts
from shared.names import RawZone, Zone
from shared.ports.lake import Lake, LakeFile
from shared.ports.records import Compare, Query, Records
from shared.services.alert_writes import said
from shared.services.bodies import UNREADABLE, Bodies
from shared.services.chain_walk import walk_chains
from shared.services.ingest import Ingest
from shared.services.land_commits import read_commits
from shared.services.landing import Landed
from shared.services.replicate import Incoming, Replicate
from shared.services.score import ScoreVitals

CHUNK: Final = 500
Progress = Callable[[int], None]
_SHOWN_KINDS: Final = {Kind.CURRENT: "current versions", Kind.HISTORY: "history"}
_UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as raw says: what kind of difference, and where."""

    kind: str
    where: str


@dataclass(slots=True)
class Comparison:
    """What was compared, and every difference. `said`: versions of models' assessments; `replayed`: those made again.

    `compared` names what was, as far as the comparison has come.
    """

    files: int = 0
    current: int = 0
    history: int = 0
    assessments: int = 0
    alerts: int = 0
    said: int = 0
    replayed: int = 0
    compared: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


class Rebuild:
    """Reads raw and nothing else; writes only to the empty records it was given."""

    def __init__(
        self,
        raw: Lake,
        empty: Records,
        bodies: Bodies,
        ingest: Ingest,
        replicate: Replicate,
        scores: ScoreVitals,
    ) -> None:
        self._raw = raw
        self._empty = empty
        self._bodies = bodies
        self._ingest = ingest
        self._replicate = replicate
        self._scores = scores

    def run(self, result: Comparison, progress: Progress = lambda _: None) -> None:
        """Fill the empty records. Raw files that are damaged, missing or misnamed are differences.

        Raises Busy and Unavailable where a store does not answer: nothing is wrong with what it holds.
        """
        damaged = set()
        for fault in walk_chains(self._raw, read=True):
            damaged.add(fault.path)
            result.differences.append(Difference(f"raw file {fault.kind}", fault.path))
        for file in self._raw.list(str(Zone.RAW)):
            if file.path.endswith("/_head"):
                continue
            result.files += 1
            progress(result.files)
            try:
                self._file(file, result)
            except UNREADABLE:
                if file.path not in damaged:
                    result.differences.append(Difference("raw file unreadable", file.path))
        self._score()

    def _file(self, file: LakeFile, result: Comparison) -> None:
        data = self._raw.read(file.path)
        if file.path.startswith(f"{Zone.RAW}/{RawZone.COMMITS}/"):
            self._commits(file, data, result)
            return
        lines = unpack(data)
        for start in range(0, len(lines), CHUNK):
            part = lines[start : start + CHUNK]
            self._ingest.handle(
                [Landed(line, file.path, start + number) for number, line in enumerate(part, 1)]
            )

    def _commits(self, file: LakeFile, data: bytes, result: Comparison) -> None:
        items = []
        named = []
        for line in read_commits(data):
            item = commit_item(line)
            named.append(f"{line['type']}/{line['id']}/{line['version']}")
            if item["version"] != line["version"]:
                result.differences.append(Difference("commit line altered", f"{file.path} {named[-1]}"))
                continue
            items.append(item)
        expected = hashlib.sha256("\n".join(named).encode()).hexdigest()
        if not file.path.endswith(f"/{expected}.ndjson.gz"):
            result.differences.append(Difference("commit file altered", file.path))
        self._replicate.apply(Incoming(item, None) for item in items)

    def _score(self) -> None:
        """The reactions, in the order in which things were recorded."""
        items = self._empty.query(Query(Kind.CURRENT, None, None, order_by="lastUpdated"))
        batch: list[Item] = []
        for item in items:
            if batch and item["lastUpdated"] != batch[-1]["lastUpdated"]:
                self._scores.react(batch)
                batch = []
            batch.append(item)
        self._scores.react(batch)


def commit_item(line: dict[str, Any]) -> Item:
    """The item that a commit line says was committed."""
    key = ResourceKey(line["type"], line["id"])
    origin = Provenance(
        Door.HTTP,
        line["source_version"],
        line["last_updated"],
        line["client"],
        line["traceparent"],
        line["request_sha256"],
    )
    if line["deleted"]:
        return tombstone_item(line["tenant"], line["home"], key, origin)
    return resource_item(line["tenant"], line["home"], json.decode_object(line["body"]), key, origin)


def compare(
    live: Records, live_bodies: Bodies, rebuilt: Records, rebuilt_bodies: Bodies, result: Comparison
) -> None:
    """Add every difference between what is live and what was rebuilt. Raises Busy and Unavailable."""
    for kind, words in _SHOWN_KINDS.items():
        ours = dict(_fingerprints(rebuilt, rebuilt_bodies, kind))
        theirs = dict(_fingerprints(live, live_bodies, kind))
        setattr(result, kind.value, len(theirs))
        _differ(kind.value, theirs, ours, result)
        result.compared.append(words)
    _compare_scores(live, live_bodies, rebuilt, rebuilt_bodies, result)
    result.compared.append("early warning scores and their alerts")


def _differ(what: str, live: dict[str, str], rebuilt: dict[str, str], result: Comparison) -> None:
    for where in sorted(live.keys() | rebuilt.keys()):
        if where not in live:
            result.differences.append(Difference(f"{what}: in raw, not on record", where))
        elif where not in rebuilt:
            result.differences.append(Difference(f"{what}: on record, not in raw", where))
        elif live[where] != rebuilt[where]:
            result.differences.append(Difference(f"{what}: differs from raw", where))


def _fingerprints(records: Records, bodies: Bodies, kind: Kind) -> Iterator[tuple[str, str]]:
    scored = Compare("door", "!=", Door.SCORE)
    for item in records.query(Query(kind, None, None, (scored,))):
        where = _name(item)
        if kind is Kind.HISTORY:
            where += f"/_history/{item.get('version')}"
        facts = (
            *(item.get(each) for each in ("version", "lastUpdated", "sv", "deleted")),
            _body(bodies, item),
        )
        index = json.encode(item.get("ix", {}))
        yield where, hashlib.sha256(repr((facts, index)).encode()).hexdigest()


def _body(bodies: Bodies, item: Item) -> str:
    try:
        return bodies.text(item)
    except UNREADABLE:
        return _UNREADABLE


def _compare_scores(
    live: Records, live_bodies: Bodies, rebuilt: Records, rebuilt_bodies: Bodies, result: Comparison
) -> None:
    """Current state only. What was raised before the window of readings began stays where it is live, and is left out."""
    scored = (Compare("door", "=", Door.SCORE), Compare("type", "=", "RiskAssessment"))
    query = Query(Kind.CURRENT, None, None, scored)
    theirs = {_name(item): _content(live_bodies, item) for item in live.query(query)}
    ours = {_name(item): _content(rebuilt_bodies, item) for item in rebuilt.query(query)}
    result.assessments = len(theirs)
    differ_where_both("risk assessment", theirs, ours, result)
    their_alerts, our_alerts = AlertsOnRecord(live), AlertsOnRecord(rebuilt)
    result.alerts = len(their_alerts.items) + len(their_alerts.unreadable)
    result.differences += (Difference("alert: unreadable", name) for name in sorted(their_alerts.unreadable))
    differ_where_both("alert", their_alerts.texts(), our_alerts.texts(but=their_alerts.unreadable), result)


class AlertsOnRecord:
    """The alerts in records by tenant and id; `unreadable` names those that were altered until they are none."""

    def __init__(self, records: Records) -> None:
        self.items: dict[str, Item] = {}
        self.unreadable: set[str] = set()
        for item in records.query(Query(Kind.ALERT, None)):
            name = f"{item['tenant']} {item['id']}"
            if _is_alert(item):
                self.items[name] = item
            else:
                self.unreadable.add(name)

    def of(self, model: str) -> dict[str, Item]:
        """Those that a model or a rule raised."""
        return {name: item for name, item in self.items.items() if item["alert"]["model"] == model}

    def texts(self, model: str | None = None, *, but: AbstractSet[str] = frozenset()) -> dict[str, str]:
        """What they say, of all models or of one, whoever has seen them."""
        items = self.items if model is None else self.of(model)
        return {name: json.encode(said(item)) for name, item in items.items() if name not in but}


def _is_alert(item: Item) -> bool:
    alert = item.get("alert")
    texts = ("model", "patient", "severity", "status", "began_at")
    if not isinstance(alert, dict) or not all(isinstance(alert.get(name), str) for name in texts):
        return False
    return parse_instant(alert["began_at"]) is not None


def differ_where_both(what: str, live: dict[str, str], rebuilt: dict[str, str], result: Comparison) -> None:
    """Adds what was rebuilt and is not live, or otherwise."""
    for where in sorted(rebuilt):
        if where not in live:
            result.differences.append(Difference(f"{what}: follows from raw, not on record", where))
        elif live[where] != rebuilt[where]:
            result.differences.append(Difference(f"{what}: differs from what follows from raw", where))


def _name(item: Item) -> str:
    """Tenant and reference; of an altered record what is left of it."""
    return f"{item['tenant']} {item.get('type')}/{item.get('rid')}"


def _content(bodies: Bodies, item: Item) -> str:
    """What it says, without how many values did not count: that depends on what had come when it was scored."""
    try:
        return json.content_hash(without_counts(json.decode_object(bodies.text(item))))
    except UNREADABLE:
        return _UNREADABLE
