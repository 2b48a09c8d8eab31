"""What every dead letter must say and lead to, and the good patients around what is bad."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from tests.e2e.doors import Api
from tests.e2e.platform import Platform

ACTIONABLE_CHARS = 15


def good_patient(tag: str, number: int) -> bytes:
    """A valid Patient, found by its tag."""
    identifier = {"system": f"urn:e2e:{tag}", "value": str(number)}
    return json.dumps({"resourceType": "Patient", "identifier": [identifier]}).encode()


def found(api: Api, tag: str) -> int:
    """How many patients of a tag are on record."""
    return api.total("Patient", identifier=f"urn:e2e:{tag}|")


def check_letter(platform: Platform, letter: dict[str, Any], door: str) -> None:
    """An open dead letter names its door and stage, and says what is wrong in words one can act on."""
    assert letter["door"] == door
    assert letter["status"] == "open"
    assert letter["stage"] in ("land", "decode", "validate")
    for issue in letter["outcome"]["issue"]:
        assert issue["severity"] in ("error", "fatal")
        assert issue["code"]
        assert len(issue["details"]["text"]) >= ACTIONABLE_CHARS


def raw_line(platform: Platform, letter: dict[str, Any]) -> dict[str, Any]:
    """The raw line that a dead letter points to."""
    path = platform.data / "lake" / "galen" / letter["raw"]["path"]
    lines = gzip.decompress(path.read_bytes()).splitlines()
    line: dict[str, Any] = json.loads(lines[letter["raw"]["line"] - 1])
    return line


def raw_bytes(line: dict[str, Any]) -> bytes:
    """The bytes that arrived."""
    return line["body"].encode() if "body" in line else base64.b64decode(line["body_b64"])
