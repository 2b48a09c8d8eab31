"""What arrives is landed once, whoever lands it, and a dropped file goes on where an earlier run stopped."""

from __future__ import annotations

import gzip
from itertools import count
from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.outcome import Issue, error
from shared.domain.ingest.chain import hub_chain, unpack
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from shared.names import RawZone
from shared.services import file_door
from shared.services.chain_walk import walk_chains
from shared.services.landing import Forked, Landing
from shared.services.sweep import FILE_AGE
from tests.delivery.world import Killed, Stores, World, caller, patient

CHAIN = hub_chain(RawZone.PATIENT_RECORDS, "hub", "g", "ward", "0")
AT = "2026-03-29T01:30:00.000000Z"


def lines(first: int, last: int, *, body: str = "") -> list[RawLine]:
    made = []
    for number in range(first, last + 1):
        raw = (body or f"body {number}").encode()
        made.append(
            RawLine("ward", "stream", "z", "s", "hub", "g", "0", number, AT, "", sha256_hex(raw), raw)
        )
    return made


def landing(stores: Stores) -> Landing:
    return Landing(stores.lake, stores.clock)


def test_two_owners_with_overlapping_batches_land_each_line_once() -> None:
    stores = Stores()
    first, second = landing(stores), landing(stores)
    first.land(CHAIN, lines(0, 9))
    found = second.land(CHAIN, lines(5, 14))
    assert [each.line.sequence for each in found] == list(range(5, 15))
    first.land(CHAIN, lines(10, 19))
    assert first.end_of(CHAIN) == 19
    assert not list(walk_chains(stores.lake, read=True))
    assert len(list(stores.lake.list(CHAIN.folder))) == 3


def test_a_gap_in_the_stream_is_landed_and_its_lines_found_again() -> None:
    stores = Stores()
    landing(stores).land(CHAIN, lines(1_000_000, 1_000_005))
    found = landing(stores).land(CHAIN, lines(1_000_002, 1_000_007))
    assert [each.line.sequence for each in found] == list(range(1_000_002, 1_000_008))
    assert not list(walk_chains(stores.lake, read=True))


def test_another_content_under_the_same_sequence_is_a_fork() -> None:
    stores = Stores()
    landing(stores).land(CHAIN, lines(0, 3))
    with pytest.raises(Forked):
        landing(stores).land(CHAIN, lines(0, 3, body="other"))


def test_half_a_surrogate_pair_beside_the_body_does_not_stop_the_stream(world: World) -> None:
    from shared.domain.ingest.stream_record import StreamRecord

    body = json.encode(patient("p")).encode()
    record = StreamRecord(body, 0, world.clock.now(), properties={"note": "\ud800"})
    world.stream_door.receive("clinical-events", "0", [record])
    assert len(world.current("Patient")) == 1


def ndjson(number: int) -> bytes:
    return b"".join(json.encode(patient(f"p{n}")).encode() + b"\n" for n in range(number))


def test_a_dropped_file_is_recorded_and_known_when_it_is_announced_again(world: World) -> None:
    path = world.drop("ward/patients.ndjson", b"\xef\xbb\xbf" + ndjson(50).replace(b"\n", b"\r\n"))
    progress = world.file_door.receive(path)
    assert (progress.done, progress.tally.lines, progress.tally.rejected) == (True, 50, 0)
    assert len(world.current()) == 50
    assert world.file_door.receive(path).tally.lines == 0


def test_a_file_cut_at_every_store_write_resumes_and_ends_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_door, "PIECE_LINES", 10)
    for number in count(1):
        stores = Stores()
        world = World(stores)
        path = world.drop("ward/patients.ndjson.gz", gzip.compress(ndjson(25) + b"{bad\n"))
        world.kill_at(number)
        try:
            finished = world.file_door.receive(path).done
        except Killed:
            finished = False
        later = World(stores)
        stores.clock.advance(FILE_AGE.total_seconds() + 1)
        later.sweep.take_files()
        assert len(later.current()) == 25
        assert len(list(later.dead_letters.list())) == 1
        assert not list(walk_chains(stores.lake, read=True))
        assert all(ledger["done"] for ledger in later.kinds("ledger"))
        if finished:
            return


class Fussy:
    """Refuses what some rule of the day does not like."""

    def __init__(self) -> None:
        self.lenient = False

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        bad = not self.lenient and resource.get("gender") == "unknown"
        return [error("business-rule", "Not today.", "Patient.gender")] if bad else []


