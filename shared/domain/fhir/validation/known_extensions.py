"""Extensions under the specification's own base that FHIR R4 does not define.

https://hl7.org/fhir/R4/extensibility.html and https://hl7.org/fhir/R4/extension-registry.html. HL7's later packages define
more under the same base: such a URL is a mistake or newer than R4, which is for a person to say.
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.outcome import Issue

_BASE: Final = "http://hl7.org/fhir/StructureDefinition/"


def is_unknown(url: Any, definitions: Definitions) -> bool:
    """Whether the URL looks like one of the specification's and is none."""
    return isinstance(url, str) and url.startswith(_BASE) and definitions.structure_definition(url) is None


def unknown_extension(path: str) -> Issue:
    """What is said of such an extension at this place."""
    text = (
        "FHIR R4 defines no extension of this URL: mind its spelling, or take one of your own base where HL7's later "
        "packages have none either."
    )
    return Issue("warning", "extension", text, f"{path}.url", "extension-unknown")
