"""The projects of the report, in the order of the page."""

from __future__ import annotations

from typing import Final

from local.report.figures import Section
from local.report.sections.demographics import demographics
from local.report.sections.journey import journey
from local.report.sections.models import models
from local.report.sections.operations import operations
from local.report.sections.quality import quality
from local.report.sections.safety import safety
from local.report.sections.surveillance import surveillance

SECTIONS: Final = (
    Section("journey", "Patient journey", journey),
    Section("surveillance", "Disease surveillance", surveillance),
    Section("quality", "Quality of care", quality),
    Section("operations", "Operations", operations),
    Section("demographics", "Demographics", demographics),
    Section("safety", "Drug safety", safety),
    Section("models", "Models", models),
)
