"""Whether an extension that the specification defines is as its definition says; others are anyone's.

https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from typing import Any

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Constraint
from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.validation.errata import expression_of
from shared.domain.fhir.validation.fast.context import CONTEXT
from shared.domain.fhir.validation.fast.known import Known
from shared.domain.fhir.validation.fast.primitives import Check
from shared.domain.fhir.validation.profiles.apply import extension_issues
from shared.domain.fhir.validation.profiles.instance import Item


def extension_rule(definitions: PackedDefinitions) -> Check:
    """The rule of an Extension as a whole. Few extensions of real data are the specification's: most cost one look-up."""

    def is_defined(url: str) -> bool | None:
        return True if definitions.structure_definition(url) is not None else None

    def holds(constraint: Constraint, item: Item) -> bool:
        focus = fhirpath.Element(item.value, item.type_name, item.sibling)
        expression = fhirpath.compile(expression_of(constraint))
        return expression.is_true(focus, resource=CONTEXT.reading.resource, model=definitions)

    defined = Known(is_defined)

    def rule(extension: dict[str, Any]) -> bool:
        return not defined[extension["url"]] or not extension_issues(extension, "", definitions, holds)

    return rule
