"""Bad input by stream and file: set aside with a pointer to its bytes, and everything good beside it processed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bad_bodies import INVALID, NO_TYPE, UNKNOWN_TYPE, UNREADABLE, bomb
from tests.e2e.doors import (
    CLINICAL_EVENTS,
    VITAL_SIGNS,
    Api,
    dead_letters,
    dead_letters_after,
    drop,
    fresh_dead_letters,
    send,
)
from tests.e2e.platform import Platform, eventually

BAD_LINES = tuple(bad for bad in (*UNREADABLE, *INVALID, UNKNOWN_TYPE, NO_TYPE) if b"\n" not in bad.body)
MAX_GROWTH_BYTES = 400 << 20


def _good(tag: str, number: int) -> bytes:
    identifier = {"system": f"urn:e2e:{tag}", "value": str(number)}
    return json.dumps({"resourceType": "Patient", "identifier": [identifier]}).encode()


def _found(api: Api, tag: str) -> int:
    return api.total("Patient", identifier=f"urn:e2e:{tag}|")


def _raw_line(platform: Platform, letter: dict[str, Any]) -> dict[str, Any]:
    path = platform.data / "lake" / "galen" / letter["raw"]["path"]
    lines = gzip.decompress(path.read_bytes()).splitlines()
    found: dict[str, Any] = json.loads(lines[letter["raw"]["line"] - 1])
    return found


def _raw_bytes(line: dict[str, Any]) -> bytes:
    return line["body"].encode() if "body" in line else base64.b64decode(line["body_b64"])


def _check(platform: Platform, letter: dict[str, Any], door: str) -> None:
    assert letter["door"] == door
    assert letter["status"] == "open"
    assert letter["stage"] in ("land", "decode", "validate")
    for issue in letter["outcome"]["issue"]:
        assert issue["severity"] in ("error", "fatal")
        assert issue["code"]
        assert len(issue["details"]["text"]) >= 15


def test_bad_events_between_good_ones(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    events = []
    for number, bad in enumerate(BAD_LINES):
        events += [_good(tag, number), bad.body]
    extra = [b"", gzip.compress(b"{}" * 99)[:-9], bomb(200 << 20), b"\xef\xbb\xbf" + _good(tag, 9_999)]
    send(platform, CLINICAL_EVENTS, [*events, *extra], key=tag)
    bad_count = len(BAD_LINES) + 3
    letters = dead_letters_after(platform, known, bad_count)
    eventually(lambda: _found(api, tag) == len(BAD_LINES) + 1, "every good event is recorded")
    letters = fresh_dead_letters(platform, known)
    assert len(letters) == bad_count
    sent = {hashlib.sha256(body).hexdigest() for body in (*(bad.body for bad in BAD_LINES), *extra[:3])}
    pointed = set()
    for letter in letters:
        _check(platform, letter, "stream")
        line = _raw_line(platform, letter)
        assert hashlib.sha256(_raw_bytes(line)).hexdigest() == line["sha256"]
        pointed.add(line["sha256"])
    assert pointed == sent


def test_bad_readings_between_good_ones(platform: Platform, api: Api) -> None:
    known, source = dead_letters(platform), uuid.uuid4().hex
    good: dict[str, Any] = {
        "device": "d",
        "patient": source,
        "effective": "2024-05-01T08:00:00Z",
        "unit": "/min",
    }
    good |= {"metric": "heart_rate", "value": 72}
    bad: list[dict[str, Any]] = [
        {**good, "value": "72"},
        {**good, "unit": "bpm"},
        {**good, "effective": "yesterday"},
        {**good, "metric": "mood"},
        {name: value for name, value in good.items() if name != "patient"},
    ]
    events = [each for number, one in enumerate(bad) for each in (
        {**good, "effective": f"2024-05-01T08:00:{number:02d}Z"}, one
    )]  # fmt: skip
    send(platform, VITAL_SIGNS, [json.dumps(event).encode() for event in events], key=source)
    letters = dead_letters_after(platform, known, len(bad))
    assert len(letters) == len(bad)
    assert all(issue["expression"] for letter in letters for issue in letter["outcome"]["issue"])


def test_bad_lines_between_good_ones(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    lines = [line for number, bad in enumerate(BAD_LINES) for line in (_good(tag, number), bad.body)]
    drop(platform, f"{tag}.ndjson", b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n\r\n")
    letters = dead_letters_after(platform, known, len(BAD_LINES))
    eventually(lambda: _found(api, tag) == len(BAD_LINES), "every good line is recorded")
    assert len(fresh_dead_letters(platform, known)) == len(BAD_LINES)
    for letter in letters:
        _check(platform, letter, "file")
        assert hashlib.sha256(_raw_bytes(line := _raw_line(platform, letter))).hexdigest() == line["sha256"]


def test_a_cut_gzip_gives_what_came_before_the_cut(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    text = b"".join(_good(tag, number) + b"\n" for number in range(500))
    drop(platform, f"{tag}.ndjson.gz", gzip.compress(text, 0)[:-20])
    (letter,) = dead_letters_after(platform, known, 1)
    _check(platform, letter, "file")
    assert letter["raw"]["line"] == 0
    eventually(lambda: _found(api, tag) >= 499, "what came before the cut is recorded")


@pytest.mark.parametrize(
    ("name", "content"),
    [("list.json", b"[]"), ("text.json", b"hello"), ("cut.json.gz", gzip.compress(b"{}" * 99)[:-9])],
)
def test_a_document_that_is_no_object_is_set_aside(platform: Platform, name: str, content: bytes) -> None:
    known = dead_letters(platform)
    drop(platform, f"{uuid.uuid4().hex}-{name}", content)
    (letter,) = dead_letters_after(platform, known, 1)
    _check(platform, letter, "file")


def test_a_bundle_with_one_bad_entry(platform: Platform, api: Api) -> None:
    """By stream a transaction is set aside whole, of a collection the bad entry alone."""
    for type_, expected in (("transaction", 0), ("collection", 2)):
        known, tag = dead_letters(platform), uuid.uuid4().hex
        entries = [
            {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": json.loads(_good(tag, n))} for n in range(3)
        ]
        entries[1]["resource"]["gender"] = 7
        bundle = {"resourceType": "Bundle", "type": type_, "entry": entries}
        send(platform, CLINICAL_EVENTS, [json.dumps(bundle).encode()], key=tag)
        (letter,) = dead_letters_after(platform, known, 1)
        assert letter["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.gender"]
        eventually(lambda tag=tag, expected=expected: _found(api, tag) == expected, "the good entries")  # type: ignore[misc]


def test_a_file_in_nobodys_folder_is_left_alone(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    drop(platform, "x.ndjson", _good(tag, 1), tenant="NOT_A_TENANT")
    drop(platform, f"{tag}.ndjson", _good(tag, 2))
    eventually(lambda: _found(api, tag) == 1, "the other file is recorded")
    assert fresh_dead_letters(platform, known) == []


@pytest.mark.slow
def test_a_line_of_a_gigabyte_is_set_aside_in_bounded_memory(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    line = gzip.compress(b"x" * (16 << 20)) * 62
    packed = gzip.compress(_good(tag, 1) + b"\n") + line + gzip.compress(b"\n" + _good(tag, 2) + b"\n")
    before = _peak_bytes(platform)
    ended, waits = threading.Event(), []

    def others() -> None:
        while not ended.wait(0.1):
            started = time.monotonic()
            api.total("Patient", _id="nobody")
            waits.append(time.monotonic() - started)

    watching = threading.Thread(target=others)
    watching.start()
    try:
        drop(platform, f"{tag}.ndjson.gz", packed)
        (letter,) = dead_letters_after(platform, known, 1)
        eventually(lambda: _found(api, tag) == 2, "the lines around it are recorded")
    finally:
        ended.set()
        watching.join()
    assert letter["outcome"]["issue"][0]["code"] == "too-long"
    assert _peak_bytes(platform) - before < MAX_GROWTH_BYTES
    assert max(waits) < 2.0


def _peak_bytes(platform: Platform) -> int:
    status = Path(f"/proc/{platform.pid('ingest')}/status").read_text("utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) << 10
