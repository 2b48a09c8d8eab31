"""`local send`: what it reads, what it expects of the platform, and that every resource is accounted for on a real one."""

from __future__ import annotations

import gzip
import json
import lzma
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.bench.platform import temporary_platform
from local.cli.options import door_of
from local.delivery.account import Account, reasons_of
from local.delivery.http_door import Posting, postings
from local.delivery.parcels import HUB_LIMIT_BYTES, Packer
from local.delivery.platform_counts import series
from local.delivery.show import print_accounts
from local.delivery.sources import MAX_TEXT_BYTES, TOO_LONG, Document, documents
from local.exits import CommandStopped
from local.layout import CHECKOUT
from local.run_state import RunState
from shared.adapters.memory.clock import MemoryClock
from shared.domain.records import Door
from shared.names import HUB_CLINICAL_EVENTS, HUB_VITAL_SIGNS
from tests.delivery.world import TENANT, World
from tests.patience import PATIENCE_S

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "ann", "gender": "female"}
WEIGHT: dict[str, Any] = {
    "resourceType": "Observation", "id": "weight", "status": "final", "code": {"text": "weight"},
    "subject": {"reference": "Patient/ann"},
}  # fmt: skip
READING = {"device": "m", "patient": "ann", "effective": "2026-01-01T08:00:00Z"} | {
    "metric": "heart_rate",
    "value": 70,
    "unit": "/min",
}
BAD: dict[str, Any] = {"resourceType": "Patient", "id": "bad", "gender": 7}


def packer() -> Packer:
    return Packer(TENANT, "default", MemoryClock(datetime(2026, 3, 29, 4, 0, tzinfo=UTC)))


def document(value: dict[str, Any], name: str = "one.json") -> Document:
    return Document(name, json.dumps(value, indent=1).encode())


def lines(*values: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


# what is read


def test_reads_folders_archives_and_packed_lines_one_document_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(PATIENT))
    (folder / "deep" / "b.ndjson.gz").write_bytes(gzip.compress(lines(PATIENT, WEIGHT) + b"\n"))
    (folder / "c.ndjson.xz").write_bytes(lzma.compress(lines(WEIGHT)))
    (folder / "note.txt").write_text("not for sending")
    with tarfile.open(folder / "d.tar.xz", "w:xz") as archive:
        archive.add(folder / "a.json", "x/a.json")
    with zipfile.ZipFile(folder / "e.zip", "w") as packed:
        packed.write(folder / "a.json", "a.json")
        packed.write(folder / "note.txt", "note.txt")
    found = [(each.name.removeprefix(f"{folder}/"), bool(each.group)) for each in documents([folder])]
    assert found == [
        ("a.json", False),
        ("c.ndjson.xz:1", True),
        ("d.tar.xz!x/a.json", False),
        ("deep/b.ndjson.gz:1", True),
        ("deep/b.ndjson.gz:2", True),
        ("e.zip!a.json", False),
    ]


def test_says_so_where_a_path_holds_nothing_to_send(tmp_path: Path) -> None:
    with pytest.raises(CommandStopped, match="holds nothing to send"):
        list(documents([tmp_path]))


def test_says_so_where_an_archive_is_cut(tmp_path: Path) -> None:
    cut = tmp_path / "cut.ndjson.gz"
    cut.write_bytes(gzip.compress(lines(PATIENT) * 100)[:-20])
    with pytest.raises(CommandStopped, match="cannot be read"):
        list(documents([cut]))


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(PATIENT))
    (tmp_path / "cut.ndjson.gz").write_bytes(gzip.compress(lines(PATIENT) * 100)[:-20])
    (tmp_path / "no.ndjson.gz").write_text('{"name":"canary4711"}')
    (tmp_path / "pretty.ndjson").write_text(json.dumps(PATIENT, indent=1))
    account = Account("http")
    found = [each.file for each in documents([tmp_path], account.skip)]
    assert found[0] == str(tmp_path / "a.json")
    assert [each.removeprefix(f"{tmp_path}/").partition(": ")[0] for each in account.unread] == [
        "cut.ndjson.gz",
        "no.ndjson.gz",
        "pretty.ndjson",
    ]
    assert "ends too early" in account.unread[0]
    assert "not gzip" in account.unread[1]
    assert "name it .json" in account.unread[2]
    assert "canary" not in str(account.unread)


def test_what_unpacks_to_more_than_any_door_takes_is_named_and_not_held(tmp_path: Path) -> None:
    spaces = gzip.compress(b" " * (MAX_TEXT_BYTES + 1), 1)
    (tmp_path / "a.json.gz").write_bytes(spaces)
    (tmp_path / "b.ndjson.gz").write_bytes(
        gzip.compress(lines(PATIENT)) + spaces + gzip.compress(b"\n" + lines(WEIGHT))
    )
    account = Account("http")
    assert [each.body for each in documents([tmp_path], account.skip)] == [
        lines(PATIENT).strip(),
        lines(WEIGHT).strip(),
    ]
    assert account.unread == [f"{tmp_path}/a.json.gz: {TOO_LONG}", f"{tmp_path}/b.ndjson.gz:2: {TOO_LONG}"]


