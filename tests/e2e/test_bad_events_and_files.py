"""Bad input by stream and file: set aside with a pointer to its bytes, and everything good beside it processed."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import uuid
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bad_bodies import INVALID, NO_TYPE, UNKNOWN_TYPE, UNREADABLE, bomb
from tests.e2e.bad_letters import check_letter, found, good_patient, raw_bytes, raw_line
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


def test_bad_events_between_good_ones(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    events = []
    for number, bad in enumerate(BAD_LINES):
        events += [good_patient(tag, number), bad.body]
    extra = [b"", gzip.compress(b"{}" * 99)[:-9], bomb(200 << 20)]
    extra += [
        b"\xef\xbb\xbf" + good_patient(tag, 9_998),
        good_patient(tag, 9_999).replace(b", ", b",\r\n") + b"\r\n",
    ]
    send(platform, CLINICAL_EVENTS, [*events, *extra], key=tag)
    bad_count = len(BAD_LINES) + 3
    letters = dead_letters_after(platform, known, bad_count)
    eventually(lambda: found(api, tag) == len(BAD_LINES) + 2, "every good event is recorded")
    letters = fresh_dead_letters(platform, known)
    assert len(letters) == bad_count
    sent = {hashlib.sha256(body).hexdigest() for body in (*(bad.body for bad in BAD_LINES), *extra[:3])}
    pointed = set()
    for letter in letters:
        check_letter(platform, letter, "stream")
        line = raw_line(platform, letter)
        assert hashlib.sha256(raw_bytes(line)).hexdigest() == line["sha256"]
        pointed.add(line["sha256"])
    assert pointed == sent


def test_bad_readings_between_good_ones(platform: Platform, api: Api) -> None:
    known, source = dead_letters(platform), uuid.uuid4()
    day = date(1950, 1, 1) + timedelta(days=source.int % 20_000)
    good: dict[str, Any] = {"device": "d", "patient": source.hex, "effective": f"{day}T08:00:00Z"}
    good |= {"metric": "heart_rate", "value": 72, "unit": "/min"}
    wrong: list[dict[str, Any]] = [
        {**good, "value": "72"},
        {**good, "unit": "bpm"},
        {**good, "effective": "yesterday"},
        {**good, "metric": "mood"},
        {**good, "patient": ["p"]},
        {name: value for name, value in good.items() if name != "patient"},
    ]
    bad = [json.dumps(each).encode() for each in wrong] + [each.body for each in UNREADABLE]
    events = []
    for number, body in enumerate(bad):
        events += [json.dumps({**good, "effective": f"{day}T08:00:{number:02d}Z"}).encode(), body]
    send(platform, VITAL_SIGNS, events, key=source.hex)
    letters = dead_letters_after(platform, known, len(bad))
    eventually(lambda: api.total("Observation", date=str(day)) == len(bad), "every good reading is recorded")
    assert len(fresh_dead_letters(platform, known)) == len(bad)
    places = Counter(bool(issue.get("expression")) for each in letters for issue in each["outcome"]["issue"])
    assert places[True] >= len(wrong)
    for letter in letters:
        check_letter(platform, letter, "stream")


def test_bad_lines_between_good_ones(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    lines = [line for number, bad in enumerate(BAD_LINES) for line in (good_patient(tag, number), bad.body)]
    drop(platform, f"{tag}.ndjson", b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n\r\n")
    letters = dead_letters_after(platform, known, len(BAD_LINES))
    eventually(lambda: found(api, tag) == len(BAD_LINES), "every good line is recorded")
    assert len(fresh_dead_letters(platform, known)) == len(BAD_LINES)
    for letter in letters:
        check_letter(platform, letter, "file")
        assert hashlib.sha256(raw_bytes(line := raw_line(platform, letter))).hexdigest() == line["sha256"]


def test_a_cut_gzip_gives_what_came_before_the_cut(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    text = b"".join(good_patient(tag, number) + b"\n" for number in range(500))
    drop(platform, f"{tag}.ndjson.gz", gzip.compress(text, 0)[:-20])
    (letter,) = dead_letters_after(platform, known, 1)
    check_letter(platform, letter, "file")
    assert letter["raw"]["line"] == 0
    eventually(lambda: found(api, tag) >= 499, "what came before the cut is recorded")


def test_a_file_in_nobodys_folder_is_left_alone(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    drop(platform, "x.ndjson", good_patient(tag, 1), tenant="NOT_A_TENANT")
    drop(platform, f"{tag}.ndjson", good_patient(tag, 2))
    eventually(lambda: found(api, tag) == 1, "the other file is recorded")
    assert fresh_dead_letters(platform, known) == []


@pytest.mark.slow
def test_a_line_of_a_gigabyte_is_set_aside_in_bounded_memory(platform: Platform, api: Api) -> None:
    known, tag = dead_letters(platform), uuid.uuid4().hex
    line = gzip.compress(b"x" * (16 << 20)) * 62
    packed = (
        gzip.compress(good_patient(tag, 1) + b"\n")
        + line
        + gzip.compress(b"\n" + good_patient(tag, 2) + b"\n")
    )
    before = _peak_bytes(platform)
    ended, answers = threading.Event(), []

    def others() -> None:
        while not ended.wait(0.1):
            answers.append(api.total("Patient", _id="nobody"))

    watching = threading.Thread(target=others)
    watching.start()
    try:
        drop(platform, f"{tag}.ndjson.gz", packed)
        (letter,) = dead_letters_after(platform, known, 1)
        eventually(lambda: found(api, tag) == 2, "the lines around it are recorded")
    finally:
        ended.set()
        watching.join()
    assert letter["outcome"]["issue"][0]["code"] == "too-long"
    assert _peak_bytes(platform) - before < MAX_GROWTH_BYTES
    assert set(answers) == {0}, "others were answered meanwhile"


def _peak_bytes(platform: Platform) -> int:
    status = Path(f"/proc/{platform.pid('ingest')}/status").read_text("utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) << 10
