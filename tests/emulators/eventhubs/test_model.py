"""The log of a partition against a list: random appends, deaths, reads from every kind of position."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from local.emulators.eventhubs.log import PartitionLog
from local.emulators.eventhubs.segment import Record

_EXAMPLES = 1000 if os.environ.get("GALEN_TEST_EVERYTHING") else 40
_SEGMENT_BYTES = 512
_START_MS = 1_750_000_000_000
_ENTRY = st.tuples(st.none() | st.binary(max_size=8), st.binary(max_size=200))


class LogMachine(RuleBasedStateMachine):
    """What `append` returned from is there for ever, in order, whenever the process dies."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.now_ms = _START_MS
        self.events: list[tuple[bytes | None, bytes, int]] = []
        self.log = self.reopened()

    def reopened(self) -> PartitionLog:
        return PartitionLog(
            self.folder / "0", clock_ms=lambda: self.now_ms, retention_ms=10**12, segment_bytes=_SEGMENT_BYTES
        )

    @rule(entries=st.lists(_ENTRY, min_size=1, max_size=4), passes_ms=st.integers(0, 5000))
    def append(self, entries: list[tuple[bytes | None, bytes]], passes_ms: int) -> None:
        self.now_ms += passes_ms
        assert self.log.append(entries) == len(self.events)
        self.events += [(key, body, self.now_ms) for key, body in entries]

    @rule(tail=st.binary(max_size=30))
    def die_and_start_again(self, tail: bytes) -> None:
        """The process ends within a write: what it had not finished is not there."""
        last = sorted((self.folder / "0").iterdir())[-1]
        with last.open("ab") as segment:
            segment.write(tail)
        self.log = self.reopened()

    @rule(data=st.data())
    def read_from_anywhere(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(0, len(self.events)))
        self.check(self.log.after_sequence(first - 1, inclusive=False), first)

    @rule(back_ms=st.integers(0, 20_000))
    def read_from_a_time(self, back_ms: int) -> None:
        at_ms = self.now_ms - back_ms
        expected = next((at for at, event in enumerate(self.events) if event[2] >= at_ms), len(self.events))
        self.check(self.log.after_time(at_ms, inclusive=True), expected)

    @invariant()
    def the_next_number_is_the_number_of_events(self) -> None:
        if hasattr(self, "log"):
            assert self.log.next_sequence == len(self.events)

    def check(self, start: int, expected: int) -> None:
        assert start == expected
        reader = self.log.reader(start)
        found: list[Record] = []
        while records := reader.read(3):
            found += records
        kept = [(record.sequence, record.key, bytes(record.body), record.enqueued_at_ms) for record in found]
        assert kept == [
            (at, *self.events[at][:2], self.events[at][2]) for at in range(expected, len(self.events))
        ]

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()
            shutil.rmtree(self.folder)


TestLog = LogMachine.TestCase
TestLog.settings = settings(max_examples=_EXAMPLES, stateful_step_count=20, deadline=None, derandomize=True)