@pytest.mark.parametrize("kill", [0, 30, 31, 40, 45, 46, 47, 60])
def test_a_file_with_very_many_bad_lines_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, kill: int
) -> None:
    monkeypatch.setattr(file_door, "PIECE_LINES", 10)
    monkeypatch.setattr(file_door, "MOST_SET_ASIDE", 20)
    fussy, stores = Fussy(), Stores()
    genders = ["unknown" if number % 4 else "female" for number in range(100)]
    bodies = [patient(f"p{number}", gender=gender) for number, gender in enumerate(genders)]
    world = World(stores, validator=fussy)
    path = world.drop("ward/bad.ndjson", b"\n".join(json.encode(body).encode() for body in bodies))
    if kill:
        world.kill_at(kill, after=bool(kill % 2))
        with pytest.raises(Killed):
            world.file_door.receive(path)
        world = World(stores, validator=fussy)
        stores.clock.advance(FILE_AGE.total_seconds() + 1)
        world.sweep.take_files()
    else:
        assert world.file_door.receive(path).tally.rejected == 75
    assert len(world.current()) == 25
    letters = list(world.dead_letters.list())
    assert len(letters) < 40
    named = {
        unpack(stores.lake.read(letter.raw.path))[line - 1].sequence
        for letter in letters
        for line, _ in letter.places
    }
    assert named == {number for number, gender in enumerate(genders, 1) if gender == "unknown"}
    assert world.rebuilt().differences == []
    assert not any(world.replay.run(letter).recovered for letter in letters)
    fussy.lenient = True
    assert all(world.replay.run(letter).recovered for letter in letters)
    assert len(world.current()) == 100
    assert list(world.dead_letters.list()) == []


def test_the_sweeper_finds_a_file_nobody_announced(world: World) -> None:
    world.drop("ward/lost.ndjson", ndjson(3))
    world.drop("no-tenant.ndjson", ndjson(3))
    world.moving.advance(FILE_AGE.total_seconds() + 1)
    assert world.sweep.take_files() == 1
    assert len(world.current()) == 3
    assert world.sweep.take_files() == 0


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("empty.ndjson", b"", "structure"),
        ("blank.ndjson", b"\r\n\n  \n", "structure"),
        ("cut.ndjson.gz", gzip.compress(ndjson(400), mtime=0)[:-40], "incomplete"),
        ("torn.ndjson.gz", b"\x1f\x8b" + b"nonsense" * 9, "structure"),
        ("large.json", b" " * (65 << 20), "too-long"),
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside_once(
    world: World, name: str, body: bytes, code: str
) -> None:
    path = world.drop(f"ward/{name}", body)
    for _ in range(2):
        assert world.file_door.receive(path).done
    [letter] = world.dead_letters.list()
    assert letter.outcome["issue"][0]["code"] == code
    assert name not in str(letter)


def test_a_file_deleted_while_it_is_read_stops_quietly(world: World) -> None:
    path = world.drop("ward/p.ndjson", ndjson(3))
    deleted = False

    def plan(name: str, _writes: bool) -> None:
        nonlocal deleted
        if name == "lake.stream" and not deleted:
            deleted = True
            world.stores.dropped.delete(path)

    world.script.plan = plan
    assert world.file_door.receive(path).done
    assert not world.current()


@pytest.mark.parametrize("damage", ["byte of a record", "record", "raw file", "line", "nothing"])
def test_a_rebuild_from_raw_names_what_differs(damage: str) -> None:
    world = World()
    world.send(*(patient(f"p{n}") for n in range(20)))
    world.send(*(patient(f"q{n}") for n in range(20)), first=20)
    world.interactions.create(caller(), patient())
    world.react()
    items = world.stores.records._items
    files = world.stores.lake._files
    keys = [key for key, item in items.items() if item["kind"] == "current"]
    first = sorted(path for path in files if path.startswith("raw/patient-records") and path.endswith(".gz"))[
        0
    ]
    if damage == "byte of a record":
        items[keys[3]]["body"] = items[keys[3]]["body"].replace("female", "femalf")
    elif damage == "record":
        del items[keys[3]]
    elif damage == "raw file":
        del files[first]
    elif damage == "line":
        file, data = files[first]
        kept = gzip.decompress(data).splitlines(keepends=True)[1:]
        files[first] = (file, gzip.compress(b"".join(kept)))
    found = world.rebuilt()
    assert (found.files, found.current) == (3 - (damage == "raw file"), 41 - (damage == "record"))
    named = {each.kind for each in found.differences}
    assert (
        named
        == {
            "byte of a record": {"current: differs from raw"},
            "record": {"current: in raw, not on record"},
            "raw file": {"raw file hole", "current: on record, not in raw"},
            "line": {"raw file altered", "current: on record, not in raw"},
            "nothing": set(),
        }[damage]
    )
