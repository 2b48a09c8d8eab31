"""Adverse event reports over the wire: real ones land, corrupt and doubled ones harm nothing, and nobody gets a record."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.doors import dead_letters, fresh_dead_letters, send
from tests.e2e.platform import Platform, eventually

HUB = "safety-reports"


def landed(platform: Platform) -> list[dict[str, Any]]:
    """The raw lines of the zone, as they stand in the lake."""
    folder = platform.data / "lake" / "galen" / "raw" / HUB
    texts = [gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.rglob("*.ndjson.gz"))]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def real_reports() -> list[bytes]:
    archive = Path(os.environ.get("GALEN_TEST_DATA", "/nowhere")) / "openfda-events.tar.xz"
    if not archive.exists():
        pytest.skip("not tested: real openFDA reports over the wire, which GALEN_TEST_DATA does not have")
    with tarfile.open(archive) as opened:
        (member,) = opened.getmembers()
        found = json.loads(opened.extractfile(member).read())  # type: ignore[union-attr]
    return [json.dumps(report).encode() for report in found["results"]]


def test_real_reports_land_byte_for_byte_and_none_is_set_aside(platform: Platform) -> None:
    reports, known = real_reports(), dead_letters(platform)
    send(platform, HUB, reports, key="openfda")
    eventually(lambda: {line["body"] for line in landed(platform)} >= {r.decode() for r in reports}, "landed")
    assert fresh_dead_letters(platform, known) == []


def test_generated_reports_with_faults_and_repeats_are_all_landed_and_each_fault_is_set_aside(
    platform: Platform,
) -> None:
    known, before = dead_letters(platform), len(landed(platform))
    arguments = ["--rate", "100", "--for", "2s", "--seed", "7", "--broken", "0.1", "--repeated", "0.2"]
    done = platform.command("generate", HUB, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["sent"], said["not_landed"]) == (200, 0)
    fresh = fresh_dead_letters(platform, known)
    assert len(landed(platform)) - before == 200
    assert 0 < len(fresh) == said["set_aside"] < 60
    assert {letter["stage"] for letter in fresh} == {"decode", "validate"}
    assert all("G0000" not in json.dumps(letter) for letter in fresh)


def test_generated_vitals_are_recorded_and_scored(platform: Platform) -> None:
    done = platform.command(
        *(
            "generate",
            "vitals",
            "--rate",
            "50",
            "--for",
            "1s",
            "--patients",
            "5",
            "--seed",
            "7",
            "--format",
            "json",
        )
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["sent"], said["not_landed"], said["set_aside"]) == (50, 0, 0)


def test_a_report_that_names_a_person_is_kept_out_of_logs_and_answers(platform: Platform) -> None:
    known = dead_letters(platform)
    send(platform, HUB, [b'{"safetyreportid":"canary-9","patient":{"patientinitial":"canary-8"}}'], key="c")
    (letter,) = eventually(lambda: fresh_dead_letters(platform, known), "set aside")
    assert "canary" not in json.dumps(letter)
    assert "canary" not in platform.logs()
    listed = platform.command("dead-letters", "list", "--port", str(platform.port))
    assert "canary" not in listed.stdout + listed.stderr
