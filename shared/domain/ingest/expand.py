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
from shared.domain.fhir.admission import Mode, Verdict, judge
from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.fhir.identity import is_minted, parse_literal
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.resource_types import HOME_ELEMENT
from shared.domain.ingest.naming import Entry, Naming, Replica, sent_at
from shared.domain.ingest.raw_line import GZIP_MAGIC, RawLine, gunzip_bounded
from shared.domain.ingest.references import dangling
from shared.domain.records import Door
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


def expand(line: RawLine, validate: Validate, mode: Mode = Mode.QUARANTINE) -> Expansion:
    """Decode, validate, judge by the mode, and identify. Never raises for bad content: it comes back as set aside."""
    if (
        line.door == Door.FILE and "left-in-file" in line.properties
    ):  # by stream a sender names its properties
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
    entry = Entry(0, str(value.get("resourceType", "")), "", value)
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
        Entry(index, "Observation", f"urn:galen:reading:{each.identity}", each.resource)
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
    unwrapped: list[Entry] = []
    bad: list[SetAside] = []
    for index, entry in enumerate(entries):
        found = _unwrap(index, entry)
        if isinstance(found, Entry):
            unwrapped.append(found)
        else:
            bad.append(found)
    unwrapped = list(_with_last_known(unwrapped))
    closed = bundle["type"] == "transaction"
    whole = closed or mode is Mode.REJECT
    return _identify(line, unwrapped, validate, mode, whole=whole, closed=closed, bad=bad)


def _unwrap(index: int, entry: Any) -> Entry | SetAside:
    path = f"Bundle.entry[{index}]"
    if not isinstance(entry, dict):
        return SetAside(index, "validate", (error("structure", "An entry must be a JSON object.", path),))
    asked = entry.get("request")
    request = asked if isinstance(asked, dict) else {}
    url, resource = str(entry.get("fullUrl", "")), entry.get("resource")
    if request.get("method") == "DELETE":
        last_known = resource if isinstance(resource, dict) else None
        return Entry(index, path, url, None, deleted=str(request.get("url", "")), last_known=last_known)
    if not isinstance(resource, dict):
        issue = error("required", "An entry needs a resource, or a DELETE request.", f"{path}.resource")
        return SetAside(index, "validate", (issue,))
    return Entry(index, f"{path}.resource", url, resource)


def _with_last_known(entries: list[Entry]) -> Iterator[Entry]:
    """A bundle of a history tells of a deletion beside what was deleted: under the same fullUrl."""
    held = {entry.full_url: entry.resource for entry in entries if entry.full_url and entry.resource}
    for entry in entries:
        bare = entry.deleted and entry.last_known is None
        yield replace(entry, last_known=held[entry.full_url]) if bare and entry.full_url in held else entry


def _identify(
    line: RawLine,
    entries: list[Entry],
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
    good: list[Entry] = []
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
    naming = Naming(line, good)
    replicas = [replica for entry in good if (replica := naming.replica(entry))]
    tolerated = Counter(issue.rule for entry in good for issue in entry.tolerated)
    return Expansion(replicas, set_aside, naming.unresolved, tolerated)


def _broken_links(entries: list[Entry]) -> Iterator[Issue]:
    held = {entry.full_url for entry in entries if entry.resource is not None}
    text = "A urn: reference names no entry of this transaction, and it can be found nowhere else."
    for entry in entries:
        for path in dangling(entry.resource, held):
            yield error("not-found", text, f"{entry.path}{path}", "reference-dangling")


def _judged(line: RawLine, entry: Entry, validate: Validate, mode: Mode) -> Verdict:
    if entry.resource is None:
        return Verdict(tuple(_deletion_issues(entry)))
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


def _deletion_issues(entry: Entry) -> Iterator[Issue]:
    literal = parse_literal(entry.deleted)
    if literal is None:
        text = "A DELETE needs a url of the form Type/id."
        yield error("value", text, f"{entry.path}.request.url")
        return
    key, known = literal[0], entry.last_known or {}
    if key.type in HOME_ELEMENT and not is_minted(key.id) and known.get("resourceType") != key.type:
        text = (
            f"A DELETE of a type that follows a patient needs the last known resource, or its resourceType and"
            f" {HOME_ELEMENT[key.type]} alone, as the entry's resource: send it again with that."
        )
        yield error("required", text, f"{entry.path}.resource", "delete-whose")


def _is_ahead(line: RawLine, resource: dict[str, Any]) -> bool:
    sent, landed = sent_at(resource), parse_instant(line.landed_at)
    return bool(sent and landed and sent > instant_text(landed + MAX_FUTURE))
