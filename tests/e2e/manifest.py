"""What was sent, written down for the verifier: every resource with a serial of its own in its tags."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.patients import SHARED_TYPES, Bundle, patient_of

SERIAL, VERSION = "urn:e2e:serial", "urn:e2e:version"


@dataclass
class Sent:
    """One resource: the digests of its versions (newest last), and the serial of the patient it belongs to."""

    type: str
    door: str
    patient: str = ""
    shared: bool = False
    versions: list[str] = field(default_factory=list)


@dataclass
class Manifest:
    """Everything a verifier needs to know. `lake` is a folder or a bucket's address, `page` what it asks for at once."""

    url: str
    token: str
    lake: str
    page: int = 1000
    resources: dict[str, Sent] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    file_lines: Counter[str] = field(default_factory=Counter)
    readings: list[str] = field(default_factory=list)
    ill: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tagged(self, bundle: Bundle, prefix: str, door: str) -> Bundle:
        """The bundle with a serial in the tags of each resource, which is expected from now on."""
        owner = f"{prefix}:Patient/{patient_of(bundle)['id']}"
        entries = [
            {**entry, "resource": self.expect(entry["resource"], prefix, door, owner)}
            for entry in bundle["entry"]
        ]
        return {**bundle, "entry": entries}

    def expect(self, resource: dict[str, Any], prefix: str, door: str, owner: str) -> dict[str, Any]:
        """The next version of a resource, tagged with its serial and number."""
        serial = f"{prefix}:{resource['resourceType']}/{resource['id']}"
        shared = resource["resourceType"] in SHARED_TYPES
        with self.lock:
            sent = self.resources.setdefault(
                serial, Sent(resource["resourceType"], door, "" if shared else owner, shared)
            )
            number = 1 if shared else len(sent.versions) + 1
            tags = [tag for tag in resource["meta"]["tag"] if not tag["system"].startswith("urn:e2e:")]
            tags += [{"system": SERIAL, "code": serial}, {"system": VERSION, "code": str(number)}]
            tagged = {**resource, "meta": {**resource["meta"], "tag": tags}}
            digest = content_digest(tagged)
            if not shared or digest not in sent.versions:
                sent.versions.append(digest)
        return tagged

    def note_event(self, body: bytes) -> None:
        """An event is about to be sent, or sent again."""
        with self.lock:
            self.events[hashlib.sha256(body).hexdigest()] += 1

    def note_lines(self, lines: list[bytes]) -> None:
        """A file with these lines is about to be dropped."""
        with self.lock:
            self.file_lines.update(hashlib.sha256(line).hexdigest() for line in lines)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        plain = {
            name: getattr(self, name)
            for name in ("url", "token", "lake", "page", "events", "file_lines", "readings", "ill")
        }
        plain["resources"] = {serial: asdict(sent) for serial, sent in self.resources.items()}
        path.write_text(json.dumps(plain), "utf-8")


def content_digest(resource: dict[str, Any]) -> str:
    """A hash over the content without what the platform gives anew: id, meta and the targets of references."""
    content = {name: value for name, value in resource.items() if name not in ("id", "meta", "identifier")}
    # Digits count: 1.10 is not 1.1.
    exact = json.loads(json.dumps(content), parse_float=str)
    return hashlib.sha256(json.dumps(_plain(exact), sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if name != "reference"}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
