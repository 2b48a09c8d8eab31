"""Bad documents, bundles and ids by stream and file: set aside whole where half of one would be wrong, and nobody else's."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.bad_bodies import DEEP, bomb
from tests.e2e.bad_letters import check_letter, found, good_patient, raw_bytes, raw_line
from tests.e2e.doors import (
    CLINICAL_EVENTS,
    Api,
    dead_letters,
    dead_letters_after,
    drop,
    drop_at_once,
    fresh_dead_letters,
    send,
)
from tests.e2e.platform import Platform, eventually

MUELLER = '{"resourceType":"Patient","name":[{"family":"Müller"}]}'
DOORS = ("stream", "file")


def _bring(platform: Platform, door: str, tag: str, body: bytes) -> None:
    """One event, or one document."""
    if door == "stream":
        send(platform, CLINICAL_EVENTS, [body], key=tag)
    else:
        drop(platform, f"{tag}-{uuid.uuid4().hex[:8]}.json", body)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.json", b"", "structure"),
        ("empty.ndjson", b"", "structure"),
        ("empty.json.gz", gzip.compress(b""), "structure"),
        ("blank.ndjson", b"\xef\xbb\xbf\r\n\r\n", "structure"),
        ("list.json", b"[]", "structure"),
        ("text.json", b"hello", "structure"),
        ("mueller.json", MUELLER.encode("latin-1"), "structure"),
        ("mueller.ndjson", MUELLER.encode("utf-16"), "structure"),
        ("deep.json", b"[" * DEEP, "too-costly"),
        ("cut.json.gz", gzip.compress(b"{}" * 99)[:-9], "incomplete"),
        ("cut.ndjson.gz", gzip.compress(b"")[:-4], "incomplete"),
        ("damaged.ndjson.gz", gzip.compress(b"{}")[:10] + b"\xff" * 9, "structure"),
        ("large.json", lambda: b" " * (100 << 20), "too-long"),
        ("bomb.json.gz", lambda: bomb(512 << 20), "too-long"),
        ("bomb.ndjson.gz", lambda: bomb(1100 << 20), "too-long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_taken_is_set_aside(
    platform: Platform, name: str, content: bytes | Callable[[], bytes], code: str
) -> None:
    known = dead_letters(platform)
    drop_at_once(platform, f"{uuid.uuid4().hex}-{name}", content() if callable(content) else content)
    (letter, *more) = dead_letters_after(platform, known, 1)
    assert not more
    check_letter(platform, letter, "file")
    assert letter["outcome"]["issue"][0]["code"] == code


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("type_", "expected"), [("transaction", 0), ("batch", 2), ("collection", 2)])
def test_a_bundle_with_one_bad_entry(
    platform: Platform, api: Api, door: str, type_: str, expected: int
) -> None:
    """A transaction is set aside whole, of any other bundle the bad entry alone; it is named."""
    known, tag = dead_letters(platform), uuid.uuid4().hex
    body = _bundle(type_, tag, gender=7)
    _bring(platform, door, tag, body)
    (letter,) = dead_letters_after(platform, known, 1)
    check_letter(platform, letter, door)
    assert letter["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.gender"]
    assert raw_bytes(raw_line(platform, letter)) == body
    eventually(lambda: found(api, tag) == expected, "the good entries are recorded")


@pytest.mark.parametrize("door", DOORS)
def test_a_dangling_reference_in_a_transaction(platform: Platform, api: Api, door: str) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    nobody = {"reference": f"urn:uuid:{uuid.uuid4()}"}
    _bring(platform, door, tag, _bundle("transaction", tag, managingOrganization=nobody))
    (letter,) = dead_letters_after(platform, known, 1)
    check_letter(platform, letter, door)
    assert letter["outcome"]["issue"][0]["expression"] == [
        "Bundle.entry[1].resource.managingOrganization.reference"
    ]
    assert found(api, tag) == 0


@pytest.mark.parametrize("door", DOORS)
def test_an_id_with_dots_names_no_file_and_no_record(platform: Platform, door: str) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    _bring(platform, door, tag, _bundle("collection", tag, id=f"../../{tag}"))
    (letter,) = dead_letters_after(platform, known, 1)
    check_letter(platform, letter, door)
    assert letter["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.id"]
    # The dropped file alone is named by it, for its sender chose that name.
    paths = [path for path in platform.data.rglob(f"*{tag}*") if "landing" not in path.parts]
    assert paths == []


@pytest.mark.parametrize("door", DOORS)
def test_another_tenants_id_is_not_another_tenants_resource(
    platform: Platform, api: Api, stranger: Api, door: str
) -> None:
    made = stranger.post_fhir("/fhir/Patient", {"resourceType": "Patient", "gender": "female"})
    path, tag = f"/fhir/Patient/{made.json()['id']}", uuid.uuid4().hex
    foreign = {**json.loads(good_patient(tag, 1)), "id": made.json()["id"], "gender": "male"}
    _bring(platform, door, tag, json.dumps(foreign).encode())
    eventually(lambda: found(api, tag) == 1, "it is recorded in the sender's own tenant")
    assert api.get(path).json()["gender"] == "male"
    theirs = stranger.get(path)
    assert (theirs.json()["gender"], theirs.headers["etag"]) == ("female", made.headers["etag"])


def test_a_tenants_folder_is_that_tenants_alone(platform: Platform, api: Api, stranger: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    drop(platform, f"{tag}.ndjson", good_patient(tag, 1), tenant="other")
    eventually(lambda: found(stranger, tag) == 1, "it is recorded in the folder's tenant")
    assert found(api, tag) == 0
    assert fresh_dead_letters(platform, known) == []


def _bundle(type_: str, tag: str, **bad: Any) -> bytes:
    """Three patients, the second of which is bad."""
    entries = [
        {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": json.loads(good_patient(tag, number))}
        for number in range(3)
    ]
    entries[1]["resource"] |= bad
    return json.dumps({"resourceType": "Bundle", "type": type_, "entry": entries}).encode()
