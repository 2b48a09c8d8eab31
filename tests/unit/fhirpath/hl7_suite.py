"""HL7's FHIRPath suite for R4, read from its archive. https://github.com/FHIR/fhir-test-cases, Apache-2.0"""

from __future__ import annotations

import json
import os
import tarfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.fhirpath.element import system_value
from shared.domain.fhir.fhirpath.functions.conversion import to_string
from shared.domain.fhir.json import decode
from tests.unit.fhirpath.fhir_xml import resource_of

DATA = os.environ.get("GALEN_TEST_DATA", "")
ARCHIVE = Path(DATA) / "fhirpath-r4.tar.xz"
NOW = datetime(2026, 3, 14, 9, 26, 53, 589000, tzinfo=timezone(timedelta(hours=5, minutes=30)))
assert NOW.astimezone(UTC) != NOW.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One test: `outputs` are types and values as written in the suite, `invalid` what kind of error is expected."""

    name: str
    expression: str
    inputfile: str
    outputs: tuple[tuple[str, str], ...]
    is_predicate: bool
    is_ordered: bool
    invalid: str


def cases() -> list[Case]:
    """All cases in order; names that occur twice are numbered."""
    suite = ElementTree.fromstring(_file("tests-fhir-r4.xml"))
    found = []
    seen: Counter[str] = Counter()
    for test in suite.iter("test"):
        expression = test.find("expression")
        assert expression is not None
        name = test.get("name", "")
        seen[name] += 1
        found.append(
            Case(
                name if seen[name] == 1 else f"{name}#{seen[name]}",
                expression.text or "",
                test.get("inputfile", "patient-example.xml"),
                tuple((output.get("type", ""), output.text or "") for output in test.findall("output")),
                test.get("predicate") == "true",
                test.get("ordered") != "false",
                expression.get("invalid", ""),
            )
        )
    return found


def failure_of(case: Case) -> str:
    """What is wrong with the answer to a case, "" if nothing."""
    try:
        items = fhirpath.compile(case.expression).elements(_input(case.inputfile), model=r4(), now=NOW)
    except fhirpath.FhirPathError as error:
        return "" if case.invalid else f"raised {error}"
    if case.invalid:
        return f"should be refused ({case.invalid}), gives {len(items)} items"
    found = ["true" if items else "false"] if case.is_predicate else [_text(item) for item in items]
    expected = [(kind, output.removeprefix("@T").removeprefix("@")) for kind, output in case.outputs]
    if not case.is_ordered:
        found, expected = sorted(found), sorted(expected, key=lambda pair: pair[1])
    same = len(found) == len(expected) and all(
        one == other or (kind == "decimal" and Decimal(one) == Decimal(other))
        for one, (kind, other) in zip(found, expected, strict=True)
    )
    return "" if same else f"expected {expected}, found {found}"


def _text(item: Any) -> str:
    value = system_value(item)
    text = to_string(value)
    return json.dumps(value, default=str) if text is None else text


@cache
def _input(name: str) -> dict[str, Any]:
    text = _file(name)
    return decode(text) if name.endswith(".json") else resource_of(text)


@cache
def _files() -> dict[str, str]:
    found = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                found[Path(member.name).name] = file.read().decode("utf-8")
    return found


def _file(name: str) -> str:
    return _files()[name]
