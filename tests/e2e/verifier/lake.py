"""The raw zone as plain files: every chain without a gap, every line what it says, every event and file line there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import Counter
from itertools import groupby
from typing import Any

from files import File, raw_files
from records import Snapshot


def check_lake(manifest: Any, snapshot: Snapshot) -> list[str]:
    """One finding for each gap, altered line, lost event or unlanded commit."""
    findings: list[str] = []
    seen: Counter[str] = Counter()
    files = raw_files(manifest["lake"])
    commits = [file for file in files if file[0].parts[0] == "commits"]
    landed = [file for file in files if file[0].parts[0] != "commits"]
    for _, chain in groupby(landed, lambda file: file[0].parent):
        findings += _chain(list(chain), seen)
    findings += [f"event not landed: {digest[:12]}" for digest in manifest["events"] if not seen[digest]]
    for digest, attempts in manifest["events"].items():
        if seen[digest] > attempts:
            findings.append(f"event landed {seen[digest]} times, sent {attempts} times: {digest[:12]}")
    findings += [
        f"line of a file not landed: {digest[:12]}" for digest in manifest["file_lines"] if not seen[digest]
    ]
    return findings + _commits(commits, manifest, snapshot)


def _chain(files: list[File], seen: Counter[str]) -> list[str]:
    findings: list[str] = []
    folder = files[0][0].parent
    is_file = "files" in folder.parts
    expected, ordinal = 1 if is_file else 0, 0
    for path, read in files:
        start = int(path.name.partition(".")[0])
        lines = [json.loads(line) for line in gzip.decompress(read()).splitlines()]
        if start != expected:
            findings.append(f"hole before {path.name} of {folder.name}: {expected} was expected")
        if not lines:
            findings.append(f"empty file {path.name} of {folder.name}")
            continue
        sequences = [line["sequence"] for line in lines]
        if not _is_whole(lines, sequences, start, ordinal, has_gaps=is_file):
            findings.append(f"sequences of {path.name} of {folder.name} have a gap or a double")
        expected, ordinal = sequences[-1] + 1, ordinal + len(lines)
        for line in lines:
            body = line["body"].encode() if "body" in line else base64.b64decode(line["body_b64"])
            if hashlib.sha256(body).hexdigest() != line["sha256"]:
                findings.append(f"altered line {line['sequence']} of {folder.name}")
            seen[line["sha256"]] += 1
    return findings


def _is_whole(lines: list[Any], sequences: list[int], start: int, ordinal: int, *, has_gaps: bool) -> bool:
    """Sequences count, or rise where a line's `ordinal` counts; blank lines of a file have a number and are left out."""
    rises = sequences == sorted(set(sequences)) and sequences[0] >= start
    if "ordinal" in lines[0]:
        return rises and [line["ordinal"] for line in lines] == list(range(ordinal, ordinal + len(lines)))
    return sequences == list(range(start, start + len(lines))) or (has_gaps and rises)


def _commits(files: list[File], manifest: Any, snapshot: Snapshot) -> list[str]:
    """Every current version that came by HTTP stands in a commit file."""
    landed = set()
    for _, read in files:
        for text in gzip.decompress(read()).splitlines():
            line = json.loads(text)
            landed.add((line["type"], line["id"], line["version"]))
    findings = []
    for serial, sent in manifest["resources"].items():
        for resource in snapshot.by_serial.get(serial, ()) if sent["door"] == "http" else ():
            version = (resource["resourceType"], resource["id"], resource["meta"]["versionId"])
            if version not in landed:
                findings.append(f"commit not landed: {serial}")
    return findings
