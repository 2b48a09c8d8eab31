"""Synthea's R4 patients are valid.

https://github.com/smart-on-fhir/generated-sample-data (Apache-2.0), 180 transaction Bundles. Needs GALEN_TEST_DATA with
synthea-r4. A run reads four of the Bundles, the same every time; with GALEN_TEST_EVERYTHING set all, which takes half a
minute.
"""

from __future__ import annotations

import pytest

from tests.unit.validation.corpora.archives import archive, failures, issues_of, sampled


@pytest.mark.timeout(1200)
def test_synthea_bundles_have_no_error() -> None:
    files = archive("synthea-r4")
    for name in sampled([name for name in files if name.endswith(".json")], 4):
        found = {(issue.rule, issue.expression) for issue in failures(issues_of(files[name]))}
        assert not found, f"{len(found)} errors in a bundle of {len(files[name])} bytes"
