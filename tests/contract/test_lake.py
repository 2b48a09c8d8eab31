"""The contract of the Lake port, kept by memory, by Data Lake Storage and by S3 alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shared.adapters.aws.lake import S3Lake
from shared.adapters.memory.faults import Failure, Script
from shared.errors import Busy, Conflict, NotFound, Unavailable
from shared.ports.lake import Lake
from tests.contract.conftest import Strike, ask
from tests.emulators.aws_server import AwsServer
from tests.emulators.datalake.emulator import Emulator


class LakeContract:
    """What every Lake keeps."""

    @pytest.fixture
    def lake(self) -> Lake:
        raise NotImplementedError

    @pytest.fixture
    def strike(self) -> Iterator[Strike]:
        raise NotImplementedError

    def test_a_file_is_written_once(self, lake: Lake) -> None:
        assert lake.put_if_absent("raw/a/1.gz", b"first", metadata={"end": "7"})
        assert not lake.put_if_absent("raw/a/1.gz", b"second")
        assert lake.read("raw/a/1.gz") == b"first"
        file = lake.look("raw/a/1.gz")
        assert file is not None
        assert (file.path, file.size_bytes, dict(file.metadata)) == ("raw/a/1.gz", 5, {"end": "7"})

    def test_of_many_writers_at_once_one_wins(self, lake: Lake) -> None:
        won: list[bytes] = []

        def write(body: bytes) -> None:
            if lake.put_if_absent("x", body):
                won.append(body)

        threads = [threading.Thread(target=write, args=(b"%d" % number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [lake.read("x")]

    def test_an_overwrite_changes_the_etag(self, lake: Lake) -> None:
        lake.put("x", b"1", metadata={"status": "open"})
        first = lake.look("x")
        lake.put("x", b"2", metadata={"status": "done"})
        second = lake.look("x")
        assert first is not None
        assert second is not None
        assert first.etag != second.etag
        assert second.metadata["status"] == "done"
        assert second.modified_at >= first.modified_at

    def test_what_is_not_there_is_not_found(self, lake: Lake) -> None:
        assert lake.look("x") is None
        with pytest.raises(NotFound):
            lake.read("x")
        with pytest.raises(NotFound):
            list(lake.stream("x"))
        lake.delete("x")

    def test_a_deleted_file_is_gone(self, lake: Lake) -> None:
        lake.put("x", b"1")
        lake.delete("x")
        assert lake.look("x") is None
        assert lake.put_if_absent("x", b"2")

    def test_a_stream_is_the_file_in_bounded_chunks(self, lake: Lake) -> None:
        body = bytes(range(256)) * 4 * 9_000
        lake.put("x", body)
        file = lake.look("x")
        assert file is not None
        chunks = list(lake.stream("x", etag=file.etag))
        assert b"".join(chunks) == body
        assert max(map(len, chunks)) <= 4 << 20
        assert b"".join(lake.stream("x", offset=5 << 20)) == body[5 << 20 :]

    def test_an_empty_file_streams_nothing(self, lake: Lake) -> None:
        lake.put("x", b"")
        assert b"".join(lake.stream("x")) == b""
        assert lake.read("x") == b""

    def test_a_stream_of_a_replaced_file_is_refused(self, lake: Lake) -> None:
        lake.put("x", b"1")
        file = lake.look("x")
        assert file is not None
        lake.put("x", b"2")
        with pytest.raises(Conflict):
            list(lake.stream("x", etag=file.etag))

    def test_a_listing_is_in_order_below_a_folder_with_metadata(self, lake: Lake) -> None:
        for name in ("b/2", "b/10", "a/1", "b.txt", "b/sub/3"):
            lake.put(name, b"x", metadata={"name": name.replace("/", "-")})
        found = list(lake.list("b"))
        assert [file.path for file in found] == ["b/10", "b/2", "b/sub/3"]
        assert [file.metadata["name"] for file in found] == ["b-10", "b-2", "b-sub-3"]
        assert found[0].etag == (look.etag if (look := lake.look("b/10")) else "")
        assert [file.path for file in lake.list("")] == ["a/1", "b.txt", "b/10", "b/2", "b/sub/3"]

    def test_a_listing_goes_on_after_a_path(self, lake: Lake) -> None:
        for number in range(12):
            lake.put(f"c/{number:03d}", b"x")
        assert [file.path for file in lake.list("c", after="c/008")] == ["c/009", "c/010", "c/011"]
        assert [file.path for file in lake.list("c", after="c/0085")] == ["c/009", "c/010", "c/011"]
        assert list(lake.list("c", after="c/011")) == []
        assert list(lake.list("nothing")) == []

    def test_a_lake_that_stays_busy_or_unreachable_says_so(self, lake: Lake, strike: Strike) -> None:
        strike(503, count=100)
        with pytest.raises((Busy, Unavailable)):
            lake.put_if_absent("x", b"1")
        strike(0)
        assert lake.put_if_absent("x", b"1")

    def test_a_write_whose_answer_is_lost_is_there(self, lake: Lake, strike: Strike) -> None:
        strike(500, count=1, applied=True)
        try:
            assert not lake.put_if_absent("x", b"1")
        except Unavailable:
            pass
        strike(0)
        assert lake.read("x") == b"1"


class TestMemoryLake(LakeContract):
    @pytest.fixture
    def lake(self, memory_lake: Lake) -> Lake:
        return memory_lake

    @pytest.fixture
    def strike(self, memory_script: Script) -> Strike:
        def set_(status: int, *, count: int = 0, applied: bool = False) -> None:
            memory_script.plan = lambda _n, _w: Failure(Unavailable(), applied=applied) if status else None

        return set_


class TestDataLake(LakeContract):
    @pytest.fixture
    def lake(self, azure_lake: Lake) -> Lake:
        return azure_lake

    @pytest.fixture
    def strike(self, lake_emulator: Emulator) -> Iterator[Strike]:
        def set_(status: int, *, count: int = 0, applied: bool = False) -> None:
            if status:
                ask(
                    lake_emulator.port,
                    "POST",
                    {"match": "^PUT", "status": status, "count": count, "applied": applied},
                )
            else:
                ask(lake_emulator.port, "DELETE")

        yield set_
        ask(lake_emulator.port, "DELETE")


class TestS3Lake(LakeContract):
    @pytest.fixture
    def lake(self, aws_lake: Lake) -> Lake:
        return aws_lake

    @pytest.fixture
    def strike(self, aws: AwsServer) -> Iterator[Strike]:
        def set_(status: int, *, count: int = 0, applied: bool = False) -> None:
            if status:
                about = {"match": "^s3:PutObject", "status": status, "count": count, "applied": applied}
                ask(aws.port, "POST", about)
            else:
                ask(aws.port, "DELETE")

        yield set_
        ask(aws.port, "DELETE")

    def test_a_listing_asks_for_metadata_only_where_somebody_looks_at_it(
        self, lake: Lake, aws: AwsServer
    ) -> None:
        for number in range(3):
            lake.put(f"d/{number}", b"x", metadata={"n": str(number)})
        aws.forget_calls()
        found = list(lake.list("d"))
        assert [file.size_bytes for file in found] == [1, 1, 1]
        assert aws.calls() == {"s3:ListBucket": 1}
        assert [dict(file.metadata) for file in found] == [{"n": "0"}, {"n": "1"}, {"n": "2"}]
        assert aws.calls() == {"s3:GetObject": 3, "s3:ListBucket": 1}

    def test_a_stream_goes_on_where_the_connection_broke(self, lake: Lake, s3: Any) -> None:
        body = bytes(range(256)) * 4 * 9_000
        lake.put("x", body)
        breaking = S3Lake(_Breaking(s3), lake._bucket)  # type: ignore[attr-defined]
        assert b"".join(breaking.stream("x")) == body

    def test_an_empty_value_of_metadata_is_kept(self, lake: Lake) -> None:
        lake.put("x", b"1", metadata={"previous": "", "end": "7"})
        file = lake.look("x")
        assert file is not None
        assert dict(file.metadata) == {"previous": "", "end": "7"}


class _Breaking:
    """A client whose first answer breaks off after a chunk."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._broken = False

    def get_object(self, **request: Any) -> Any:
        answer = self._client.get_object(**request)
        if not self._broken:
            self._broken = True
            answer["Body"] = _BreakingBody(answer["Body"])
        return answer


class _BreakingBody:
    def __init__(self, body: Any) -> None:
        self._body = body
        self._reads = 0

    def read(self, size: int) -> bytes:
        self._reads += 1
        if self._reads > 1:
            raise ConnectionResetError
        return bytes(self._body.read(size))

    def close(self) -> None:
        self._body.close()
