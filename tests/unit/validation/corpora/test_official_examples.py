"""The official examples of R4 4.0.1 are valid, but for those that are wrong and named with the reason.

Package hl7.fhir.r4.examples 4.0.1 (CC0), half of its 5,300 resources. Needs GALEN_TEST_DATA with fhir-r4-examples. A run
reads 500 of them, the same every time, and all that official_examples.json names; with GALEN_TEST_EVERYTHING set it reads
all, which takes a minute.
"""

from __future__ import annotations

import pytest

from tests.unit.validation.corpora.archives import (
    archive,
    disagreements,
    failures,
    issues_of,
    require_exactly,
    sampled,
)

_LARGE_BYTES = 2_000_000


@pytest.mark.timeout(600)
def test_official_examples_are_accepted_but_for_those_named_with_a_reason() -> None:
    files = archive("fhir-r4-examples")
    named = disagreements("official_examples")
    examples = [
        name
        for name in files
        if name.endswith(".json") and "/." not in name and name != "package/package.json"
    ]
    small = [name for name in examples if len(files[name]) < _LARGE_BYTES]
    chosen = sampled(examples, 0) if len(sampled(examples, 0)) == len(examples) else sampled(small, 500)
    tried = {*chosen, *(f"package/{name}.json" for name in named if f"package/{name}.json" in small)}
    found = {}
    for name in sorted(tried):
        errors = failures(issues_of(files[name]))
        if errors:
            found[name[len("package/") : -len(".json")]] = [
                (issue.rule, issue.expression) for issue in errors[:3]
            ]
    require_exactly(named, found, {name[len("package/") : -len(".json")] for name in tried})
