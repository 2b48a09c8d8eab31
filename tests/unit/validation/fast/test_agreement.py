"""The fast pass against the complete reading on real data: what the one answers, the other finds."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from shared.domain.fhir import json
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation import fast
from shared.domain.fhir.validation.explain import explain
from shared.domain.fhir.validation.validator import R4Validator
from shared.errors import InputError
from tests.property.resources import broken
from tests.unit.validation.corpora.archives import archive, sampled

_LARGE = 60_000


def examples(count: int) -> list[dict[str, Any]]:
    files = archive("fhir-r4-examples")
    names = [name for name in sorted(files) if name.endswith(".json") and len(files[name]) < _LARGE]
    return list(_resources(files[name] for name in sampled(names, count)))


def synthea(count: int) -> list[dict[str, Any]]:
    files = archive("synthea-r4")
    bundles = _resources(
        files[name] for name in sampled(sorted(each for each in files if each.endswith(".json")), 3)
    )
    entries = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    return Random(1).sample(entries, min(count, len(entries)))


def _resources(texts: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    for text in texts:
        try:
            resource = json.decode_object(text)
        except InputError:
            continue
        if "resourceType" in resource:
            yield resource


def agrees(resource: dict[str, Any]) -> bool:
    """Asserts that what the fast pass answers is what is found; whether it answered."""
    found = fast.remarks(resource)
    if found is not None:
        assert found == explain(resource, r4())
    assert R4Validator().validate(resource) == explain(resource, r4())
    return found is not None


def test_official_examples() -> None:
    answered = [agrees(resource) for resource in examples(300)]
    assert sum(answered) > 0.9 * len(answered)


def test_synthea_needs_no_complete_reading() -> None:
    assert all(agrees(resource) for resource in synthea(400))


def test_broken_examples() -> None:
    random = Random(2)
    for resource in examples(120) + synthea(120):
        for _ in range(3):
            agrees(broken(resource, random))
