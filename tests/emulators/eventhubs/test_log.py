"""The partition log by itself: atomic appends, torn tails, segments, positions, retention."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.emulators.eventhubs import log as log_module
from local.emulators.eventhubs.log import BeyondEndError, PartitionLog
from local.emulators.eventhubs.segment import LogCorruptError, Record

HOUR_MS = 3_600_000
START_MS = 1_750_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_log(tmp_path: Path, clock: Clock) -> Callable[..., PartitionLog]:
    """Opens the same log, also again, as a process does that starts after another was killed."""

    def open_again(segment_bytes: int = 4096) -> PartitionLog:
        return PartitionLog(
            tmp_path / "0", clock_ms=clock, retention_ms=24 * HOUR_MS, segment_bytes=segment_bytes
        )

    return open_again


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "0").glob("*.log"))


def all_of(log: PartitionLog, sequence: int = 0) -> list[Record]:
    reader, records = log.reader(sequence), []
    while part := reader.read(7):
        records += part
    return records


def fill(log: PartitionLog, count: int, size: int = 100) -> None:
    for number in range(count):
        log.append([(b"key", f"{number}".encode().ljust(size, b"."))])


def test_numbers_events_from_zero_without_gaps(open_log: Callable[..., PartitionLog]) -> None:
    log = open_log()
    assert log.append([(None, b"a"), (b"k", b"b")]) == 0
    assert log.append([(None, b"c")], kind=7) == 2
    assert [(r.sequence, r.key, r.body, r.kind) for r in all_of(log)] == [
        (0, None, b"a", 0), (1, b"k", b"b", 0), (2, None, b"c", 7),
    ]  # fmt: skip


def test_reads_the_same_from_memory_and_from_disk(open_log: Callable[..., PartitionLog]) -> None:
    log = open_log()
    fill(log, 300)
    log.append([(None, b"x" * 400_000), (None, b""), (b"", b"y")])
    assert all_of(open_log()) == all_of(log)
    assert open_log().tail == log.tail


def test_memory_holds_the_newest_events_only(
    open_log: Callable[..., PartitionLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "RECENT_BYTES", 10_000)
    log = open_log()
    fill(log, 500)
    assert log.recent(0, 10) is None
    assert log.recent(499, 10)
    assert [record.sequence for record in all_of(log)] == list(range(500))


@pytest.mark.parametrize("cut", [1, 20, 60, 130])
def test_a_torn_tail_is_cut_and_takes_its_whole_batch_with_it(
    open_log: Callable[..., PartitionLog], tmp_path: Path, cut: int
) -> None:
    log = open_log()
    log.append([(None, b"whole")])
    log.append([(None, b"x" * 50), (None, b"y" * 50)])
    path = segments(tmp_path)[-1]
    os.truncate(path, path.stat().st_size - cut)
    again = open_log()
    assert [record.body for record in all_of(again)] == [b"whole"]
    assert again.append([(None, b"next")]) == 1
    assert [record.body for record in all_of(open_log())] == [b"whole", b"next"]


def test_garbage_behind_the_last_batch_is_cut(open_log: Callable[..., PartitionLog], tmp_path: Path) -> None:
    open_log().append([(None, b"whole")])
    with segments(tmp_path)[-1].open("ab") as file:
        file.write(b"\xff" * 200)
    assert [record.body for record in all_of(open_log())] == [b"whole"]


def test_damage_inside_a_sealed_segment_is_reported(
    open_log: Callable[..., PartitionLog], tmp_path: Path
) -> None:
    fill(open_log(), 200)
    assert len(segments(tmp_path)) > 2
    data = bytearray(segments(tmp_path)[0].read_bytes())
    data[1000] ^= 1
    segments(tmp_path)[0].write_bytes(data)
    with pytest.raises(LogCorruptError):
        all_of(open_log())


def test_a_failed_write_leaves_nothing_behind(
    open_log: Callable[..., PartitionLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    log.append([(None, b"a")])
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            log.append([(None, b"b" * 100)])
    assert log.append([(None, b"c")]) == 1
    assert [record.body for record in all_of(open_log())] == [b"a", b"c"]


def test_finds_positions_by_sequence_offset_and_time(
    open_log: Callable[..., PartitionLog], clock: Clock
) -> None:
    log = open_log()
    for number in range(300):
        clock.now_ms = START_MS + number * 10
        log.append([(None, b"x" * 60), (None, b"y" * 60)])
    for candidate in (log, open_log()):
        records = all_of(candidate)
        for record in records[::37]:
            after = record.sequence + 1
            assert candidate.after_sequence(record.sequence, inclusive=True) == record.sequence
            assert candidate.after_sequence(record.sequence, inclusive=False) == after
            assert candidate.after_offset(record.offset, inclusive=True) == record.sequence
            assert candidate.after_offset(record.offset, inclusive=False) == after
            first_then = record.sequence - record.sequence % 2
            assert candidate.after_time(record.enqueued_at_ms, inclusive=True) == first_then
            assert candidate.after_time(record.enqueued_at_ms, inclusive=False) == first_then + 2
        assert candidate.after_time(START_MS - 1, inclusive=True) == 0
        assert candidate.after_time(START_MS + 10**9, inclusive=True) == 600


def test_a_position_behind_the_end_is_an_error(open_log: Callable[..., PartitionLog]) -> None:
    log = open_log()
    fill(log, 3)
    assert log.after_sequence(2, inclusive=False) == 3
    with pytest.raises(BeyondEndError, match="last sequence number in the system is '2'"):
        log.after_sequence(3, inclusive=False)
    with pytest.raises(BeyondEndError, match="offset '100000' is invalid"):
        log.after_offset(100_000, inclusive=False)


def test_drops_what_is_older_than_the_retention_time(
    open_log: Callable[..., PartitionLog], clock: Clock
) -> None:
    log = open_log()
    for _ in range(30):
        clock.now_ms += 2 * HOUR_MS
        fill(log, 2)
    assert log.next_sequence == 60
    assert 60 - 28 <= log.begin_sequence <= 60 - 24
    assert all_of(log)[0].sequence == log.begin_sequence
    assert all_of(open_log())[0].sequence == log.begin_sequence


def test_goes_on_counting_after_everything_has_expired(
    open_log: Callable[..., PartitionLog], clock: Clock
) -> None:
    log = open_log()
    fill(log, 5)
    clock.now_ms += 48 * HOUR_MS
    log.expire()
    assert log.is_empty
    assert (log.begin_sequence, log.next_sequence) == (5, 5)
    again = open_log()
    assert again.append([(None, b"next")]) == 5
    assert [record.sequence for record in all_of(again)] == [5]


def test_enqueued_times_never_run_backwards(open_log: Callable[..., PartitionLog], clock: Clock) -> None:
    log = open_log()
    fill(log, 1)
    clock.now_ms -= HOUR_MS
    fill(log, 1)
    assert [record.enqueued_at_ms for record in all_of(log)] == [START_MS, START_MS]


def test_tells_listeners_of_every_append(open_log: Callable[..., PartitionLog]) -> None:
    log, heard = open_log(), []
    listener = lambda: heard.append(log.next_sequence)  # noqa: E731
    log.listen(listener)
    fill(log, 2)
    log.unlisten(listener)
    fill(log, 1)
    assert heard == [1, 2]


ENTRIES = st.lists(
    st.tuples(st.none() | st.binary(max_size=20), st.binary(max_size=300)), min_size=1, max_size=5
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(batches=st.lists(ENTRIES, max_size=30), split=st.integers(0, 30))
def test_keeps_any_batches_over_a_restart(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[bytes | None, bytes]]], split: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    for part in (batches[:split], batches[split:]):
        log = PartitionLog(folder, clock_ms=Clock(), retention_ms=HOUR_MS, segment_bytes=1000)
        for batch in part:
            log.append(batch)
        log.close()
    again = PartitionLog(folder, clock_ms=Clock(), retention_ms=HOUR_MS, segment_bytes=1000)
    expected = [entry for batch in batches for entry in batch]
    assert [(record.key, record.body) for record in all_of(again)] == expected
    assert [record.sequence for record in all_of(again)] == list(range(len(expected)))
    again.close()
