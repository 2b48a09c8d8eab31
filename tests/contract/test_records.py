"""The contract of the Records port, kept by memory, by Cosmos DB and by DynamoDB alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from azure.cosmos import DatabaseProxy

from shared.adapters.aws.records import DynamoRecords
from shared.adapters.azure.records import CosmosRecords
from shared.adapters.memory.faults import Failure, Script
from shared.domain.records import Item, Kind
from shared.errors import AlreadyExists, Busy, PreconditionFailed, Unavailable
from shared.ports.lake import Lake
from shared.ports.records import (
    AllOf,
    AnyOf,
    BatchRefused,
    Compare,
    Create,
    Delete,
    Has,
    In,
    Not,
    Predicate,
    Query,
    Records,
    Replace,
    Write,
)
from tests.contract.conftest import Strike, ask
from tests.emulators.aws_server import AwsServer
from tests.emulators.cosmos.conftest import Emulator

HOME = "0123456789ab"


def item(id_: str, *, tenant: str = "a", home: str = HOME, kind: Kind = Kind.CURRENT, **more: Any) -> Item:
    return {"id": id_, "tenant": tenant, "home": home, "kind": kind.value, **more}


PREDICATES: list[tuple[Predicate, str]] = [
    (Has("ix.t", "code|x"), "1 2"),
    (Has("ix.none", "code|x"), ""),
    (Compare("type", "=", "Patient"), "1 3"),
    (Compare("type", "!=", "Patient"), "2"),
    (Compare("absent", "!=", "Patient"), ""),
    (Compare("n", "<", 2), "1"),
    (Compare("n", "<=", 2), "1 2"),
    (Compare("n", ">", 2), "3"),
    (Compare("n", ">=", 2), "2 3"),
    (Compare("deleted", "=", False), "1 2"),
    (Compare("ix.d.date.lo", ">=", "2026-02"), "2 3"),
    (In("type", ("Patient", "Basic")), "1 2 3"),
    (In("type", ()), ""),
    (AnyOf((Compare("n", "=", 1), Compare("n", "=", 3))), "1 3"),
    (AnyOf(()), ""),
    (AllOf((Compare("n", ">", 1), Compare("type", "=", "Patient"))), "3"),
    (AllOf(()), "1 2 3"),
    (Not(Compare("n", "=", 1)), "2 3"),
    (Not(Has("ix.t", "code|x")), "3"),
    (Compare("type", "=", 'x" OR 1=1 --'), ""),
]


class RecordsContract:
    """What every Records keeps."""

    @pytest.fixture
    def records(self) -> Records:
        raise NotImplementedError

    @pytest.fixture
    def strike(self) -> Iterator[Strike]:
        raise NotImplementedError

    @pytest.fixture
    def three(self, records: Records) -> Records:
        rows = (
            ("1", "Patient", "2026-01", ["code|x"]),
            ("2", "Basic", "2026-02", ["code|x", "y"]),
            ("3", "Patient", "2026-03", ["z"]),
        )
        for number, (id_, type_, date, tokens) in enumerate(rows, 1):
            ix = {"t": tokens, "date": date, "d": {"date": {"lo": date, "hi": date}}}
            records.create(item(id_, type=type_, n=number, deleted=number == 3, ix=ix))
        return records

    def test_an_item_is_read_as_it_was_written(self, records: Records) -> None:
        written = item("x", body='é "quoted" 1.10', nested={"a": [1, True, None]})
        etag = records.create(written)
        assert records.read("a", HOME, "x") == {**written, "_etag": etag}

    def test_what_is_not_there_reads_as_none(self, records: Records) -> None:
        assert records.read("a", HOME, "x") is None

    def test_a_second_create_is_refused(self, records: Records) -> None:
        records.create(item("x", n=1))
        with pytest.raises(AlreadyExists):
            records.create(item("x", n=2))
        found = records.read("a", HOME, "x")
        assert found is not None
        assert found["n"] == 1

    def test_a_replace_needs_the_etag_that_holds(self, records: Records) -> None:
        first = records.create(item("x", n=1))
        second = records.replace(item("x", n=2), first)
        assert second != first
        with pytest.raises(PreconditionFailed):
            records.replace(item("x", n=3), first)
        with pytest.raises(PreconditionFailed):
            records.replace(item("gone", n=3), first)

    def test_a_delete_needs_the_etag_that_holds(self, records: Records) -> None:
        etag = records.create(item("x"))
        with pytest.raises(PreconditionFailed):
            records.delete("a", HOME, "x", '"other"')
        records.delete("a", HOME, "x", etag)
        assert records.read("a", HOME, "x") is None
        with pytest.raises(PreconditionFailed):
            records.delete("a", HOME, "x", etag)

    def test_one_home_and_one_tenant_do_not_see_another(self, records: Records) -> None:
        records.create(item("x", n=1))
        records.create(item("x", n=2, tenant="b"))
        records.create(item("x", n=3, home="ffffffffffff"))
        assert [found["n"] for found in records.query(Query(Kind.CURRENT, "a", HOME))] == [1]
        assert sorted(found["n"] for found in records.query(Query(Kind.CURRENT, "a"))) == [1, 3]
        assert records.count(Query(Kind.CURRENT, None)) == 3
        assert records.read("c", HOME, "x") is None

    def test_a_batch_is_written_whole_and_its_etags_hold(self, records: Records) -> None:
        old, gone = records.create(item("old")), records.create(item("gone"))
        writes: list[Write] = [Create(item("new")), Replace(item("old", n=2), old), Delete("gone", gone)]
        etags = records.commit("a", HOME, writes)
        assert records.replace(item("old", n=3), etags[1])
        assert sorted(found["id"] for found in records.query(Query(Kind.CURRENT, "a"))) == ["new", "old"]

    @pytest.mark.parametrize("alone", [False, True])
    def test_a_refused_batch_writes_nothing_and_says_which(self, records: Records, alone: bool) -> None:
        etag = records.create(item("old", n=1))
        before = [] if alone else [Create(item("new"))]
        with pytest.raises(BatchRefused) as exists:
            records.commit("a", HOME, [*before, Create(item("old"))])
        with pytest.raises(BatchRefused) as stale:
            records.commit("a", HOME, [*before, Replace(item("old", n=2), '"other"')])
        assert (exists.value.index, exists.value.status) == (len(before), 409)
        assert (stale.value.index, stale.value.status) == (len(before), 412)
        assert records.read("a", HOME, "new") is None
        assert records.replace(item("old", n=3), etag)

    def test_a_batch_of_a_hundred_is_taken_and_one_more_is_a_defect(self, records: Records) -> None:
        assert len(records.commit("a", HOME, [Create(item(f"x{n}")) for n in range(100)])) == 100
        with pytest.raises(ValueError, match="100"):
            records.commit("a", HOME, [Create(item(f"y{n}")) for n in range(101)])

    def test_many_are_read_by_id(self, records: Records) -> None:
        records.commit("a", HOME, [Create(item(f"x{n}", n=n)) for n in range(10)])
        found = records.read_many("a", HOME, ["x1", "x9", "x77"])
        assert {id_: each["n"] for id_, each in found.items()} == {"x1": 1, "x9": 9}
        assert all(each["_etag"] for each in found.values())
        assert records.read_many("a", HOME, []) == {}

    @pytest.mark.parametrize(("predicate", "ids"), PREDICATES, ids=lambda value: str(value)[:40])
    def test_a_predicate_selects(self, three: Records, predicate: Predicate, ids: str) -> None:
        query = Query(Kind.CURRENT, "a", where=(predicate,))
        assert " ".join(sorted(found["id"] for found in three.query(query))) == ids
        assert three.count(query) == len(ids.split())

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("home", [HOME, None])
    def test_pages_by_keyset_show_every_item_once_in_order(
        self, records: Records, descending: bool, home: str | None
    ) -> None:
        records.commit(
            "a", HOME, [Create(item(f"x{n:02d}", ix={"date": f"2026-0{n % 3}"})) for n in range(30)]
        )
        seen: list[tuple[str, str]] = []
        after = None
        for _ in range(8):
            page = Query(
                Kind.CURRENT, "a", home, order_by="ix.date", descending=descending, after=after, limit=4
            )
            seen += [(found["ix"]["date"], found["id"]) for found in records.query(page)]
            after = seen[-1]
        dates = sorted({date for date, _ in seen}, reverse=descending)
        assert [date for date, _ in seen] == sorted((date for date, _ in seen), reverse=descending)
        assert len(set(seen)) == len(seen) == 30
        for date in dates:
            ids = [id_ for when, id_ in seen if when == date]
            assert ids == sorted(ids)

    def test_the_kind_is_part_of_every_question(self, three: Records) -> None:
        three.create(item("h", kind=Kind.HISTORY))
        assert three.count(Query(Kind.HISTORY, "a")) == 1
        assert three.count(Query(Kind.CURRENT, "a")) == 3

    def test_of_many_creates_at_once_one_wins(self, records: Records) -> None:
        won: list[int] = []

        def create(number: int) -> None:
            try:
                records.create(item("x", n=number))
                won.append(number)
            except AlreadyExists:
                pass

        threads = [threading.Thread(target=create, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = records.read("a", HOME, "x")
        assert found is not None
        assert won == [found["n"]]

    def test_a_store_that_stays_busy_says_so(self, records: Records, strike: Strike) -> None:
        strike(429, count=1_000)
        with pytest.raises(Busy):
            records.create(item("x"))
        with pytest.raises(Busy):
            records.commit("a", HOME, [Create(item("x")), Create(item("y"))])
        strike(0)
        assert records.read("a", HOME, "x") is None

    def test_a_store_that_cannot_be_reached_says_so(self, records: Records, strike: Strike) -> None:
        strike(503, count=1_000)
        with pytest.raises(Unavailable):
            records.read("a", HOME, "x")
        with pytest.raises(Unavailable):
            records.commit("a", HOME, [Create(item("x")), Create(item("y"))])

    def test_a_write_whose_answer_is_lost_may_have_been_applied(
        self, records: Records, strike: Strike
    ) -> None:
        strike(408, count=1, applied=True)
        with pytest.raises((Unavailable, AlreadyExists)):
            records.create(item("x"))
        strike(0)
        assert records.read("a", HOME, "x") is not None


def refuses_what_is_not_deployed(records: Records) -> None:
    """Nothing is set aside for it: a store that is missing is there after a deployment."""
    with pytest.raises(Unavailable):
        records.create(item("new"))
    two: list[Write] = [Create(item("one")), Create(item("two"))]
    with pytest.raises(Unavailable):
        records.commit("a", HOME, two)


class TestMemoryRecords(RecordsContract):
    @pytest.fixture
    def records(self, memory_records: Records) -> Records:
        return memory_records

    @pytest.fixture
    def strike(self, memory_script: Script) -> Strike:
        def set_(status: int, *, count: int = 0, applied: bool = False) -> None:
            error = Busy() if status == 429 else Unavailable()
            memory_script.plan = lambda _n, _w: Failure(error, applied=applied) if status else None

        return set_


class TestCosmosRecords(RecordsContract):
    @pytest.fixture
    def records(self, cosmos_records: Records) -> Records:
        return cosmos_records

    @pytest.fixture
    def strike(self, cosmos: Emulator) -> Iterator[Strike]:
        def set_(status: int, *, count: int = 0, applied: bool = False) -> None:
            if status:
                about = {"status": status, "count": count, "applied": applied, "match": "/docs"}
                ask(cosmos.port, "POST", about)
            else:
                ask(cosmos.port, "DELETE")

        yield set_
        ask(cosmos.port, "DELETE")

    def test_a_container_that_is_not_there_is_waited_for(self, database: DatabaseProxy) -> None:
        refuses_what_is_not_deployed(CosmosRecords(database.get_container_client("never-deployed")))


class TestDynamoRecords(RecordsContract):
    @pytest.fixture
    def records(self, dynamo_records: Records) -> Records:
        return dynamo_records

    @pytest.fixture
    def strike(self, aws: AwsServer) -> Iterator[Strike]:
        def set_(status: int, *, count: int = 0, applied: bool = False) -> None:
            if status:
                # The SDK asks again by itself: an answer is lost as often as it asks.
                about = {
                    "status": status,
                    "count": max(count, 1_000),
                    "applied": applied,
                    "match": "^dynamodb:",
                }
                ask(aws.port, "POST", about)
            else:
                ask(aws.port, "DELETE")

        yield set_
        ask(aws.port, "DELETE")

    def test_a_table_that_is_not_there_is_waited_for(self, dynamodb: Any, aws_lake: Lake) -> None:
        refuses_what_is_not_deployed(DynamoRecords(dynamodb, "never-deployed", aws_lake))
