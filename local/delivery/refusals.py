"""What the platform refused of a stream or a file: its dead letters, matched with what was sent by their bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.delivery.account import Account, first_issue
from local.delivery.parcels import Parcel
from shared.bootstrap import Services
from shared.domain.fhir.identity import ResourceKey
from shared.domain.ingest.chain import unpack

_WHOLE_FILE = "landing/"


@dataclass(slots=True)
class _Sent:
    """What is kept of a parcel. `waits`: nothing of it can be found by search, so only a dead letter accounts for it."""

    name: str
    resources: int
    keys: dict[int, ResourceKey]
    waits: bool


@dataclass(slots=True)
class Refusals:
    """The dead letters of one delivery."""

    services: Services
    tenant: str
    since: str
    _by_digest: dict[str, _Sent] = field(default_factory=dict)
    _by_file: dict[str, list[_Sent]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _digests: dict[str, list[str]] = field(default_factory=dict)

    def expect(self, parcel: Parcel, file: str = "") -> None:
        """Remember a parcel that is about to be sent, or the file that it was dropped in."""
        waits = not parcel.keys and not parcel.gone and parcel.resources > 0
        digest = parcel.digest
        sent = self._by_digest.setdefault(digest, _Sent(parcel.name, parcel.resources, parcel.keys, waits))
        if file:
            self._by_file.setdefault(file, []).append(sent)

    def waiting(self) -> list[str]:
        """Names of what can only be accounted for by a dead letter and is not yet."""
        return [sent.name for sent in list(self._by_digest.values()) if sent.waits]

    def collect(self, account: Account) -> set[ResourceKey]:
        """Count the dead letters that are new; the keys that will therefore not be found."""
        gone: set[ResourceKey] = set()
        for letter in self.services.dead_letters.list(self.tenant):
            if letter.id in self._seen or letter.at < self.since:
                continue
            self._seen.add(letter.id)
            for line, entry in letter.places:
                for sent in self._sent(letter.raw.path, line):
                    whole = entry < 0
                    account.reject(sent.resources if whole else 1, first_issue(letter.outcome))
                    sent.waits = False
                    gone |= {key for index, key in sent.keys.items() if whole or index == entry}
        return gone

    def _sent(self, path: str, line: int) -> list[_Sent]:
        if path.startswith(_WHOLE_FILE):
            return self._by_file.get(path.removeprefix(_WHOLE_FILE), [])
        if path not in self._digests:
            self._digests[path] = [line.sha256 for line in unpack(self.services.lake.read(path))]
        found = self._by_digest.get(self._digests[path][line - 1])
        return [found] if found else []
