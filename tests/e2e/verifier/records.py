"""What is on record beside what was sent: 0 lost, 0 doubled, 0 stale, and every reference to the right patient."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from api import Api

SERIAL, VERSION = "urn:e2e:serial", "urn:e2e:version"


@dataclass
class Snapshot:
    """All resources by their serial, and the readings by device, code and time."""

    api: Api
    count: int = 0
    by_serial: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    readings: Counter[str] = field(default_factory=Counter)
    strangers: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, manifest: Any) -> Snapshot:
        """Pages through every type that was sent."""
        found, sent = cls(Api(manifest["url"], manifest["token"], manifest["page"])), manifest["resources"]
        for type_ in sorted({each["type"] for each in sent.values()} | {"Observation"}):
            for resource in found.api.all(type_):
                found.count += 1
                found.add(resource)
        return found

    def add(self, resource: Any) -> None:
        """Take one resource in."""
        serial = tag_of(resource, SERIAL)
        device = resource.get("device", {}).get("identifier", {}).get("value", "")
        if serial:
            self.by_serial[serial].append(resource)
        elif device:
            code = resource["code"]["coding"][0]["code"]
            self.readings[f"{device}|{code}|{resource['effectiveDateTime']}"] += 1
        else:
            self.strangers.append(f"{resource['resourceType']}/{resource['id']}")


def tag_of(resource: Any, system: str) -> str:
    """The code of the tag of a system."""
    tags = resource.get("meta", {}).get("tag", ())
    return next((tag["code"] for tag in tags if tag.get("system") == system), "")


def check_records(manifest: Any, snapshot: Snapshot) -> list[str]:
    """One finding for each thing that is not as it was sent."""
    findings = [f"never sent: {each}" for each in snapshot.strangers]
    findings += [
        f"never sent: {serial}" for serial in snapshot.by_serial if serial not in manifest["resources"]
    ]
    for serial, sent in manifest["resources"].items():
        findings += _resource(serial, sent, snapshot)
    expected = Counter(manifest["readings"])
    findings += [f"reading lost: {each}" for each in expected if not snapshot.readings[each]]
    findings += [f"reading doubled: {each}" for each, number in snapshot.readings.items() if number > 1]
    findings += [f"reading never sent: {each}" for each in snapshot.readings if each not in expected]
    if not findings:
        findings += _histories(manifest, snapshot)
    return findings


def _resource(serial: str, sent: Any, snapshot: Snapshot) -> list[str]:
    found = snapshot.by_serial.get(serial, [])
    if not found:
        return [f"lost ({sent['door']}): {serial}"]
    if len(found) > 1:
        return [f"doubled ({sent['door']}, {len(found)} times): {serial}"]
    resource, findings = found[0], []
    digest = _digest(resource)
    if sent["shared"] and digest not in sent["versions"]:
        findings.append(f"altered: {serial}")
    if not sent["shared"] and digest != sent["versions"][-1]:
        kind = "stale" if digest in sent["versions"] else "altered"
        findings.append(f"{kind} ({sent['door']}): {serial}")
    reference = (resource.get("subject") or resource.get("patient") or {}).get("reference", "")
    patients = snapshot.by_serial.get(sent["patient"], [])
    if reference and sent["patient"] and reference not in {f"Patient/{each['id']}" for each in patients}:
        findings.append(f"belongs to another patient: {serial}")
    return findings


def _histories(manifest: Any, snapshot: Snapshot) -> list[str]:
    """Of what was sent in several versions, every version is kept."""
    findings = []
    for serial, sent in manifest["resources"].items():
        if sent["shared"] or len(sent["versions"]) == 1:
            continue
        resource = snapshot.by_serial[serial][0]
        page = snapshot.api.get(f"/fhir/{resource['resourceType']}/{resource['id']}/_history?_count=100")
        kept = Counter(_digest(entry["resource"]) for entry in page["entry"])
        findings += [f"version lost: {serial}" for digest in sent["versions"] if not kept[digest]]
        findings += [f"version never sent: {serial}" for digest in kept if digest not in sent["versions"]]
        if sent["door"] == "http":
            findings += [f"version doubled: {serial}" for number in kept.values() if number > 1]
    return findings


def _digest(resource: Any) -> str:
    content = {name: value for name, value in resource.items() if name not in ("id", "meta", "identifier")}
    return hashlib.sha256(json.dumps(_plain(content), sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if name != "reference"}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
