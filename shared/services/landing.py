"""Land lines in the lake before anything else happens to them: commit by existence, in a chain."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import GENESIS, Chain, Link, describe, link_of, pack, unpack
from shared.domain.ingest.raw_line import RawLine
from shared.errors import Busy, Fault, Unavailable
from shared.ports.clock import Clock
from shared.ports.lake import Lake

ATTEMPTS: Final = 20
MAX_LINES: Final = 10_000
HINT_EVERY: Final = 64
_REMEMBERED: Final = 512


@dataclass(frozen=True, slots=True)
class Landed:
    """A line as it stands in the lake, and the file and line number (from 1) where it stands."""

    line: RawLine
    path: str
    number: int


class Forked(Fault):
    """What arrived is not what the chain holds under the same sequence: another generation, or a defect."""


class Landing:
    """Lands lines; remembers the heads of the chains it has written."""

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._heads: OrderedDict[str, Link] = OrderedDict()
        self._written = 0
        self._lock = threading.Lock()

    def land(self, chain: Chain, lines: Sequence[RawLine]) -> list[Landed]:
        """Every line landed, in order, those found landed before as they stand there.

        Raises Busy or Unavailable (nothing is lost: land them again) and Forked.
        """
        if len(lines) > MAX_LINES:
            raise ValueError(f"at most {MAX_LINES} lines a file")
        landed: list[Landed] = []
        rest, head = list(lines), self._head(chain)
        for _ in range(ATTEMPTS):
            known = [line for line in rest if line.sequence <= head.end]
            if known:
                landed += self._adopt(chain, known)
                rest = rest[len(known) :]
            if not rest:
                return landed
            written = self._put(chain, head, rest)
            if written is not None:
                return [*landed, *written]
            head = self._refresh(chain, head)
        raise Busy()

    def end_of(self, chain: Chain) -> int:
        """The last sequence landed, one before the first where there is none."""
        return self._refresh(chain, self._head(chain)).end

    def _put(self, chain: Chain, head: Link, lines: list[RawLine]) -> list[Landed] | None:
        now = instant_text(self._clock.now())
        stamped = [replace(line, landed_at=now) for line in lines]
        if chain.has_gaps:
            stamped = [replace(line, ordinal=number) for number, line in enumerate(stamped, head.lines)]
        data = pack(stamped)
        path = chain.path(head.end + 1)
        about = describe(data, stamped, head)
        try:
            created = self._lake.put_if_absent(path, data, metadata=about)
        except Unavailable:
            return None  # it may be there: the refreshed head tells
        if not created:
            return None
        self._remember(chain, link_of(path, about))
        return [Landed(line, path, number) for number, line in enumerate(stamped, 1)]

    def _head(self, chain: Chain) -> Link:
        return self._heads.get(chain.folder) or self._follow(chain, self.near_end(chain))

    def _refresh(self, chain: Chain, head: Link) -> Link:
        with self._lock:
            self._heads.pop(chain.folder, None)
        return self._follow(chain, head)

    def near_end(self, chain: Chain) -> Link:
        """A link not far from the head, so that a long chain need not be listed from its beginning."""
        hint = self._lake.look(f"{chain.folder}/_head")
        return link_of(hint.metadata["path"], hint.metadata) if hint else Link("", chain.first - 1, GENESIS)

    def _follow(self, chain: Chain, head: Link) -> Link:
        for file in self._lake.list(chain.folder, after=head.path):
            if chain.start_of(file.path) == head.end + 1:
                head = link_of(file.path, file.metadata)
        self._remember(chain, head)
        return head

    def _remember(self, chain: Chain, head: Link) -> None:
        with self._lock:
            self._heads[chain.folder] = head
            self._heads.move_to_end(chain.folder)
            if len(self._heads) > _REMEMBERED:
                self._heads.popitem(last=False)
            self._written += 1
            due = self._written % HINT_EVERY == 0
        if due and head.path:
            self._lake.put(f"{chain.folder}/_head", b"{}", metadata=head.about())

    def _adopt(self, chain: Chain, lines: list[RawLine]) -> list[Landed]:
        """The lines as they were landed first: same bytes, their landed-at."""
        wanted = {line.sequence: line for line in lines}
        found: dict[int, Landed] = {}
        for after in self._names_before(chain, lines[0].sequence):
            found = self._landed_before(chain, wanted, after)
            if len(found) == len(wanted):
                break
        for sequence, line in wanted.items():
            if sequence not in found or found[sequence].line.sha256 != line.sha256:
                raise Forked("What arrived differs from what was landed under the same sequence.")
        return [found[line.sequence] for line in lines]

    def _names_before(self, chain: Chain, sequence: int) -> Iterator[str]:
        """After which name to look for a line, the nearest first: a file is named by where its predecessor ended, which
        after a gap in the stream is far from its first line, and sequences of Kinesis are nothing but gaps."""
        if sequence - MAX_LINES > chain.first:
            yield chain.path(sequence - MAX_LINES)
        hint = self.near_end(chain)
        if hint.path and hint.end < sequence:
            yield hint.path
        yield ""

    def _landed_before(self, chain: Chain, wanted: Mapping[int, RawLine], after: str) -> dict[int, Landed]:
        """Those of the wanted lines that stand in files after a name, by sequence."""
        found: dict[int, Landed] = {}
        first, last = min(wanted), max(wanted)
        for file in self._lake.list(chain.folder, after=after):
            start = chain.start_of(file.path)
            if start is None or int(file.metadata["end"]) < first:
                continue
            if start > last:
                break
            for number, line in enumerate(unpack(self._lake.read(file.path)), 1):
                if line.sequence in wanted:
                    found[line.sequence] = Landed(line, file.path, number)
        return found
