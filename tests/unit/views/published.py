"""The published SQL-on-FHIR v2 tests: https://github.com/FHIR/sql-on-fhir-v2/tree/master/tests"""

from __future__ import annotations

import json
import os
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shared.domain.fhir.json import decode

NOT_TESTED = "not tested: the published SQL-on-FHIR cases, which GALEN_TEST_DATA would hold"


@dataclass(frozen=True)
class Case:
    """One test: the view, the resources, and the rows it must give; None where the view must be refused."""

    name: str
    view: Any
    resources: list[dict[str, Any]]
    expect: list[dict[str, Any]] | None


@cache
def published_cases() -> tuple[Case, ...]:
    """Every test of the archive, none where it is absent."""
    folder = os.environ.get("GALEN_TEST_DATA")
    archive = Path(folder) / "sql-on-fhir-v2.tar.xz" if folder else None
    if archive is None or not archive.exists():
        return ()
    cases = []
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            content = opened.extractfile(member) if member.name.endswith(".json") else None
            if content is None:
                continue
            suite = decode(content.read())
            for each in suite["tests"]:
                name = f"{Path(member.name).stem}: {each['title']}"
                expect = None if each.get("expectError") else each["expect"]
                cases.append(Case(name, each["view"], suite["resources"], expect))
    return tuple(cases)


def unordered(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as the suite compares them: numbers by value, in any order, every column present."""
    return sorted(
        json.dumps(row, sort_keys=True, default=float) for row in json.loads(json.dumps(rows, default=float))
    )
