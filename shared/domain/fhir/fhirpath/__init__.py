"""FHIRPath N1 as FHIR R4 uses it: `compile(text).evaluate(resource, model=…)`. http://hl7.org/fhirpath/N1/"""

from shared.domain.fhir.fhirpath.element import Element
from shared.domain.fhir.fhirpath.errors import FhirPathError, FhirPathLimitError, FhirPathSyntaxError
from shared.domain.fhir.fhirpath.evaluation import Evaluation
from shared.domain.fhir.fhirpath.expression import Expression, compile  # noqa: A004 - fhirpath.compile, as re.compile
from shared.domain.fhir.fhirpath.model import TypeModel

__all__ = [
    "Element",
    "Evaluation",
    "Expression",
    "FhirPathError",
    "FhirPathLimitError",
    "FhirPathSyntaxError",
    "TypeModel",
    "compile",
]
