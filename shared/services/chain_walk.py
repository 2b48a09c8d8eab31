"""Walk along the chains of raw: names without a gap, hashes that continue, nothing that is not ours.

A lake of years has more files than one run may list. So what is new is walked at once, from where the last look at a chain
ended, and all of raw in slices, from the first file of each chain, once a day; the place between two slices is kept in the
lake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import GENESIS, Chain, Link, link_of
from shared.domain.ingest.raw_line import sha256_hex
from shared.errors import NotFound
from shared.names import CHAIN_WALK_FILE, RawZone, Zone
from shared.ports.clock import Clock
from shared.ports.lake import Lake, LakeFile

SLICE_FILES: Final = 50_000
"""Ten pages of a listing; with a slice each quarter of an hour a round over five million files takes a day."""
ROUND_EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ChainFault:
    """What is wrong with a chain, and where: `hole`, `fork`, `altered` or `unnamed`."""

    kind: str
    path: str


@dataclass(slots=True)
class Walker:
    """Goes over files in order of path and remembers where in which chain it is."""

    folder: str = ""
    head: Link = field(default_factory=lambda: Link("", -1, GENESIS))

    def step(self, file: LakeFile) -> str:
        """What is wrong with the next file, or the empty string."""
        here, _, name = file.path.rpartition("/")
        if name == "_head" or here.startswith(f"{Zone.RAW}/{RawZone.COMMITS}"):
            return ""
        if here != self.folder:
            first = 1 if "/files/t=" in here else 0
            self.folder, self.head = here, Link("", first - 1, GENESIS)
        before = self.head
        try:
            link = link_of(file.path, file.metadata)
            start = int(name.partition(".")[0])
        except (KeyError, ValueError):
            return "unnamed"
        self.head = link
        if start > before.end + 1:
            return "hole"
        follows = file.metadata.get("previous") == before.path.rpartition("/")[2]
        return "" if start == before.end + 1 and follows else "fork"


def walk_chains(lake: Lake, *, read: bool = False) -> Iterator[ChainFault]:
    """Every fault in every chain below raw/; `read` checks contents too."""
    walker = Walker()
    for file in lake.list(str(Zone.RAW)):
        fault = walker.step(file)
        if read and not fault and "sha256" in file.metadata:
            fault = "" if sha256_hex(lake.read(file.path)) == file.metadata["sha256"] else "altered"
        if fault:
            yield ChainFault(fault, file.path)


class RecentWalk:
    """Walks what was added to some chains since the last look; the first begins not far from their ends."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._walkers: dict[str, Walker] = {}

    def run(self, chain: Chain, near_end: Link) -> Iterator[ChainFault]:
        """The faults in what is new. `near_end` is a link of the chain from which the first look goes on."""
        walker = self._walkers.setdefault(chain.folder, Walker(chain.folder, near_end))
        for file in self._lake.list(chain.folder, after=walker.head.path):
            if fault := walker.step(file):
                yield ChainFault(fault, file.path)

    def head(self, chain: Chain) -> Link | None:
        """The newest link of a chain that it has seen."""
        walker = self._walkers.get(chain.folder)
        return walker.head if walker and walker.head.path else None


@dataclass(slots=True)
class _Place:
    """Where a round is: `found` counts its faults, `before` those of the last whole round."""

    started_at: str
    after: str = ""
    folder: str = ""
    path: str = ""
    end: int = -1
    chain: str = GENESIS
    found: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    whole_since: str = ""
    resting: bool = False


class RollingWalk:
    """Walks all of raw in slices, a round a day."""

    def __init__(self, lake: Lake, clock: Clock, slice_files: int = SLICE_FILES) -> None:
        self._lake = lake
        self._clock = clock
        self._slice_files = slice_files

    def run(self) -> tuple[Counter[str], str]:
        """Walk the next slice. The faults of raw by kind, and since when everything was looked at (empty: not yet)."""
        place = self._place()
        if place.resting and place.started_at <= instant_text(self._clock.now() - ROUND_EVERY):
            now = instant_text(self._clock.now())
            place = _Place(now, before=place.before, whole_since=place.whole_since)
        if not place.resting:
            self._slice(place)
            self._lake.put(CHAIN_WALK_FILE, json.encode(asdict(place)).encode())
        return Counter(place.found) | Counter(place.before), place.whole_since

    def _slice(self, place: _Place) -> None:
        walker = Walker(place.folder, Link(place.path, place.end, place.chain))
        found, seen = Counter(place.found), 0
        for file in islice(self._lake.list(str(Zone.RAW), after=place.after), self._slice_files):
            seen += 1
            place.after = file.path
            if fault := walker.step(file):
                found[fault] += 1
        place.folder, place.found = walker.folder, dict(found)
        place.path, place.end, place.chain = walker.head.path, walker.head.end, walker.head.chain
        if seen < self._slice_files:
            place.before, place.found, place.whole_since = dict(found), {}, place.started_at
            place.resting = True

    def _place(self) -> _Place:
        try:
            return _Place(**json.decode_object(self._lake.read(CHAIN_WALK_FILE)))
        except NotFound:
            return _Place(instant_text(self._clock.now()))