def test_an_empty_file_is_called_empty_and_is_a_finding(tmp_path: Path) -> None:
    empty = tmp_path / "none.ndjson"
    empty.touch()
    with pytest.raises(CommandStopped, match=r"none\.ndjson is empty") as stopped:
        list(documents([empty]))
    assert stopped.value.exit_code == 1


def test_an_empty_path_between_others_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    """What was sent before it has to be accounted for, and what comes after it to be sent."""
    first, empty, folder, last = (tmp_path / name for name in ("a.json", "b.ndjson", "c", "d.ndjson"))
    folder.mkdir()
    empty.touch()
    first.write_text(json.dumps(PATIENT))
    last.write_bytes(lines(PATIENT))
    account = Account("file")
    found = [each.file for each in documents([first, empty, folder, last], account.skip)]
    assert found == [str(first), str(last)]
    (of_file, of_folder) = account.unread
    assert of_file == f"{empty}: it is empty: there is nothing to send"
    assert of_folder.startswith(f"{folder}: it holds nothing to send")


def test_a_path_with_nothing_known_lists_packed_endings_too(tmp_path: Path) -> None:
    with pytest.raises(CommandStopped, match=r"\.gz, \.xz, \.bz2.*\.zip"):
        list(documents([tmp_path]))


# what is expected of the platform


def test_knows_the_ids_that_the_platform_gives(world: World) -> None:
    parcels = [packer().parcel(document(each), Door.STREAM) for each in (PATIENT, WEIGHT)]
    world.send(*(parcel.body for parcel in parcels))
    expected = {str(key) for parcel in parcels for key in parcel.keys.values()}
    assert {f"{item['type']}/{item['rid']}" for item in world.current()} == expected


def test_resources_of_one_patient_share_a_partition_key() -> None:
    parcels = [packer().parcel(document(each), Door.STREAM) for each in (PATIENT, WEIGHT)]
    assert parcels[0].key == parcels[1].key != ""


def test_device_readings_go_to_their_own_hub_and_only_by_stream() -> None:
    assert packer().parcel(document(READING), Door.STREAM).hub == HUB_VITAL_SIGNS
    assert packer().parcel(document(PATIENT), Door.STREAM).hub == HUB_CLINICAL_EVENTS
    account = Account("http")
    assert list(postings([document(READING)], account)) == []
    assert (account.received, account.rejected) == (1, 1)


def test_what_no_hub_takes_is_gzipped_and_goes_by_landing_only_if_that_does_not_help() -> None:
    large = {**PATIENT, "text": {"status": "generated", "div": "x" * (HUB_LIMIT_BYTES + 1)}}
    parcel = packer().parcel(document(large), Door.STREAM)
    assert parcel.fits_hub
    assert gzip.decompress(parcel.body) == packer().by_landing(parcel).body
    assert not packer().parcel(document(large), Door.FILE).fits_hub


def test_a_deletion_is_looked_for_as_gone() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "DELETE", "url": "Patient/ann"}}],
    }
    parcel = packer().parcel(document(bundle), Door.STREAM)
    assert (len(parcel.keys), len(parcel.gone), parcel.resources) == (0, 1, 1)


# what is posted


