"""Real Synthea patients: of GALEN_TEST_DATA where it is set, else the sample that ships with the project."""

from __future__ import annotations

import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tests.e2e.platform import ROOT

SHIPPED = ROOT / "local" / "demo" / "patients.tar.xz"
SHARED_TYPES = ("Organization", "Practitioner")
Bundle = dict[str, Any]


def archive() -> Path:
    """Where the bundles are."""
    data = os.environ.get("GALEN_TEST_DATA", "")
    return Path(data) / "synthea-r4.tar.xz" if data else SHIPPED


def bundles(count: int | None = None) -> Iterator[Bundle]:
    """Patient bundles in the archive's order; fewer than `count` where the archive has no more."""
    with tarfile.open(archive(), "r|xz") as packed:
        contents = (content.read() for member in packed if (content := packed.extractfile(member)))
        yield from islice((json.loads(each) for each in contents), count)


def patient_of(bundle: Bundle) -> dict[str, Any]:
    """The bundle's Patient."""
    found: dict[str, Any] = next(
        entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Patient"
    )
    return found


def source_id(bundle: Bundle) -> str:
    """The patient's identifier in the sending system, as search criteria."""
    identifier = patient_of(bundle)["identifier"][0]
    return f"{identifier['system']}|{identifier['value']}"


def types(bundle: Bundle) -> Counter[str]:
    """How many resources of each type the bundle holds."""
    return Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])


def tagged_patient(tag: str, number: int) -> dict[str, Any]:
    """One of many small patients, found by the tag."""
    return {
        "resourceType": "Patient",
        "id": f"{tag[:32]}-{number}",
        "identifier": [{"system": f"urn:e2e:{tag}", "value": str(number)}],
    }
