"""A raw line expanded to the resources it holds, each with the id, home and source version it will have for ever.

By stream and file a bundle is a replica of its source: ids are minted from (tenant, source, identity), where the identity
is `Type/id` of a relative or `urn:uuid:` address, the whole URL of an absolute one, or a hash of the content where
there is neither. The same line gives the same resources at every redelivery, in a rebuild and in Spark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from shared.domain.devices.observations import DeviceReadingError, to_observations
from shared.domain.fhir import json
from shared.domain.fhir.admission import Mode, Verdict, judge, marked
from shared.domain.fhir.dates import date_range, instant_text, parse_instant
from shared.domain.fhir.identity import Origin, ResourceKey, is_minted, parse_literal, patient_reference
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.resource_types import HOME_ELEMENT
from shared.domain.ingest.raw_line import GZIP_MAGIC, RawLine, gunzip_bounded, sha256_hex
from shared.domain.ingest.references import dangling, rewrite, service_base
from shared.domain.records import source_version
from shared.domain.safety.report import check_report
from shared.errors import InputError
from shared.names import RawZone

MAX_BUNDLE_ENTRIES: Final = 10_000
MAX_FUTURE: Final = timedelta(minutes=5)
_REPLICATED_BUNDLES: Final = (
    "transaction",
    "batch",
    "collection",
    "history",
    "searchset",
    "document",
    "message",
)
Validate = Callable[[dict[str, Any]], list[Issue]]


@dataclass(frozen=True, slots=True)
class Replica:
    """One resource of a line. `resource` is None for a deletion; `recorded_at` becomes meta.lastUpdated."""

    key: ResourceKey
    home: str
    resource: dict[str, Any] | None
    source_version: str
    recorded_at: str
    entry: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """What of a line goes to the dead letters: the entry (-1: the whole line), the stage, and why."""

    entry: int
    stage: str
    issues: tuple[Issue, ...]


@dataclass(slots=True)
class Expansion:
    """What a line came to. `unresolved` counts references to things that cannot be named.

    `tolerated` counts by rule the errors that replicas are recorded with, `reports` adverse event reports: they are nobody's
    record here, and stay in the lake.
    """

    replicas: list[Replica] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    unresolved: int = 0
    tolerated: Counter[str] = field(default_factory=Counter)
    reports: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    path: str
    full_url: str
    resource: dict[str, Any] | None
    deleted: str = ""
    last_known: dict[str, Any] | None = None
    tolerated: tuple[Issue, ...] = ()


def expand(line: RawLine, validate: Validate, mode: Mode = Mode.QUARANTINE) -> Expansion:
    """Decode, validate, judge by the mode, and identify. Never raises for bad content: it comes back as set aside."""
    if "left-in-file" in line.properties:
        issue = error(
            "too-long",
            "The line is longer than 16 MB: its bytes are in the dropped file; split it.",
            rule="line-size",
        )
        return Expansion(set_aside=[SetAside(-1, "land", (issue,))])
    try:
        value = json.decode_object(_unwrapped(line.body))
    except InputError as refused:
        issues = refused.issues or (error("invalid", refused.text),)
        return Expansion(set_aside=[SetAside(-1, "decode", issues)])
    if line.zone == RawZone.SAFETY_REPORTS:
        return _expand_report(line, value)
    if line.zone == RawZone.VITAL_SIGNS and "resourceType" not in value:
        return _expand_reading(line, value)
    if value.get("resourceType") == "Bundle":
        return _expand_bundle(line, value, validate, mode)
    entry = _Entry(0, str(value.get("resourceType", "")), "", value)
    return _identify(line, [entry], validate, mode, whole=True)


def _unwrapped(body: bytes) -> bytes:
    if not body.startswith(GZIP_MAGIC):
        return body
    try:
        return gunzip_bounded(body)
    except ValueError:
        text = "The gzip is cut, damaged, or followed by something else."
        raise InputError(text, issues=[error("structure", text, rule="gzip")]) from None


def _expand_report(line: RawLine, report: dict[str, Any]) -> Expansion:
    arrived = parse_instant(line.landed_at)
    issues = check_report(report, arrived.date() if arrived else None)
    return Expansion(set_aside=[SetAside(-1, "validate", tuple(issues))]) if issues else Expansion(reports=1)


def _expand_reading(line: RawLine, reading: dict[str, Any]) -> Expansion:
    try:
        observations = to_observations(reading)
    except DeviceReadingError as refused:
        return Expansion(set_aside=[SetAside(-1, "validate", tuple(refused.issues))])
    entries = [
        _Entry(index, "Observation", f"urn:galen:reading:{each.identity}", each.resource)
        for index, each in enumerate(observations)
    ]
    # Our own mapping made these of a checked reading; a test validates what it makes of every metric.
    return _identify(line, entries, _valid_by_construction, Mode.REJECT, whole=True)


def _valid_by_construction(_: dict[str, Any]) -> list[Issue]:
    return []


def _expand_bundle(line: RawLine, bundle: dict[str, Any], validate: Validate, mode: Mode) -> Expansion:
    entries = bundle.get("entry", [])
    if bundle.get("type") not in _REPLICATED_BUNDLES:
        issue = error(
            "value", "Bundle.type is missing or not one that carries resources.", "Bundle.type", "bundle-type"
        )
        return Expansion(set_aside=[SetAside(-1, "validate", (issue,))])
    if not isinstance(entries, list) or len(entries) > MAX_BUNDLE_ENTRIES:
        issue = error(
            "too-costly", f"Bundle.entry must be a list of at most {MAX_BUNDLE_ENTRIES}.", "Bundle.entry"
        )
        return Expansion(set_aside=[SetAside(-1, "validate", (issue,))])
    unwrapped: list[_Entry] = []
    bad: list[SetAside] = []
    for index, entry in enumerate(entries):
        found = _unwrap(index, entry)
        if isinstance(found, _Entry):
            unwrapped.append(found)
        else:
            bad.append(found)
    closed = bundle["type"] == "transaction"
    whole = closed or mode is Mode.REJECT
    return _identify(line, unwrapped, validate, mode, whole=whole, closed=closed, bad=bad)


def _unwrap(index: int, entry: Any) -> _Entry | SetAside:
    path = f"Bundle.entry[{index}]"
    if not isinstance(entry, dict):
        return SetAside(index, "validate", (error("structure", "An entry must be a JSON object.", path),))
    asked = entry.get("request")
    request = asked if isinstance(asked, dict) else {}
    url, resource = str(entry.get("fullUrl", "")), entry.get("resource")
    if request.get("method") == "DELETE":
        last_known = resource if isinstance(resource, dict) else None
        return _Entry(index, path, url, None, deleted=str(request.get("url", "")), last_known=last_known)
    if not isinstance(resource, dict):
        issue = error("required", "An entry needs a resource, or a DELETE request.", f"{path}.resource")
        return SetAside(index, "validate", (issue,))
    return _Entry(index, f"{path}.resource", url, resource)


def _identify(
    line: RawLine,
    entries: list[_Entry],
    validate: Validate,
    mode: Mode,
    *,
    whole: bool,
    closed: bool = False,
    bad: list[SetAside] | None = None,
) -> Expansion:
    """Validated entries with final ids; `whole` lets one bad entry set the whole line aside.

    In a `closed` line a `urn:` reference names an entry, or the line is refused as the same transaction is by HTTP.
    """
    set_aside = list(bad or [])
    good: list[_Entry] = []
    for entry in entries:
        verdict = _judged(line, entry, validate, mode)
        if verdict.refused:
            set_aside.append(SetAside(entry.index, "validate", verdict.refused))
        else:
            good.append(replace(entry, tolerated=verdict.tolerated) if verdict.tolerated else entry)
    if set_aside and whole:
        every = tuple(issue for each in set_aside for issue in each.issues)
        return Expansion(set_aside=[SetAside(-1, "validate", every)])
    broken = tuple(_broken_links(good)) if closed else ()
    if broken:
        return Expansion(set_aside=[SetAside(-1, "validate", broken)])
    naming = _Naming(line, good)
    replicas = [replica for entry in good if (replica := naming.replica(entry))]
    tolerated = Counter(issue.rule for entry in good for issue in entry.tolerated)
    return Expansion(replicas, set_aside, naming.unresolved, tolerated)


def _broken_links(entries: list[_Entry]) -> Iterator[Issue]:
    held = {entry.full_url for entry in entries if entry.resource is not None}
    text = "A urn: reference names no entry of this transaction, and it can be found nowhere else."
    for entry in entries:
        for path in dangling(entry.resource, held):
            yield error("not-found", text, f"{entry.path}{path}", "reference-dangling")


def _judged(line: RawLine, entry: _Entry, validate: Validate, mode: Mode) -> Verdict:
    if entry.resource is None:
        if parse_literal(entry.deleted):
            return Verdict()
        text = "A DELETE needs a url of the form Type/id."
        return Verdict((error("value", text, f"{entry.path}.request.url"),))
    if entry.resource.get("resourceType") == "Bundle":
        return Verdict((error("not-supported", "A Bundle inside a Bundle is not replicated.", entry.path),))
    verdict = judge(validate(entry.resource), mode)
    if not verdict.refused and _is_ahead(line, entry.resource):
        text = "meta.lastUpdated is more than five minutes ahead of the time of arrival."
        ahead = error("business-rule", text, f"{entry.resource['resourceType']}.meta.lastUpdated", "future")
        verdict = Verdict((ahead,))
    if entry.path == entry.resource.get("resourceType"):
        return verdict
    return Verdict(tuple(issue.prefixed(entry.path) for issue in verdict.refused), verdict.tolerated)


def _sent_at(resource: dict[str, Any]) -> str:
    meta = resource.get("meta")
    sent = meta.get("lastUpdated") if isinstance(meta, dict) else None
    found = date_range(sent) if isinstance(sent, str) else None
    return found.lo if found else ""


def _is_ahead(line: RawLine, resource: dict[str, Any]) -> bool:
    sent, landed = _sent_at(resource), parse_instant(line.landed_at)
    return bool(sent and landed and sent > instant_text(landed + MAX_FUTURE))


class _Naming:
    """The final ids of one line's entries and of what they refer to."""

    def __init__(self, line: RawLine, entries: list[_Entry]) -> None:
        self._line = line
        self._origin = Origin(line.tenant, line.source)
        self._addresses = {
            entry.full_url: entry for entry in entries if entry.full_url and entry.resource is not None
        }
        self._names: dict[int, tuple[ResourceKey, str]] = {}
        self._open: set[int] = set()
        self._links: dict[str, str] | None = None
        self.unresolved = 0

    def replica(self, entry: _Entry) -> Replica | None:
        """The resource with its final id and references."""
        recorded_at = self._line.landed_at
        if entry.resource is None:
            return self._deletion(entry)
        key, home = self._name(entry)
        base = service_base(entry.full_url)

        def target(reference: str) -> str | None:
            found = self._target(reference, base, home)
            self.unresolved += found is None
            return found

        rewritten = marked(rewrite(entry.resource, target, self._internal()), flawed=bool(entry.tolerated))
        instant = _sent_at(entry.resource) or self._line.enqueued_at
        version = self._version(instant, entry)
        return Replica(key, home, {**rewritten, "id": key.id}, version, recorded_at, entry.index)

    def _version(self, instant: str, entry: _Entry) -> str:
        line = self._line
        delivery = sha256_hex(f"{line.stream}|{line.generation}|{line.partition}".encode())[:8]
        return source_version(instant, line.source, line.sequence, entry.index, delivery)

    def _deletion(self, entry: _Entry) -> Replica | None:
        literal = parse_literal(entry.deleted)
        assert literal is not None, "checked before"
        # Where the deleted thing follows a patient, the entry's resource (or its subject alone) says which one.
        home = self._home(entry, entry.last_known) if entry.last_known else ""
        reference = self._literal(literal[0], service_base(entry.full_url), home)
        key = ResourceKey(literal[0].type, reference.partition("/")[2])
        version = self._version(self._line.enqueued_at, entry)
        return Replica(key, key.address, None, version, self._line.landed_at, entry.index)

    def _internal(self) -> dict[str, str]:
        """fullUrl → final reference of the line's own entries."""
        if self._links is None:
            urls = (url for url in self._addresses if url.startswith("urn:"))
            self._links = {url: str(self._name(self._addresses[url])[0]) for url in urls}
        return self._links

    def _name(self, entry: _Entry) -> tuple[ResourceKey, str]:
        """Key and home of an entry; its patient is named first."""
        if entry.index in self._names:
            return self._names[entry.index]
        resource = entry.resource
        assert resource is not None
        type_ = resource["resourceType"]
        own = resource.get("id")
        if isinstance(own, str) and is_minted(own):
            key = ResourceKey(type_, own)
            named = key, self._home(entry, resource) or key.address
        else:
            identity = _identity(type_, own, entry.full_url) or f"content/{json.content_hash(resource)}"
            home = self._home(entry, resource) or self._origin.own_home(identity)
            named = ResourceKey(type_, self._origin.mint(identity, home)), home
        self._names[entry.index] = named
        return named

    def _home(self, entry: _Entry, resource: dict[str, Any]) -> str:
        """The home of the entry's patient, or the empty string."""
        reference = patient_reference(resource)
        if not reference or entry.index in self._open:
            return ""
        self._open.add(entry.index)
        target = self._target(reference, service_base(entry.full_url), "") or reference
        self._open.discard(entry.index)
        literal = parse_literal(target)
        return literal[0].address if literal and literal[0].type == "Patient" else ""

    def _target(self, reference: str, base: str, home: str) -> str | None:
        """The final `Type/id` of a reference, or None where it cannot be named and stays as it is."""
        inside = self._addresses.get(reference)
        literal = parse_literal(reference)
        if inside is None and literal and base:
            inside = self._addresses.get(f"{base}/{literal[0]}")
        if inside is not None:
            return str(self._name(inside)[0])
        return self._literal(literal[0], base, home) if literal else None

    def _literal(self, key: ResourceKey, base: str, home: str) -> str:
        """A thing not in this line: same naming, at the referring resource's home where its type follows patients."""
        if is_minted(key.id):
            return str(key)
        identity = f"{base}/{key}" if base else str(key)
        follows = home and key.type in HOME_ELEMENT
        return (
            f"{key.type}/{self._origin.mint(identity, home if follows else self._origin.own_home(identity))}"
        )


def _identity(type_: str, own_id: Any, full_url: str) -> str:
    """What an entry is called at its source; empty where it has no name of its own."""
    if full_url.startswith(("http://", "https://", "urn:galen:")):
        return full_url
    if full_url.startswith(("urn:uuid:", "urn:oid:")):
        return f"{type_}/{full_url.split(':', 2)[2]}"
    return f"{type_}/{own_id}" if isinstance(own_id, str) else ""