def posted(*values: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(postings([document(value) for value in values], Account("http")))
    assert all(isinstance(each, Posting) for each in found)
    return [json.loads(each.body) for each in found]


def test_loose_resources_are_put_in_batches_of_a_hundred() -> None:
    bundles = posted(*({**PATIENT, "id": str(number)} for number in range(101)), {"resourceType": "Patient"})
    assert [(each["type"], len(each["entry"])) for each in bundles] == [("batch", 100), ("batch", 2)]
    assert bundles[0]["entry"][0]["request"] == {"method": "PUT", "url": "Patient/0"}
    assert bundles[1]["entry"][1]["request"] == {"method": "POST", "url": "Patient"}


def test_a_transaction_is_posted_as_it_is_and_a_linked_collection_as_a_transaction() -> None:
    entry = {"fullUrl": "urn:uuid:1", "resource": PATIENT}
    post = {"method": "POST", "url": "Patient"}
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": [{**entry, "request": post}]}
    collection = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    first, second = posted(transaction, collection)
    assert first == transaction
    assert second["type"] == "transaction"
    assert second["entry"][0]["request"] == {"method": "POST", "url": "Patient"}


def test_the_first_reason_names_where_it_is_and_shows_errors_before_warnings() -> None:
    issues = [
        {"severity": "warning", "code": "informational"},
        {
            "severity": "error",
            "code": "value",
            "expression": ["Patient.gender"],
            "details": {"text": "Wrong."},
        },
    ]
    assert reasons_of({"issue": issues}) == ["value at Patient.gender: Wrong."]


def test_reasons_of_a_loose_resource_do_not_name_the_bundle_it_was_posted_in() -> None:
    issue = {"severity": "error", "code": "value", "expression": ["Bundle.entry[3].resource.gender"]}
    assert reasons_of({"issue": [issue]}, within="Patient") == ["value at Patient.gender:"]
    assert reasons_of({"issue": [issue]}) == ["value at Bundle.entry[3].resource.gender:"]


def test_a_type_that_r4_does_not_have_is_posted_with_the_reason_of_the_validator() -> None:
    named = Document("in/a.ndjson:7", json.dumps({"resourceType": "Transport"}).encode(), "in/a.ndjson", 7)
    (posting,) = postings([named], Account("http"))
    assert isinstance(posting, Posting)
    origin = posting.origin(0)
    assert (origin.file, origin.line) == ("in/a.ndjson", 7)
    assert "Transport is a resource of R5" in origin.invalid[0]


def test_a_type_that_r4_does_not_have_waits_for_its_dead_letter_and_is_not_searched_for() -> None:
    entries = [{"resource": PATIENT}, {"resource": {"resourceType": "Transport", "id": "a"}}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    parcel = packer().parcel(document(bundle), Door.STREAM)
    assert ([key.type for key in parcel.keys.values()], parcel.resources) == (["Patient"], 2)
    assert packer().parcel(document({"resourceType": "Bundle", "type": "batch"}), Door.FILE).resources == 0


def test_a_rejection_shows_its_place_five_reasons_and_how_many_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = Account("stream")
    account.sent(1, 10)
    account.reject(1, [f"value at Patient.x{number}: wrong" for number in range(7)], "in.zip!a/b.ndjson", 12)
    print_accounts([account])
    said = capsys.readouterr().err
    assert "rejected 1, in in.zip!a/b.ndjson:12" in said
    assert "x4: wrong" in said
    assert "x5: wrong" not in said
    assert "and 2 more" in said
    assert "dead-letters list" in said
    (rejection,) = account.as_json()["rejections"]
    assert (rejection["file"], rejection["line"], len(rejection["reasons"])) == ("in.zip!a/b.ndjson", 12, 7)


def test_door_blob_is_another_spelling_of_door_file() -> None:
    assert (door_of("blob"), door_of("file"), door_of("http")) == ("file", "file", "http")


def test_reads_an_exposition() -> None:
    text = '# HELP x y\nx_total{door="http",a="b\\"c"} 3\nlag 0.5\n'
    assert list(series(text)) == [("x_total", {"door": "http", "a": 'b\\"c'}, 3.0), ("lag", {}, 0.5)]


# on a platform that runs


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunState]:
    with temporary_platform(tmp_path_factory.mktemp("platform")) as state:
        yield state


def run_local(state: RunState, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", *arguments, "--data", state.data]
    return subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


@pytest.mark.parametrize("door", ["http", "stream", "file"])
def test_accounts_for_good_and_bad_through_each_door(platform: RunState, tmp_path: Path, door: str) -> None:
    file = tmp_path / "mixed.ndjson"
    transport = {"resourceType": "Transport", "id": "a", "x": door}
    file.write_bytes(lines({**PATIENT, "id": door}, {**BAD, "id": f"bad-{door}"}, transport) + b"not json\n")
    done = run_local(platform, "send", str(file), "--door", door, "--format", "json")
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    counts = {name: account[name] for name in ("received", "valid", "rejected", "recorded", "unaccounted")}
    assert counts == {"received": 4, "valid": 1, "rejected": 3, "recorded": 1, "unaccounted": []}
    told = {each["line"]: each["reasons"][0] for each in account["rejections"]}
    assert {each["file"] for each in account["rejections"]} == {str(file)}
    assert "at Patient.gender" in told[2]
    assert "Transport is a resource of R5" in told[3]
    assert "does not look like JSON" in told[4]


def test_dead_letters_and_status_show_what_was_refused(platform: RunState) -> None:
    listed = run_local(platform, "dead-letters", "list", "--format", "json")
    letters = [json.loads(line) for line in listed.stdout.splitlines()]
    assert {(each["door"], each["stage"]) for each in letters} >= {("stream", "decode"), ("file", "validate")}
    raw = next(each for each in letters if each["stage"] == "decode")
    shown = run_local(platform, "dead-letters", "show", raw["id"], "--raw")
    assert shown.stdout == "not json"
    status = run_local(platform, "status", "--format", "json")
    counts = json.loads(status.stdout)["counts"]
    assert counts["dead_letters_open"] == {"decode": 2, "validate": 4}


def test_wrong_usage_and_a_missing_platform_have_their_own_exit_codes(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(PATIENT))
    command = [sys.executable, "-m", "local", "send", str(file), "--data", str(tmp_path / "none")]
    lacking = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert lacking.returncode == 2
    absent = subprocess.run(
        [*command, "--door", "http"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert (absent.returncode, absent.stdout) == (3, "")
