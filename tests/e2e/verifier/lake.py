"""The raw zone as plain files: every chain without a gap, every line what it says, every event and file line there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from records import Snapshot


def check_lake(manifest: Any, snapshot: Snapshot) -> list[str]:
    """One finding for each gap, altered line, lost event or unlanded commit."""
    raw = Path(manifest["lake"]) / "galen" / "raw"
    findings: list[str] = []
    seen: Counter[str] = Counter()
    for folder in sorted({path.parent for path in raw.rglob("*.ndjson.gz")}):
        if folder.relative_to(raw).parts[0] != "commits":
            findings += _chain(folder, seen)
    findings += [f"event not landed: {digest[:12]}" for digest in manifest["events"] if not seen[digest]]
    for digest, attempts in manifest["events"].items():
        if seen[digest] > attempts:
            findings.append(f"event landed {seen[digest]} times, sent {attempts} times: {digest[:12]}")
    findings += [
        f"line of a file not landed: {digest[:12]}" for digest in manifest["file_lines"] if not seen[digest]
    ]
    return findings + _commits(raw / "commits", manifest, snapshot)


def _chain(folder: Path, seen: Counter[str]) -> list[str]:
    findings: list[str] = []
    is_file = "files" in folder.parts
    expected = 1 if is_file else 0
    for path in sorted(folder.glob("*.ndjson.gz")):
        start = int(path.name.partition(".")[0])
        lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        if start != expected:
            findings.append(f"hole before {path.name} of {folder.name}: {expected} was expected")
        if not lines:
            findings.append(f"empty file {path.name} of {folder.name}")
            continue
        sequences = [line["sequence"] for line in lines]
        whole = sequences == list(range(start, start + len(lines)))
        # Blank lines of a file have a number and are left out.
        if not whole and not (is_file and sequences == sorted(set(sequences))):
            findings.append(f"sequences of {path.name} of {folder.name} have a gap or a double")
        expected = sequences[-1] + 1
        for line in lines:
            body = line["body"].encode() if "body" in line else base64.b64decode(line["body_b64"])
            if hashlib.sha256(body).hexdigest() != line["sha256"]:
                findings.append(f"altered line {line['sequence']} of {folder.name}")
            seen[line["sha256"]] += 1
    return findings


def _commits(folder: Path, manifest: Any, snapshot: Snapshot) -> list[str]:
    """Every current version that came by HTTP stands in a commit file."""
    landed = set()
    for path in folder.rglob("*.ndjson.gz"):
        for text in gzip.decompress(path.read_bytes()).splitlines():
            line = json.loads(text)
            landed.add((line["type"], line["id"], line["version"]))
    findings = []
    for serial, sent in manifest["resources"].items():
        for resource in snapshot.by_serial.get(serial, ()) if sent["door"] == "http" else ():
            version = (resource["resourceType"], resource["id"], resource["meta"]["versionId"])
            if version not in landed:
                findings.append(f"commit not landed: {serial}")
    return findings
