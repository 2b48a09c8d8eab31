"""The R4 part of fhirpath.js's own suite, read from its archive. https://github.com/HL7/fhirpath.js"""

from __future__ import annotations

import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.fhirpath.functions.conversion import to_string
from shared.domain.fhir.fhirpath.quantity import read_quantity
from shared.domain.fhir.json import decode
from tests.unit.fhirpath.hl7_suite import NOW

DATA = os.environ.get("GALEN_TEST_DATA", "")
ARCHIVE = Path(DATA) / "fhirpath-js.tar.xz"
_MODELS = ("", "r4")


@dataclass(frozen=True)
class Case:
    """One test; `result` is None where an error is expected."""

    name: str
    expression: str
    base: str
    subject: Any
    inputfile: str
    model: str
    variables: dict[str, Any]
    context: str
    result: list[Any] | None


def cases() -> list[Case]:
    """All cases without a model or with R4's that fhirpath.js itself runs."""
    found: list[Case] = []
    seen: Counter[str] = Counter()
    for file, text in sorted(_files().items()):
        if file.endswith(".yaml") and "/cases/" in file and "r5" not in file:
            document = _yaml(text)
            for test in _tests(document["tests"]):
                found += _cases(Path(file).stem, test, document.get("subject"), seen)
    return found


def _tests(nodes: Any, *, disabled: bool = False) -> Iterator[dict[str, Any]]:
    for node in nodes if isinstance(nodes, list) else [nodes]:
        off = disabled or bool(node.get("disable"))
        groups = [value for key, value in node.items() if str(key).startswith("group")]
        for group in groups:
            yield from _tests(group, disabled=off)
        if "expression" in node and not off:
            yield node


def _cases(file: str, test: dict[str, Any], subject: Any, seen: Counter[str]) -> Iterator[Case]:
    if (test.get("model") or "") not in _MODELS:
        return
    expressions = test["expression"]
    for each in expressions if isinstance(expressions, list) else [expressions]:
        base, expression = (each["base"], each["expression"]) if isinstance(each, dict) else ("", each)
        name = f"{file}: {expression}"
        seen[name] += 1
        result = None if test.get("error") else test.get("result", [])
        yield Case(
            name if seen[name] == 1 else f"{name} #{seen[name]}",
            expression,
            base,
            test.get("subject", subject),
            test.get("inputfile", ""),
            test.get("model") or "",
            test.get("variables") or {},
            test.get("context", ""),
            result if result is None or isinstance(result, list) else [result],
        )


def failure_of(case: Case) -> str:
    """What is wrong with the answer to a case, "" if nothing."""
    focus = _input(case.inputfile) if case.inputfile else case.subject
    try:
        found = _evaluated(case, focus)
    except fhirpath.FhirPathError as error:
        return "" if case.result is None else f"raised {error}"
    if case.result is None:
        return f"should be refused, gives {len(found)} items"
    same = len(found) == len(case.result) and all(
        _same(one, other) for one, other in zip(found, case.result, strict=True)
    )
    return "" if same else f"expected {case.result}, found {found}"


def _evaluated(case: Case, subject: Any) -> list[Any]:
    model = r4() if case.model else None
    focus = [] if subject is None else subject
    if case.context:
        focus = fhirpath.compile(case.context).evaluate(subject, model=model)
    return fhirpath.compile(case.expression).evaluate(
        focus, resource=subject, variables=case.variables, model=model, now=NOW, type_name=case.base
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return abs(Decimal(str(one)) - Decimal(str(other))) < Decimal("1e-8")
    if isinstance(one, dict | list | str) and not isinstance(other, str):
        return bool(one == other)
    text = to_string(one)
    return text == str(other).removeprefix("@T").removeprefix("@") or (
        not isinstance(one, str) and str(one) == str(read_quantity(str(other)))
    )


@cache
def _input(name: str) -> Any:
    return next(decode(text) for file, text in _files().items() if file.endswith(f"resources/r4/{name}"))


@cache
def _files() -> dict[str, str]:
    found = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith((".yaml", ".json")) else None
            if file is not None:
                found[member.name] = file.read().decode("utf-8")
    return found


def _yaml(text: str) -> Any:
    yaml: Any = pytest.importorskip("yaml", reason="PyYAML is not installed: fhirpath.js's suite was not run")
    return yaml.safe_load(text)
