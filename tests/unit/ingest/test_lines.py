"""The lines of a dropped file, in bounded memory, whatever the chunks are."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest

from shared.domain.ingest.lines import FileRefused, lines_of


def read(data: bytes, size: int = 7, **how: int) -> list[tuple[int, bytes]]:
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return [(line.number, line.body) for line in lines_of(chunks, whole=False, **how)]


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_lines_are_numbered_and_blank_ones_left_out(size: int, pack: type[bytes]) -> None:
    data = pack(b'{"a":1}\r\n\n  \r\n{"b":2}\n{"c":3}')
    assert read(data, size) == [(1, b'{"a":1}'), (4, b'{"b":2}'), (5, b'{"c":3}')]


def test_reading_goes_on_after_what_was_taken() -> None:
    assert read(b"1\n2\n3\n", skip=2) == [(3, b"3")]
    assert read(b"1\n2\n", skip=2) == []


def test_several_gzip_members_are_one_file() -> None:
    assert read(gzip.compress(b"1\n2", mtime=0) + gzip.compress(b"3\n4\n")) == [
        (1, b"1"),
        (2, b"23"),
        (3, b"4"),
    ]


def test_what_came_before_a_cut_is_taken() -> None:
    data = gzip.compress(
        b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() + b"\n" for n in range(5_000))
    )
    taken = []
    with pytest.raises(FileRefused) as refused:
        taken.extend(lines_of([data[: len(data) // 2]], whole=False))
    assert refused.value.issue.code == "incomplete"
    assert len(taken) > 1_000


@pytest.mark.parametrize("data", [b"", b"\n \r\n", gzip.compress(b"", mtime=0)])
def test_a_file_without_content_is_refused(data: bytes) -> None:
    with pytest.raises(FileRefused, match="empty"):
        read(data)


def test_a_line_beyond_the_cap_is_left_in_its_file_in_bounded_memory() -> None:
    chunk = b"x" * (4 << 20)

    def chunks() -> Iterator[bytes]:
        for _ in range(25):
            yield chunk
        yield b"\nshort\n"

    tracemalloc.start()
    try:
        found = list(lines_of(chunks(), whole=False))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(line.number, line.left, line.body) for line in found] == [(1, True, b""), (2, False, b"short")]
    assert found[0].sha256 == hashlib.sha256(chunk * 25).hexdigest()
    assert peak < 64 << 20


def test_a_bomb_ends_at_the_cap() -> None:
    bomb = gzip.compress(b"\0" * (66 << 20), compresslevel=6)
    with pytest.raises(FileRefused) as refused:
        list(lines_of([bomb], whole=True))
    assert refused.value.issue.code == "too-long"
