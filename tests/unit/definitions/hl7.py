"""HL7's definition files, where the test data are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DATA = os.environ.get("GALEN_TEST_DATA", "")
ARCHIVE = Path(_DATA) / "fhir-r4-definitions.tar.xz"

needs_definitions = pytest.mark.skipif(
    not (_DATA and ARCHIVE.is_file()),
    reason="GALEN_TEST_DATA has no fhir-r4-definitions: the artefact was not compared with HL7's files",
)
