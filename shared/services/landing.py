"""Land lines in the lake before anything else happens to them: commit by existence, in a chain."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import GENESIS, Chain, Link, describe, link_of, pack, unpack
from shared.domain.ingest.raw_line import RawLine
from shared.errors import Busy, Fault, Unavailable
from shared.ports.clock import Clock
from shared.ports.lake import Lake, LakeFile

ATTEMPTS: Final = 20
MAX_LINES: Final = 10_000
HINT_EVERY: Final = 64
"""Files of one chain between two hints."""
_REMEMBERED: Final = 512
_LOOKED_BACK: Final = 64
_FURTHER: Final = 256
"""A window that holds a file where the one before held none holds some hundred at most, and one call lists a thousand."""


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
        self._passed: Counter[str] = Counter()
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
        self._remember(chain, link_of(path, about), 1)
        self._leave_hint(chain, link_of(path, about))
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
        """The newest link: names come in their order, so that only the last files say more of themselves than their name."""
        passed, last = 0, deque[LakeFile](maxlen=_LOOKED_BACK)
        for file in self._lake.list(chain.folder, after=head.path):
            if chain.start_of(file.path) is not None:
                passed += 1
                last.append(file)
        newest = next((file for file in reversed(last) if self._belongs(chain, file, head)), None)
        if newest is not None:
            head = link_of(newest.path, newest.metadata)
        self._remember(chain, head, passed)
        return head

    def _belongs(self, chain: Chain, file: LakeFile, head: Link) -> bool:
        """Whether a file begins where its predecessor ended: what is not ours is passed over."""
        previous = file.metadata.get("previous")
        if previous is None:
            return False
        if previous == head.path.rpartition("/")[2]:
            before: LakeFile | Link | None = head
        else:
            before = self._lake.look(f"{chain.folder}/{previous}")
        if before is None:
            return False
        end = before.end if isinstance(before, Link) else int(before.metadata["end"])
        return chain.start_of(file.path) == end + 1

    def _remember(self, chain: Chain, head: Link, passed: int) -> None:
        """Keep the head of a chain, and how many files were passed since its hint was written."""
        with self._lock:
            self._heads[chain.folder] = head
            self._heads.move_to_end(chain.folder)
            self._passed[chain.folder] += passed
            if len(self._heads) > _REMEMBERED:
                del self._passed[self._heads.popitem(last=False)[0]]

    def _leave_hint(self, chain: Chain, head: Link) -> None:
        """Only who lands leaves one: who merely looks may not write."""
        with self._lock:
            due = self._passed[chain.folder] >= HINT_EVERY
            if due:
                self._passed[chain.folder] = 0
        if due:
            self._lake.put(f"{chain.folder}/_head", b"{}", metadata=head.about())

    def _adopt(self, chain: Chain, lines: list[RawLine]) -> list[Landed]:
        """The lines as they were landed first: same bytes, their landed-at."""
        wanted = {line.sequence for line in lines}
        found: dict[int, Landed] = {}
        for path in self._holding(chain, lines[0].sequence, lines[-1].sequence):
            for number, line in enumerate(unpack(self._lake.read(path)), 1):
                if line.sequence in wanted:
                    found[line.sequence] = Landed(line, path, number)
        for line in lines:
            if line.sequence not in found or found[line.sequence].line.sha256 != line.sha256:
                raise Forked("What arrived differs from what was landed under the same sequence.")
        return [found[line.sequence] for line in lines]

    def _holding(self, chain: Chain, first: int, last: int) -> list[str]:
        """The files in which the lines from one sequence to another stand, by names alone: a file reaches to where the
        next one begins. The one that begins before the first line is looked for backwards, further each time, because
        after a gap it is named far from it, and sequences of Kinesis are nothing but gaps."""
        reach = MAX_LINES
        while True:
            from_start = first - reach <= chain.first
            before, inside = "", []
            for file in self._lake.list(chain.folder, after="" if from_start else chain.path(first - reach)):
                start = chain.start_of(file.path)
                if start is None:
                    continue
                if start > last:
                    break
                if start <= first:
                    before = file.path
                else:
                    inside.append(file.path)
            if before or from_start:
                return [before, *inside] if before else inside
            reach *= _FURTHER
