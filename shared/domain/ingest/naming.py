"""The ids, homes and source versions of what one raw line holds, minted from (tenant, source, identity).

Nothing but the line decides: no record is looked up, so a redelivery, a rebuild and Spark name the same things the same.
That is why a DELETE, and what holds a reference, must say by itself whose a thing is that follows a patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.domain.fhir import json
from shared.domain.fhir.admission import marked
from shared.domain.fhir.dates import date_range
from shared.domain.fhir.identity import Origin, ResourceKey, is_minted, parse_literal, patient_reference
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.resource_types import HOME_ELEMENT
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from shared.domain.ingest.references import rewrite, service_base
from shared.domain.records import source_version


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
class Entry:
    """One thing a line says: a resource, or a deletion. `last_known` is what was deleted, as far as the line says it."""

    index: int
    path: str
    full_url: str
    resource: dict[str, Any] | None
    deleted: str = ""
    last_known: dict[str, Any] | None = None
    tolerated: tuple[Issue, ...] = ()


def sent_at(resource: dict[str, Any]) -> str:
    """The sortable instant of `meta.lastUpdated`, or the empty string."""
    meta = resource.get("meta")
    sent = meta.get("lastUpdated") if isinstance(meta, dict) else None
    found = date_range(sent) if isinstance(sent, str) else None
    return found.lo if found else ""


class Name(NamedTuple):
    """What a thing is called here, where it lives, and the home of the patient it is or follows; empty where of none."""

    key: ResourceKey
    home: str
    patient_home: str


class Naming:
    """The final ids of one line's entries and of what they refer to."""

    def __init__(self, line: RawLine, entries: list[Entry]) -> None:
        self._line = line
        self._origin = Origin(line.tenant, line.source)
        self._addresses = {
            entry.full_url: entry for entry in entries if entry.full_url and entry.resource is not None
        }
        self._names: dict[int, Name] = {}
        self._links: dict[str, str] | None = None
        self.unresolved = 0

    def replica(self, entry: Entry) -> Replica | None:
        """The resource with its final id and references."""
        recorded_at = self._line.landed_at
        if entry.resource is None:
            return self._deletion(entry)
        key, home, patient_home = self._name(entry)
        base = service_base(entry.full_url)

        def target(reference: str) -> str | None:
            found = self._target(reference, base, patient_home)
            self.unresolved += found is None
            return found

        rewritten = marked(rewrite(entry.resource, target, self._internal()), flawed=bool(entry.tolerated))
        instant = sent_at(entry.resource) or self._line.enqueued_at
        version = self._version(instant, entry)
        return Replica(key, home, {**rewritten, "id": key.id}, version, recorded_at, entry.index)

    def _version(self, instant: str, entry: Entry) -> str:
        line = self._line
        delivery = sha256_hex(f"{line.stream}|{line.generation}|{line.partition}".encode())[:8]
        return source_version(instant, line.source, line.sequence, entry.index, delivery)

    def _deletion(self, entry: Entry) -> Replica | None:
        literal = parse_literal(entry.deleted)
        assert literal is not None, "checked before"
        # Where the deleted thing follows a patient, the entry's resource (or its subject alone) says which one.
        home = self._home(entry, entry.last_known) if entry.last_known else ""
        key = literal[0]
        if not is_minted(key.id):
            key = self._minted(key, service_base(entry.full_url), home)
        version = self._version(self._line.enqueued_at, entry)
        return Replica(key, key.address, None, version, self._line.landed_at, entry.index)

    def _internal(self) -> dict[str, str]:
        """fullUrl → final reference of the line's own entries."""
        if self._links is None:
            urls = (url for url in self._addresses if url.startswith("urn:"))
            self._links = {url: str(self._name(self._addresses[url]).key) for url in urls}
        return self._links

    def _name(self, entry: Entry) -> Name:
        """The name of an entry; its patient is named first."""
        if entry.index in self._names:
            return self._names[entry.index]
        resource = entry.resource
        assert resource is not None
        type_ = resource["resourceType"]
        own = resource.get("id")
        patient_home = self._home(entry, resource)
        if isinstance(own, str) and is_minted(own):
            key = ResourceKey(type_, own)
            home = patient_home or key.address
        else:
            identity = _identity(type_, own, entry.full_url) or f"content/{json.content_hash(resource)}"
            home = patient_home or self._origin.own_home(identity)
            key = ResourceKey(type_, self._origin.mint(identity, home))
        named = self._names[entry.index] = Name(key, home, home if type_ == "Patient" else patient_home)
        return named

    def _home(self, entry: Entry, resource: dict[str, Any]) -> str:
        """The home of the entry's patient, or the empty string."""
        reference = patient_reference(resource)
        if not reference:
            return ""
        base = service_base(entry.full_url)
        inside = self._inside(reference, base)
        if inside is not None and inside.resource and inside.resource["resourceType"] != "Patient":
            return ""  # and whatever that follows is not asked: a chain of entries can be as long as the line
        literal = parse_literal(self._target(reference, base, "") or reference)
        return literal[0].address if literal and literal[0].type == "Patient" else ""

    def _inside(self, reference: str, base: str) -> Entry | None:
        """The entry of this line that a reference names."""
        inside = self._addresses.get(reference)
        literal = parse_literal(reference) if inside is None and base else None
        return self._addresses.get(f"{base}/{literal[0]}") if literal else inside

    def _target(self, reference: str, base: str, patient_home: str) -> str | None:
        """The final `Type/id` of a reference, or None where it cannot be named and stays as it is."""
        inside = self._inside(reference, base)
        if inside is not None:
            return str(self._name(inside).key)
        literal = parse_literal(reference)
        return self._literal(literal[0], base, patient_home) if literal else None

    def _literal(self, key: ResourceKey, base: str, patient_home: str) -> str | None:
        """A thing not in this line: same naming. What follows a patient is named by what has the same patient only."""
        if is_minted(key.id):
            return str(key)
        if key.type not in HOME_ELEMENT:
            return str(self._minted(key, base, ""))
        return str(self._minted(key, base, patient_home)) if patient_home else None

    def _minted(self, key: ResourceKey, base: str, home: str) -> ResourceKey:
        """The name at a home, or at its own."""
        identity = f"{base}/{key}" if base else str(key)
        return ResourceKey(key.type, self._origin.mint(identity, home or self._origin.own_home(identity)))


def _identity(type_: str, own_id: Any, full_url: str) -> str:
    """What an entry is called at its source; empty where it has no name of its own."""
    if full_url.startswith(("http://", "https://", "urn:galen:")):
        return full_url
    if full_url.startswith(("urn:uuid:", "urn:oid:")):
        return f"{type_}/{full_url.split(':', 2)[2]}"
    return f"{type_}/{own_id}" if isinstance(own_id, str) else ""
