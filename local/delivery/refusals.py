"""What the platform refused of a stream or a file: its dead letters, matched with what was sent by their bytes."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from local.delivery.account import Account, reasons_of
from local.delivery.parcels import Parcel
from shared.bootstrap import Services
from shared.domain.fhir.identity import ResourceKey
from shared.domain.ingest.chain import unpack

_WHOLE_FILE = "landing/"


@dataclass(slots=True)
class _Sent:
    """What is kept of a parcel. `open`: how much of it search cannot find, so that only dead letters account for it."""

    name: str
    file: str
    line: int
    resources: int
    keys: dict[int, ResourceKey]
    open: int


@dataclass(slots=True)
class Refusals:
    """The dead letters of one delivery."""

    services: Services
    tenant: str
    since: str
    _sent: dict[tuple[str, str], _Sent] = field(default_factory=dict)
    _by_digest: dict[str, deque[_Sent]] = field(default_factory=lambda: defaultdict(deque))
    _by_file: dict[str, list[_Sent]] = field(default_factory=dict)
    _placed: dict[tuple[str, int], _Sent] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _digests: dict[str, list[str]] = field(default_factory=dict)

    def expect(self, parcel: Parcel, file: str = "") -> None:
        """Remember a parcel that is about to be sent, or the file that it was dropped in."""
        at = parcel.digest, parcel.name
        sent = self._sent.get(at)
        if sent is None:
            unfound = max(0, parcel.resources - len(parcel.keys) - len(parcel.gone))
            sent = _Sent(parcel.name, parcel.file, parcel.line, parcel.resources, parcel.keys, unfound)
            self._sent[at] = sent
            self._by_digest[at[0]].append(sent)
        if file:
            self._by_file.setdefault(file, []).append(sent)

    def waiting(self) -> list[str]:
        """Names of what can only be accounted for by a dead letter and is not yet."""
        return [sent.name for sent in list(self._sent.values()) if sent.open]

    def collect(self, account: Account) -> set[ResourceKey]:
        """Count the dead letters that are new; the keys that will therefore not be found."""
        gone: set[ResourceKey] = set()
        for letter in self.services.dead_letters.list(self.tenant, known=self._seen):
            self._seen.add(letter.id)
            if letter.at < self.since:
                continue
            reasons = reasons_of(letter.outcome)
            for line, entry in letter.places:
                for sent in self._sent_as(letter.raw.path, line):
                    whole = entry < 0
                    account.reject(sent.resources if whole else 1, reasons, sent.file, sent.line)
                    sent.open = 0 if whole else max(0, sent.open - (entry not in sent.keys))
                    gone |= {key for index, key in sent.keys.items() if whole or index == entry}
        return gone

    def _sent_as(self, path: str, line: int) -> list[_Sent]:
        """What was sent and landed there: equal bytes sent twice are two places."""
        if path.startswith(_WHOLE_FILE):
            return self._by_file.get(path.removeprefix(_WHOLE_FILE), [])
        if (path, line) not in self._placed:
            if path not in self._digests:
                self._digests[path] = [line.sha256 for line in unpack(self.services.lake.read(path))]
            equal = self._by_digest.get(self._digests[path][line - 1])
            if not equal:
                return []
            self._placed[path, line] = equal.popleft() if len(equal) > 1 else equal[0]
        return [self._placed[path, line]]
